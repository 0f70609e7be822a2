/** Faults of a store, or of another process, by the number of the fault that was found. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitStore, Transition, TripPolicy } from "effect-circuit-breaker"
import { recordLogs, tagOf, works } from "../kit/index.ts"
import {
  failing,
  fleet,
  halfOpenFleet,
  inStep,
  join,
  makeStore,
  settled,
  startCall,
  succeeding,
  tagsOf
} from "./fixtures.ts"

/** A store whose exchanges, once `hold` was called, wait for `ask` before they reach the store, and for `release` after it. */
const withHeldAnswers = (store: CircuitStore.Store) => {
  let gates: ReadonlyArray<Deferred.Deferred<void>> = []
  let exchanges = 0
  const held: CircuitStore.Store = {
    ...store,
    exchange: (requests) =>
      Effect.suspend(() => {
        exchanges++
        const [question, answer] = gates
        const exchanged = store.exchange(requests)
        return question === undefined || answer === undefined
          ? exchanged
          : Effect.zipRight(Deferred.await(question), Effect.zipLeft(exchanged, Deferred.await(answer)))
      })
  }
  return {
    store: held,
    exchanges: () => exchanges,
    hold: Effect.map(Effect.all([Deferred.make<void>(), Deferred.make<void>()]), (made) => {
      gates = made
    }),
    /** Lets the waiting question reach the store; its answer waits. */
    ask: Effect.suspend(() => Deferred.succeed(gates[0]!, undefined)),
    release: Effect.suspend(() => {
      const opened = gates
      gates = []
      return Effect.forEach(opened, (gate) => Deferred.succeed(gate, undefined), { discard: true })
    })
  }
}

describe("questions to the store", () => {
  it.scoped("F1 first calls on 1,000 circuits at once take at most 8 round trips", () =>
    Effect.gen(function* () {
      const [node] = yield* fleet(2)
      yield* settled
      const before = node.link.commands
      yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, i) => `key ${i}`),
        (key) => node.protectWith(works, { key }),
        { concurrency: "unbounded", discard: true }
      )
      assert.isAtMost(node.link.commands - before, 8)
      assert.strictEqual((yield* node.circuits).length, 1_000)
    })
  )

  it.scoped("F2 after one late answer, a node that receives notifications asks about no circuit again", () =>
    Effect.gen(function* () {
      const link = withHeldAnswers(yield* makeStore())
      const node = yield* join(link.store)
      const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)
      const callAll = Effect.forEach(keys, (key) => node.protectWith(works, { key }), {
        concurrency: "unbounded"
      })
      yield* callAll

      yield* link.hold
      const late = yield* Effect.fork(node.protectWith(works, { key: "late" }))
      yield* TestClock.adjust("1 second")
      yield* link.release
      yield* late
      yield* inStep

      const before = link.exchanges()
      yield* callAll
      assert.strictEqual(link.exchanges(), before)
    })
  )

  it.scoped("F8 a notification during an exchange leads to another exchange after it", () =>
    Effect.gen(function* () {
      const store = yield* makeStore()
      const link = withHeldAnswers(store)
      const options = { tripPolicy: TripPolicy.consecutive(1) }
      const a = yield* join(store, options)
      const b = yield* join(link.store, options)
      yield* succeeding(b, 1)
      yield* failing(a, 1)
      yield* settled
      yield* TestClock.adjust("10 seconds")

      yield* link.hold
      const rejected = yield* Effect.fork(Effect.exit(b.protect(works)))
      yield* settled
      const probe = yield* startCall(a)
      yield* link.ask
      yield* settled
      yield* probe.end(Exit.fail("unavailable"))
      yield* settled
      yield* link.release
      yield* rejected
      yield* TestClock.adjust("20 millis")
      yield* settled

      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )
})

