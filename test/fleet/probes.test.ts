import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import { counted, rejectionOf, works } from "../kit/index.ts"
import type { Node } from "./fixtures.ts"
import {
  assertTags,
  failing,
  fleet,
  halfOpenFleet,
  historyOf,
  inStep,
  settled,
  startCall,
  succeeding
} from "./fixtures.ts"

const three = { halfOpen: { probes: 3 } }

test("R3.2.3 one of 20 nodes runs the probe, and the others reject at once", function* () {
  const nodes = yield* halfOpenFleet(20)
  const call = counted(Effect.never)
  const calls = yield* Effect.forEach(nodes, (node) => Effect.fork(Effect.flip(node.protect(call.effect))))
  yield* settled
  yield* settled
  assert.strictEqual(call.runs, 1)
  const ended = calls.flatMap((fiber) => fiber.unsafePoll() ?? [])
  assert.strictEqual(ended.length, 19)
  for (const exit of ended) {
    const { retryAfter, state } = yield* exit
    assert.deepStrictEqual([state, Duration.toMillis(retryAfter)], ["HalfOpen", 0])
  }
})

test("R3.2.3 at most `probes` probes run or have succeeded in the fleet", function* () {
  const nodes = yield* halfOpenFleet(5, three)
  const [a, b, c, d, e] = nodes
  const first = yield* startCall(a)
  const second = yield* startCall(b)
  const third = yield* startCall(b)
  assert.strictEqual((yield* rejectionOf(c!.protect(works))).state, "HalfOpen")
  yield* first.end(Exit.succeed("worked"))
  yield* settled
  assert.strictEqual((yield* rejectionOf(d!.protect(works))).state, "HalfOpen")
  assert.deepInclude(yield* e!.state(), { _tag: "HalfOpen", probing: 2, succeeded: 1 })
  yield* second.end(Exit.succeed("worked"))
  yield* third.end(Exit.succeed("worked"))
  yield* settled
  yield* assertTags(nodes, "Closed")
  assert.deepStrictEqual(historyOf(e!), historyOf(a))
})

/** Begins a stream on a node, whose first chunk arrives and which then waits. */
const streaming = (node: Node) =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<string, string>()
    const chunks = Stream.concat(Stream.make("first"), Stream.fromEffect(Deferred.await(end)))
    yield* node.protectStream(chunks).pipe(Stream.runDrain, Effect.exit, Effect.forkScoped)
    yield* settled
    return { breakOff: Deferred.fail(end, "unavailable") }
  })

test("R3.1.8 a stream that fails after its first chunk reopens the circuit on every process", function* () {
  const [a, b] = yield* halfOpenFleet(2, { halfOpen: { probes: 2 } })
  const { breakOff } = yield* streaming(a)
  assert.deepInclude(yield* b.state(), { _tag: "HalfOpen", probing: 0, succeeded: 1 })

  yield* breakOff
  yield* settled

  yield* assertTags([a, b], "Open")
  yield* inStep
  yield* assertTags([a, b], "Open")
  for (const node of [a, b]) assert.deepInclude(yield* node.state(), { openings: 2 })
})

test("R3.2.6 a stream of an earlier half-open circuit that fails in the next one changes nothing", function* () {
  const [a, b] = yield* halfOpenFleet(2, { halfOpen: { probes: 2 } })
  const { breakOff } = yield* streaming(a)
  yield* b.trip()
  yield* settled
  yield* TestClock.adjust("10 seconds")
  assert.deepInclude(yield* a.state(), { _tag: "HalfOpen", succeeded: 0 })

  yield* breakOff
  yield* inStep

  yield* assertTags([a, b], "HalfOpen")
})

test("R3.2.3 a failed probe reopens the circuit on every node, and fences out the other probes", function* () {
  const [a, b, c] = yield* halfOpenFleet(3, three)
  const first = yield* startCall(a)
  const second = yield* startCall(b)
  yield* first.end(Exit.fail("unavailable"))
  yield* settled
  yield* assertTags([a, b, c!], "Open")
  yield* second.end(Exit.succeed("late"))
  yield* inStep
  yield* assertTags([a, b, c!], "Open")
  yield* TestClock.adjust("6 seconds")
  assert.deepInclude(yield* c!.state(), { _tag: "HalfOpen", succeeded: 0, openings: 2 })
  const last = c!.seen.findLast(({ to }) => to === "Open")
  assert.strictEqual(last?.to === "Open" && last.reason, "ProbeFailed")
})

test("R3.2.3 failuresToReopen counts the failed probes of all nodes", function* () {
  const [a, b] = yield* halfOpenFleet(2, { halfOpen: { probes: 2, failuresToReopen: 2 } })
  yield* failing(a, 1)
  yield* assertTags([a, b], "HalfOpen")
  yield* failing(b, 1)
  yield* assertTags([a, b], "Open")
})

for (const [how, end] of [
  ["is interrupted", (probe: Probe) => probe.interrupt],
  ["is ignored", (probe: Probe) => probe.end(Exit.interrupt(probe.fiber.id()))]
] as const) {
  test(`R3.2.4 a probe that ${how} gives its slot back to the fleet`, function* () {
    const [a, b] = yield* halfOpenFleet(2)
    const probe = yield* startCall(a)
    yield* rejectionOf(b.protect(works))
    yield* end(probe)
    yield* settled
    yield* assertTags([a, b], "HalfOpen")
    assert.strictEqual(yield* b.protect(works), "worked")
    yield* settled
    yield* assertTags([a, b], "Closed")
  })
}

