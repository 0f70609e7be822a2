import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import { test } from "../kit/test.ts"
import type { LogLine } from "../kit/index.ts"
import { counted, recordLogs, rejectionOf, tagOf, works } from "../kit/index.ts"
import type { Node } from "./fixtures.ts"
import {
  assertTags,
  failing,
  fleet,
  halfOpenFleet,
  historyOf,
  inStep,
  join,
  makeStore,
  openFleet,
  settled,
  startCall,
  succeeding
} from "./fixtures.ts"

/** The lines about the store. */
const aboutStore = (lines: ReadonlyArray<LogLine>) =>
  lines
    .filter(({ message }) => message.includes("circuit store"))
    .map(({ annotations, level, message }) => [level, annotations["breaker"], message])

const lost = (error: string) => [
  "Warning",
  "default",
  `The circuit store does not answer: each process uses its own circuits (${error})`
]
const regained = ["Info", "default", "The circuit store answers again: circuits are shared"]

/** The ways in which a store fails for a node. */
const faults: ReadonlyArray<readonly [name: string, fail: (node: Node) => void, error: string]> = [
  ["fails", ({ link }) => link.cut(), "the store is down"],
  ["does not answer", ({ link }) => link.freeze(), "no answer within the deadline"]
]

const mend = (nodes: ReadonlyArray<Node>): void => nodes.forEach(({ link }) => link.mend())

for (const [name, fail, error] of faults) {
  test(`C7 a store that ${name} is reported once, and once when it answers again`, function* () {
    const logs = yield* recordLogs
    const [a, b] = yield* fleet(2)
    yield* failing(a, 1)
    fail(a)
    yield* inStep
    assert.deepStrictEqual(aboutStore(logs), [lost(error)])
    yield* failing(a, 3)
    yield* TestClock.adjust("1 minute")
    yield* failing(a, 1)
    yield* TestClock.adjust("1 minute")
    assert.deepStrictEqual(aboutStore(logs), [lost(error)])
    mend([a])
    yield* inStep
    assert.deepStrictEqual(aboutStore(logs), [lost(error), regained])
    assert.strictEqual(yield* tagOf(b), yield* tagOf(a))
  })

  test(`C7 each node uses its own circuit while a store ${name}, and they agree afterwards`, function* () {
    const [a, b, c] = yield* fleet(3, { openDuration: "60 seconds" })
    yield* Effect.forEach([a, b, c!], (node) => failing(node, 1))
    yield* inStep
    for (const node of [a, b, c!]) fail(node)
    yield* inStep
    yield* failing(a, 4)
    yield* failing(b, 3)
    yield* assertTags([a, b, c!], "Open", "Closed", "Closed")
    assert.strictEqual(yield* b.protect(works), "worked")
    mend([a, b, c!])
    yield* inStep
    yield* assertTags([a, b, c!], "Open")
    // The open time began with the opening, not when the other nodes learned of it.
    yield* TestClock.adjust("56 seconds")
    yield* assertTags([a, b, c!], "HalfOpen")
  })

  test(`C7 calls of a node that starts while a store ${name} go on, and it joins the others later`, function* () {
    const [a, b] = yield* fleet(2)
    fail(b)
    yield* failing(a, 5)
    const first = yield* Effect.fork(b.protect(works))
    yield* TestClock.adjust("100 millis")
    assert.strictEqual(yield* Fiber.join(first), "worked")
    assert.strictEqual(yield* b.protect(works), "worked")
    mend([b])
    yield* inStep
    yield* rejectionOf(b.protect(works))
    yield* assertTags([a, b], "Open")
  })

  test(`C7 each node has a probe of its own while a store ${name}`, function* () {
    const [a, b] = yield* halfOpenFleet(2)
    fail(a)
    fail(b)
    yield* inStep
    const probe = yield* startCall(a)
    const other = yield* startCall(b)
    assert.deepStrictEqual([(yield* a.state())._tag, (yield* b.state())._tag], ["HalfOpen", "HalfOpen"])
    yield* other.end(Exit.succeed("worked"))
    assert.strictEqual(yield* tagOf(b), "Closed")
    yield* probe.end(Exit.fail("unavailable"))
    assert.strictEqual(yield* tagOf(a), "Open")
    mend([a, b])
    yield* inStep
    // The opening of one node prevails.
    yield* rejectionOf(b.protect(works))
    yield* assertTags([a, b], "Open")
  })

  test(`C7 a probe during which a store ${name} still settles the circuit`, function* () {
    const [a, b] = yield* halfOpenFleet(2)
    const probe = yield* startCall(a)
    fail(a)
    fail(b)
    yield* probe.end(Exit.succeed("worked"))
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* tagOf(a), "Closed")
    mend([a, b])
    yield* inStep
    yield* assertTags([a, b], "Closed")
  })

  for (const [control, nodes, changed] of [
    ["trip", fleet(2), "Open"],
    ["reset", openFleet(2, { openDuration: "60 seconds" }), "Closed"]
  ] as const) {
    test(`C7 ${control} works on the node itself while a store ${name}, and on the others afterwards`, function* () {
      const [a, b] = yield* nodes
      yield* succeeding(b, 1)
      const before = yield* tagOf(b)
      fail(a)
      const controlling = yield* Effect.fork(a[control]())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(controlling)
      yield* assertTags([a, b], changed, before)
      mend([a])
      yield* inStep
      yield* assertTags([a, b], changed)
    })
  }

  test(`C7 an isolation begins and ends while a store ${name}, and reaches the others afterwards`, function* () {
    const [a, b] = yield* fleet(2)
    yield* succeeding(b, 1)
    fail(a)
    const scope = yield* Scope.make()
    const isolating = yield* Effect.fork(Scope.extend(a.isolate(), scope))
    yield* TestClock.adjust("1 second")
    assert.isNotNull(isolating.unsafePoll())
    yield* assertTags([a, b], "Isolated", "Closed")
    mend([a])
    yield* inStep
    yield* assertTags([a, b], "Isolated")
    fail(a)
    const releasing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("1 second")
    assert.isNotNull(releasing.unsafePoll())
    assert.strictEqual(yield* tagOf(a), "Closed")
    mend([a])
    yield* inStep
    yield* inStep
    yield* assertTags([a, b], "Closed")
  })

  test(`C7 onStoreError "reject" rejects calls while a store ${name}`, function* () {
    const [a, b] = yield* fleet(2, {}, { onStoreError: "reject" })
    yield* failing(a, 1)
    fail(a)
    yield* inStep
    const call = counted(works)
    const rejection = yield* rejectionOf(a.protect(call.effect))
    assert.deepStrictEqual(
      [call.runs, rejection.state, Duration.toMillis(rejection.retryAfter)],
      [0, "Open", 2_000]
    )
    assert.strictEqual(yield* b.protect(works), "worked")
    mend([a])
    yield* inStep
    assert.strictEqual(yield* a.protect(call.effect), "worked")
  })
}