describe("a store that the program has written itself", () => {
  it.scoped("F20 may have its own coordination", () =>
    Effect.gen(function* () {
      const memory = yield* makeStore()
      const { deadline, lease, onStoreError, quorum, sync, syncInterval } = memory.coordination
      const store = { ...memory, coordination: { deadline, lease, onStoreError, quorum, sync, syncInterval } }
      const [a, b] = [yield* join(store), yield* join(store)]
      yield* succeeding(b, 1)
      yield* a.trip()
      yield* settled
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )
})

describe("a store with a fault in one circuit", () => {
  const broken = (store: CircuitStore.Store): CircuitStore.Store => ({
    ...store,
    exchange: (requests) =>
      Effect.map(store.exchange(requests), (answers) =>
        answers.map((answer, i) =>
          requests[i]!.circuit.key === "broken"
            ? new CircuitStore.CircuitStoreError({ message: "WRONGTYPE" })
            : answer
        )
      ),
    compareAndSet: (request) =>
      request.circuit.key === "broken"
        ? Effect.succeed(new CircuitStore.CircuitStoreError({ message: "WRONGTYPE" }))
        : store.compareAndSet(request)
  })

  it.scoped("F7 shares the other circuits, and is reported once", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const store = broken(yield* makeStore())
      const [a, b] = [yield* join(store), yield* join(store)]
      for (const key of ["broken", "sound"]) {
        yield* failing(a, 3, key)
        yield* inStep
        yield* failing(b, 2, key)
        yield* inStep
      }
      assert.deepStrictEqual(yield* tagsOf([a, b], "broken"), ["Closed", "Closed"])
      assert.deepStrictEqual(yield* tagsOf([a, b], "sound"), ["Open", "Open"])
      yield* failing(a, 2, "broken")
      assert.deepStrictEqual(yield* tagsOf([a, b], "broken"), ["Open", "Closed"])
      const lines = logs.filter(({ message }) => !message.startsWith("Circuit opened"))
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        Array(2).fill('Circuit "broken" is not shared, because the store has a fault with it: WRONGTYPE')
      )
    })
  )

  it.scoped("F7 announces a failure again if the announcement was answered by a fault", () =>
    Effect.gen(function* () {
      const memory = yield* makeStore()
      const announced: Array<boolean> = []
      let isBroken = false
      const fault = new CircuitStore.CircuitStoreError({ message: "WRONGTYPE" })
      const node = yield* join({
        ...memory,
        exchange: (requests) =>
          Effect.suspend(() => {
            if (isBroken) return Effect.succeed(requests.map(() => fault))
            announced.push(...requests.map(({ announce }) => announce))
            return memory.exchange(requests)
          })
      })
      yield* succeeding(node, 1)
      isBroken = true
      yield* failing(node, 1)
      isBroken = false
      yield* inStep
      assert.isTrue(announced.includes(true))
    })
  )
})

describe("a store of which one part fails", () => {
  it.scoped("C7 is asked for its recovery where a read has failed, and not where it answers", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const store = yield* makeStore()
      const node = yield* join({
        ...store,
        exchange: (requests) =>
          requests.some(({ circuit }) => circuit.key === "lost")
            ? Effect.fail(new CircuitStore.CircuitStoreError({ message: "this part is down" }))
            : store.exchange(requests)
      })
      yield* node.protect(works)
      yield* node.state("lost")
      yield* inStep
      yield* inStep
      const lines = logs.filter(({ message }) => message.startsWith("The circuit store"))
      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["Warning"]
      )
    })
  )
})

describe("a store that answers reads, and refuses writes for a time", () => {
  it.scoped("C7 is reported once, and once when it takes a write again", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const store = yield* makeStore()
      let isReadOnly = false
      const refused = Effect.fail(new CircuitStore.CircuitStoreError({ message: "READONLY" }))
      const node = yield* join({
        ...store,
        exchange: (requests) =>
          isReadOnly && requests.some(({ window }) => window?.report !== undefined)
            ? refused
            : store.exchange(requests),
        compareAndSet: (request) => (isReadOnly ? refused : store.compareAndSet(request))
      })
      const levels = () =>
        logs.filter(({ message }) => message.startsWith("The circuit store")).map(({ level }) => level)
      yield* succeeding(node, 1)

      isReadOnly = true
      for (let i = 0; i < 3; i++) {
        yield* failing(node, 1)
        yield* inStep
      }
      assert.deepStrictEqual(levels(), ["Warning"])

      isReadOnly = false
      yield* inStep
      assert.deepStrictEqual(levels(), ["Warning", "Info"])
    })
  )
})