test("R3.2.4 a caller that is interrupted while it asks for a slot leaves none taken", function* () {
  const [a, b] = yield* halfOpenFleet(2)
  const call = counted(works)
  // At every step of the request.
  for (let steps = 0; steps < 30; steps++) {
    const asking = yield* Effect.fork(a.protect(Effect.zipRight(call.effect, Effect.never)))
    yield* Effect.repeatN(Effect.yieldNow(), steps)
    yield* Fiber.interrupt(asking)
    yield* settled
    assert.deepInclude(yield* b.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
  }
  assert.isAbove(call.runs, 0)
  assert.strictEqual(yield* b.protect(works), "worked")
})

test("R3.2.5 a probe keeps its slot for as long as its node renews its lease", function* () {
  const [a, b] = yield* halfOpenFleet(2, {}, { lease: "6 seconds" })
  const probe = yield* startCall(a)
  yield* TestClock.adjust("50 seconds")
  assert.strictEqual((yield* rejectionOf(b.protect(works))).state, "HalfOpen")
  yield* probe.end(Exit.succeed("worked"))
  yield* settled
  yield* assertTags([a, b], "Closed")
})

test("R3.2.5 a node that died loses its slot after the lease, not before, and its late result is fenced out", function* () {
  const [a, b, c] = yield* halfOpenFleet(3, {}, { lease: "6 seconds" })
  const probe = yield* startCall(a)
  yield* TestClock.adjust("10 seconds")
  a.link.freeze()
  yield* TestClock.adjust("3 seconds")
  assert.strictEqual((yield* rejectionOf(b.protect(works))).state, "HalfOpen")
  yield* TestClock.adjust("6 seconds")
  const second = yield* startCall(b)
  assert.strictEqual((yield* rejectionOf(c!.protect(works))).state, "HalfOpen")
  a.link.mend()
  yield* probe.end(Exit.succeed("late"))
  yield* inStep
  yield* assertTags([b, c!], "HalfOpen")
  yield* second.end(Exit.succeed("worked"))
  yield* inStep
  yield* assertTags([a, b, c!], "Closed")
})

test("R3.2.5 a probe older than probeTimeout loses its slot to any node", function* () {
  const [a, b] = yield* halfOpenFleet(2, { halfOpen: { probeTimeout: "20 seconds" } })
  const probe = yield* startCall(a)
  yield* TestClock.adjust("19999 millis")
  yield* rejectionOf(b.protect(works))
  yield* TestClock.adjust("1 millis")
  assert.strictEqual(yield* b.protect(works), "worked")
  yield* settled
  yield* probe.end(Exit.fail("late"))
  yield* inStep
  yield* assertTags([a, b], "Closed")
})

type Probe = Effect.Effect.Success<ReturnType<typeof startCall>>

const recovering = (size: number) =>
  Effect.tap(halfOpenFleet(size, { recovery: { duration: "100 seconds", from: 0.25 } }), ([first]) =>
    succeeding(first, 1)
  )

test("R3.2.9 a recovery begins and ends on every node at the same moment", function* () {
  const [a, b] = yield* recovering(2)
  yield* assertTags([a, b], "Recovering")
  yield* TestClock.adjust("50 seconds")
  for (const node of [a, b]) assert.deepInclude(yield* node.state(), { admitting: 0.625 })
  yield* TestClock.adjust("49999 millis")
  yield* assertTags([a, b], "Recovering")
  yield* TestClock.adjust("1 millis")
  yield* assertTags([a, b], "Closed")
})

test("R3.2.9 each node admits its share of its own calls", function* () {
  const [a, b] = yield* recovering(2)
  const admitted = (node: Node) =>
    Effect.map(
      Effect.replicateEffect(Effect.exit(node.protect(works)), 40),
      (exits) => exits.filter(Exit.isSuccess).length
    )
  assert.deepStrictEqual([yield* admitted(a), yield* admitted(b)], [10, 10])
})

test("R3.2.9 a trip during a recovery opens the circuit on every node, with a backoff step", function* () {
  const [a, b] = yield* recovering(2)
  for (let call = 0; call < 4; call++) yield* failing(b, 1)
  for (const node of [a, b]) assert.deepInclude(yield* node.state(), { _tag: "Open", openings: 2 })
})

test("R3.2.9 the outcomes of all nodes decide on a recovery", function* () {
  const [a, b] = yield* fleet(2, {
    tripPolicy: TripPolicy.consecutive(4),
    recovery: { duration: "100 seconds", from: 0.99 }
  })
  yield* succeeding(b, 1)
  yield* failing(a, 4)
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(a, 1)
  // The first call of each node is rejected.
  yield* failing(a, 3)
  yield* inStep
  yield* failing(b, 2)
  yield* inStep
  yield* assertTags([a, b], "Recovering")
  yield* failing(b, 1)
  yield* assertTags([a, b], "Open")
})
