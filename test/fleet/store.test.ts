import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import type { LogLine } from "../rules/fixtures.ts"
import { counted, recordLogs, rejectionOf, tagOf, works } from "../rules/fixtures.ts"
import type { Node } from "./fixtures.ts"
import {
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
  succeeding,
  tagsOf
} from "./fixtures.ts"

/** Of what is logged, what is about the store. */
const aboutStore = (lines: ReadonlyArray<LogLine>) =>
  lines
    .filter(({ message }) => message.includes("circuit store"))
    .map(({ annotations, level, message }) => [level, annotations["breaker"], message])

const lost = (error: string) => [
  "Warning",
  "default",
  `The circuit store does not answer: each process goes by its own circuits (${error})`
]
const regained = ["Info", "default", "The circuit store answers again: circuits are shared"]

/** The ways of a store to fail, for all nodes. */
const faults: ReadonlyArray<readonly [name: string, fail: (node: Node) => void, error: string]> = [
  ["fails", ({ link }) => link.cut(), "the store is down"],
  ["is silent", ({ link }) => link.freeze(), "no answer within the deadline"]
]

const mend = (nodes: ReadonlyArray<Node>): void => nodes.forEach(({ link }) => link.mend())

describe("a store that cannot be asked", () => {
  for (const [name, fail, error] of faults) {
    it.scoped(`${name}: one warning, one line when it answers again, and nothing in between`, () =>
      Effect.gen(function* () {
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
    )

    it.scoped(`${name}: each node goes by its own machine, and they agree afterwards`, () =>
      Effect.gen(function* () {
        const [a, b, c] = yield* fleet(3, { openDuration: "60 seconds" })
        yield* Effect.forEach([a, b, c!], (node) => failing(node, 1))
        yield* inStep
        for (const node of [a, b, c!]) fail(node)
        yield* inStep
        yield* failing(a, 4)
        yield* failing(b, 3)
        assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Open", "Closed", "Closed"])
        assert.strictEqual(yield* b.protect(works), "worked")
        mend([a, b, c!])
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Open", "Open", "Open"])
        // When it was opened here counts, not when the others could know.
        yield* TestClock.adjust("56 seconds")
        assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["HalfOpen", "HalfOpen", "HalfOpen"])
      })
    )

    it.scoped(`${name} when a node starts: its calls go on, and it joins the others later`, () =>
      Effect.gen(function* () {
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
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
      })
    )

    it.scoped(`${name}: a probe is the node's own`, () =>
      Effect.gen(function* () {
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
        // What one node knows to be down is not used by the others.
        yield* rejectionOf(b.protect(works))
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
      })
    )

    it.scoped(`${name} in the middle of a probe: the probe ends as it does`, () =>
      Effect.gen(function* () {
        const [a, b] = yield* halfOpenFleet(2)
        const probe = yield* startCall(a)
        fail(a)
        fail(b)
        yield* probe.end(Exit.succeed("worked"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* tagOf(a), "Closed")
        mend([a, b])
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      })
    )

    it.scoped(`${name}: controls by hand work here, and reach the others afterwards`, () =>
      Effect.gen(function* () {
        const [a, b] = yield* fleet(2)
        yield* succeeding(b, 1)
        fail(a)
        const tripping = yield* Effect.fork(a.trip())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(tripping)
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Closed"])
        mend([a])
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
      })
    )

    it.scoped(`${name}: a reset by hand reaches the others afterwards`, () =>
      Effect.gen(function* () {
        const [a, b] = yield* openFleet(2, { openDuration: "60 seconds" })
        fail(a)
        const resetting = yield* Effect.fork(a.reset())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(resetting)
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Open"])
        mend([a])
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      })
    )

    it.scoped(`${name}: an isolation begins and ends, and reaches the others while it lasts`, () =>
      Effect.gen(function* () {
        const [a, b] = yield* fleet(2)
        yield* succeeding(b, 1)
        fail(a)
        const scope = yield* Scope.make()
        const isolating = yield* Effect.fork(Scope.extend(a.isolate(), scope))
        yield* TestClock.adjust("1 second")
        assert.isNotNull(isolating.unsafePoll())
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Closed"])
        mend([a])
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
        fail(a)
        const releasing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1 second")
        assert.isNotNull(releasing.unsafePoll())
        assert.strictEqual(yield* tagOf(a), "Closed")
        mend([a])
        yield* inStep
        yield* inStep
        assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      })
    )

    it.scoped(`${name}, and calls are turned away where that is asked for`, () =>
      Effect.gen(function* () {
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
    )
  }

  it.scoped(
    "holds up the first call on a circuit no longer than the deadline, and the others not at all",
    () =>
      Effect.gen(function* () {
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
  )

  it.scoped("a first call can be interrupted while it waits", () =>
    Effect.gen(function* () {
      const [a] = yield* fleet(2)
      a.link.freeze()
      const call = counted(works)
      const first = yield* Effect.fork(a.protect(call.effect))
      yield* settled
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      assert.strictEqual(call.runs, 0)
    })
  )

  it.scoped("queues nothing: a storm of failures leaves one question waiting", () =>
    Effect.gen(function* () {
      const [a] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1_000_000) })
      yield* failing(a, 1)
      a.link.freeze()
      yield* inStep
      const before = a.link.commands
      for (let failures = 0; failures < 20; failures++) {
        yield* failing(a, 100)
        yield* TestClock.adjust("100 millis")
      }
      // 2 seconds: at most one question at a time, each given up after 100 milliseconds.
      assert.isAtMost(a.link.commands - before, 20)
    })
  )

  it.scoped("one node that is cut off heals by itself, and comes back without a transition too many", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      b.link.cut()
      yield* TestClock.adjust("10 seconds")
      yield* succeeding(a, 1)
      yield* succeeding(b, 1)
      b.link.mend()
      yield* inStep
      yield* succeeding(b, 1)
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
      assert.deepStrictEqual(historyOf(b), historyOf(a))
    })
  )
})

describe("a store that restarts empty", () => {
  it.scoped("gets back what the nodes hold: an Open state is not lost", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* openFleet(3, { openDuration: "60 seconds" })
      yield* TestClock.adjust("10 seconds")
      const empty = yield* makeStore()
      for (const { link } of [a, b, c!]) link.moveTo(empty)
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b, c!]), ["Open", "Open", "Open"])
      const late = yield* join(empty, { openDuration: "60 seconds", tripPolicy: TripPolicy.consecutive(1) })
      yield* rejectionOf(late.protect(works))
      yield* TestClock.adjust("46 seconds")
      assert.deepStrictEqual(yield* tagsOf([a, b, c!, late]), [
        "HalfOpen",
        "HalfOpen",
        "HalfOpen",
        "HalfOpen"
      ])
      for (const node of [a, b, c!]) assert.strictEqual(node.seen.length, 1)
    })
  )

  it.scoped("an isolation is not lost either", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* succeeding(b, 1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* a.isolate()
          yield* inStep
          const empty = yield* makeStore()
          for (const { link } of [a, b]) link.moveTo(empty)
          yield* inStep
          yield* inStep
          assert.deepStrictEqual(yield* tagsOf([a, b]), ["Isolated", "Isolated"])
        })
      )
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )

  it.scoped("resets nobody: what a Closed circuit has counted stands", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2, { tripPolicy: TripPolicy.consecutive(3) }).pipe(
        Effect.tap(([first]) => failing(first, 2)),
        Effect.tap(TestClock.adjust("10 seconds")),
        Effect.tap(([first]) => succeeding(first, 1))
      )
      yield* failing(a, 2)
      yield* inStep
      const before = [historyOf(a), historyOf(b)]
      const empty = yield* makeStore()
      for (const { link } of [a, b]) link.moveTo(empty)
      yield* inStep
      assert.deepStrictEqual([historyOf(a), historyOf(b)], before)
      yield* failing(b, 1)
      yield* inStep
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )
})