describe("a window in a store", () => {
  const row = [0, 1, 1, 0]
  for (const [what, window] of [
    ["no object", "~~~"],
    ["null", null],
    ["without sections", { epoch: 0, latestReport: 0, exchanges: 1, sections: null, failing: [] }],
    ["with sections of text", { epoch: 0, latestReport: 0, exchanges: 1, sections: ["many"], failing: [] }],
    [
      "with rows of text",
      { epoch: 0, latestReport: 0, exchanges: 1, sections: [{ floor: 0, rows: "many" }], failing: [] }
    ],
    [
      "with a row of null",
      { epoch: 0, latestReport: 0, exchanges: 1, sections: [{ floor: 0, rows: [null] }], failing: [] }
    ],
    [
      "with rows in disorder",
      {
        epoch: 0,
        latestReport: 0,
        exchanges: 1,
        sections: [{ floor: 0, rows: [row, row, [-5, 1, 9, 0]] }],
        failing: []
      }
    ],
    [
      "with a floor of null",
      { epoch: 0, latestReport: 0, exchanges: 1, sections: [{ floor: null, rows: [row] }], failing: [] }
    ],
    ["with a number of text", { epoch: 0, latestReport: "1", exchanges: 1, sections: [], failing: [] }],
    ["with an epoch of null", { epoch: null, latestReport: 0, exchanges: 1, sections: [], failing: [] }],
    ["with failing nodes of null", { epoch: 0, latestReport: 0, exchanges: 1, sections: [], failing: null }]
  ] as const) {
    it.scoped(`F4 ${what} does not stop a circuit from opening, and the log does not blame the program`, () =>
      Effect.gen(function* () {
        const logs = yield* recordLogs
        const store = yield* makeStore()
        const node = yield* join(answering(store, window))
        yield* failing(node, 1)
        yield* inStep
        yield* failing(node, 4)
        assert.strictEqual(yield* tagOf(node), "Open")
        assert.deepStrictEqual(
          logs.filter(({ message }) => message.includes("classifier")),
          []
        )
      })
    )
  }

  /** A store that answers this in place of the window. */
  const answering = (store: CircuitStore.Store, window: unknown): CircuitStore.Store => ({
    ...store,
    exchange: (requests) =>
      Effect.map(store.exchange(requests), (answers) =>
        answers.map((answer) =>
          // Another implementation of a store may answer anything.
          "_tag" in answer ? answer : { ...answer, window: window as CircuitStore.Entry["window"] }
        )
      )
  })
})

describe("scopes", () => {
  it.scoped("F11 a scope that closes in the turn of a first call closes at once", () =>
    Effect.gen(function* () {
      const store = yield* makeStore()
      yield* Effect.scoped(
        Effect.provideService(
          Effect.flatMap(CircuitBreaker.make(), (breaker) => Effect.fork(breaker.protect(works))),
          CircuitStore.CircuitStore,
          store
        )
      )
    })
  )

  it.scoped("F11 a scope that closes while a first call waits for the store closes at once", () =>
    Effect.gen(function* () {
      const link = withHeldAnswers(yield* makeStore())
      yield* link.hold
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* join(link.store)
          yield* Effect.fork(node.protect(works))
          yield* settled
        })
      )
    })
  )
})

describe("a fleet that opens under a schedule with jitter", () => {
  it.scoped("F12 draws the length of an opening once, and publishes the length that every process uses", () =>
    Effect.gen(function* () {
      const openDuration = Schedule.jittered(Schedule.exponential("100 millis"))
      const [a, b] = yield* fleet(2, { tripPolicy: TripPolicy.consecutive(1), openDuration })
      yield* succeeding(a, 1)
      yield* succeeding(b, 1)
      for (const failingNode of [a, b, a]) {
        yield* failing(failingNode, 1)
        for (const node of [a, b]) {
          const opened = node.seen.findLast(Transition.isOpened)!
          const state = yield* node.state()
          assert.deepStrictEqual(state, {
            _tag: "Open",
            retryAfter: opened.retryAfter,
            openings: opened.openings
          })
        }
        assert.deepStrictEqual(yield* a.state(), yield* b.state())
        yield* TestClock.adjust("10 seconds")
        yield* settled
      }
    })
  )
})

describe("a fleet that is half-open", () => {
  it.scoped("F18 does not start a probe whose slot was granted as another probe reopened the circuit", () =>
    Effect.gen(function* () {
      const [a, b] = yield* halfOpenFleet(2, { halfOpen: { probes: 2 } })
      const first = yield* startCall(a)
      const second = yield* Effect.fork(Effect.exit(b.protect(works)))
      yield* first.end(Exit.fail("unavailable"))
      yield* settled
      yield* second
      assert.deepStrictEqual(yield* tagsOf([a, b]), ["Open", "Open"])
    })
  )
})