test("C7 the first call of a circuit waits no longer than the deadline, and later ones not at all", function* () {
  const [a] = yield* fleet(2, {}, { deadline: "100 millis" })
  a.link.freeze()
  const call = counted(works)
  const first = yield* Effect.fork(a.protect(call.effect))
  yield* settled
  yield* TestClock.adjust("99 millis")
  assert.strictEqual(call.runs, 0)
  yield* TestClock.adjust("1 millis")
  assert.strictEqual(yield* Fiber.join(first), "worked")
  assert.strictEqual(yield* a.protectWith(call.effect, { key: "another" }), "worked")
})

test("R3.1.4 a first call can be interrupted while it waits", function* () {
  const [a] = yield* fleet(2)
  a.link.freeze()
  const call = counted(works)
  const first = yield* Effect.fork(a.protect(call.effect))
  yield* settled
  assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
  assert.strictEqual(call.runs, 0)
})

test("C7 many failures leave one question waiting", function* () {
  const [a] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1_000_000) })
  yield* failing(a, 1)
  a.link.freeze()
  yield* inStep
  const before = a.link.commands
  for (let failures = 0; failures < 20; failures++) {
    yield* failing(a, 100)
    yield* TestClock.adjust("100 millis")
  }
  // 2 seconds: at most one question at a time, each abandoned after 100 milliseconds.
  assert.isAtMost(a.link.commands - before, 20)
})

test("C7 a node that was cut off has healed by itself, and has no more transitions than the others", function* () {
  const [a, b] = yield* openFleet(2)
  b.link.cut()
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(a, 1)
  yield* succeeding(b, 1)
  b.link.mend()
  yield* inStep
  yield* succeeding(b, 1)
  yield* assertTags([a, b], "Closed")
  assert.deepStrictEqual(historyOf(b), historyOf(a))
})

/** Restarts the store of the nodes without its data. */
const emptied = (nodes: ReadonlyArray<Node>) =>
  Effect.gen(function* () {
    const empty = yield* makeStore()
    for (const { link } of nodes) link.moveTo(empty)
    yield* inStep
    return empty
  })