describe("a node that hears of no changes", () => {
  it.scoped("learns of an opening at the next sync", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2)
      yield* failing(b, 1)
      b.link.deafen()
      yield* failing(a, 4)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )

  it.scoped("asks before a call on a circuit that it has not asked about for a sync interval", () =>
    Effect.gen(function* () {
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
  )

  it.scoped("closes with the others all the same", () =>
    Effect.gen(function* () {
      const [a, b] = yield* openFleet(2)
      b.link.deafen()
      yield* TestClock.adjust("10 seconds")
      yield* succeeding(a, 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Closed", "Closed"])
    })
  )
})

describe("write-through", () => {
  const writeThrough = { sync: "write-through" } as const

  it.scoped("an outcome is with the store when the call returns", () =>
    Effect.gen(function* () {
      const store = yield* makeStore(writeThrough)
      // Each lives for one call.
      const once = Effect.scoped(
        Effect.flatMap(join(store), (node) => Effect.exit(node.protect(Effect.fail("down"))))
      )
      yield* Effect.replicateEffect(once, 5)
      const next = yield* join(store)
      assert.strictEqual((yield* rejectionOf(next.protect(works))).state, "Open")
    })
  )

  it.scoped("a success too: a rate is that of all calls", () =>
    Effect.gen(function* () {
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
  )

  it.scoped("each admission reads: a process that was frozen knows at its next call", () =>
    Effect.gen(function* () {
      const [a, b] = yield* fleet(2, {}, writeThrough)
      yield* succeeding(b, 1)
      b.link.deafen()
      yield* failing(a, 5)
      const call = counted(works)
      yield* rejectionOf(b.protect(call.effect))
      assert.strictEqual(call.runs, 0)
    })
  )

  it.scoped("the caller gets its own result, also while the store is silent", () =>
    Effect.gen(function* () {
      const [a] = yield* fleet(2, {}, writeThrough)
      const call = yield* startCall(a)
      a.link.freeze()
      const ended = yield* Effect.fork(call.end(Exit.fail("unavailable")))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(ended.unsafePoll(), Exit.succeed(Exit.fail("unavailable")))
    })
  )
})