test("C7 nodes restore an opening in a store that restarts empty", function* () {
  const [a, b, c] = yield* openFleet(3, { openDuration: "60 seconds" })
  yield* TestClock.adjust("10 seconds")
  const empty = yield* emptied([a, b, c!])
  yield* assertTags([a, b, c!], "Open")
  const late = yield* join(empty, { openDuration: "60 seconds", tripPolicy: TripPolicy.consecutive(1) })
  yield* rejectionOf(late.protect(works))
  yield* TestClock.adjust("46 seconds")
  yield* assertTags([a, b, c!, late], "HalfOpen")
  for (const node of [a, b, c!]) assert.strictEqual(node.seen.length, 1)
})

test("C7 nodes restore an isolation in a store that restarts empty", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* a.isolate()
      yield* inStep
      yield* emptied([a, b])
      yield* inStep
      yield* assertTags([a, b], "Isolated")
    })
  )
  yield* inStep
  yield* assertTags([a, b], "Closed")
})

test("C7 the count of a Closed circuit survives a store that restarts empty", function* () {
  const [a, b] = yield* openFleet(2, { tripPolicy: TripPolicy.consecutive(3) }).pipe(
    Effect.tap(([first]) => failing(first, 2)),
    Effect.tap(TestClock.adjust("10 seconds")),
    Effect.tap(([first]) => succeeding(first, 1))
  )
  yield* failing(a, 2)
  yield* inStep
  const before = [historyOf(a), historyOf(b)]
  yield* emptied([a, b])
  assert.deepStrictEqual([historyOf(a), historyOf(b)], before)
  yield* failing(b, 1)
  yield* inStep
  yield* assertTags([a, b], "Open")
})

test("C7 a node without notifications learns of an opening at the next sync", function* () {
  const [a, b] = yield* fleet(2)
  yield* failing(b, 1)
  b.link.deafen()
  yield* failing(a, 4)
  yield* TestClock.adjust("2 seconds")
  yield* assertTags([a, b], "Open")
})

test("C7 a node without notifications asks the store before a call, once per sync interval", function* () {
  const [a, b] = yield* fleet(2)
  yield* succeeding(b, 1)
  b.link.deafen()
  yield* failing(a, 5)
  yield* TestClock.adjust("2 seconds")
  yield* rejectionOf(b.protect(works))
  const { commands } = b.link
  yield* TestClock.adjust("1 second")
  yield* rejectionOf(b.protect(works))
  assert.isAtMost(b.link.commands - commands, 1)
})

test("C7 a node without notifications closes its circuit with the others", function* () {
  const [a, b] = yield* openFleet(2)
  b.link.deafen()
  yield* TestClock.adjust("10 seconds")
  yield* succeeding(a, 1)
  yield* TestClock.adjust("2 seconds")
  yield* assertTags([a, b], "Closed")
})

const writeThrough = { sync: "write-through" } as const

test("write-through writes an outcome before the call returns", function* () {
  const store = yield* makeStore(writeThrough)
  // Each node lives for one call.
  const once = Effect.scoped(
    Effect.flatMap(join(store), (node) => Effect.exit(node.protect(Effect.fail("down"))))
  )
  yield* Effect.replicateEffect(once, 5)
  const next = yield* join(store)
  assert.strictEqual((yield* rejectionOf(next.protect(works))).state, "Open")
})

test("write-through writes successes too, so that a rate is that of all calls", function* () {
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, within: "10 minutes", minimumCalls: 4 })
  const store = yield* makeStore(writeThrough)
  const once = (call: Effect.Effect<unknown, string>) =>
    Effect.scoped(Effect.flatMap(join(store, { tripPolicy }), (node) => Effect.exit(node.protect(call))))
  for (const call of [works, works, works, Effect.fail("down"), Effect.fail("down")]) yield* once(call)
  const next = yield* join(store, { tripPolicy })
  assert.strictEqual(yield* next.protect(works), "worked")
  yield* Effect.replicateEffect(once(Effect.fail("down")), 2)
  assert.strictEqual((yield* rejectionOf(next.protect(works))).state, "Open")
})

test("write-through reads at each admission, so that a node without notifications rejects its next call", function* () {
  const [a, b] = yield* fleet(2, {}, writeThrough)
  yield* succeeding(b, 1)
  b.link.deafen()
  yield* failing(a, 5)
  const call = counted(works)
  yield* rejectionOf(b.protect(call.effect))
  assert.strictEqual(call.runs, 0)
})

test("write-through gives the caller its own result while the store does not answer", function* () {
  const [a] = yield* fleet(2, {}, writeThrough)
  const call = yield* startCall(a)
  a.link.freeze()
  const ended = yield* Effect.fork(call.end(Exit.fail("unavailable")))
  yield* TestClock.adjust("1 second")
  assert.deepStrictEqual(ended.unsafePoll(), Exit.succeed(Exit.fail("unavailable")))
})
