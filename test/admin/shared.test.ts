/** The answers about a circuit that several processes share: they say whose calls its window counts. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { type Breaker, fails, settled, works } from "../kit/index.ts"
import { bodyOf, type Server, serve, test } from "./fixtures.ts"

const within = "1 minute"
const policies = {
  failureCount: TripPolicy.failureCount({ failures: 10, within }),
  failureRate: TripPolicy.failureRate({ threshold: 0.5, within, minimumCalls: 20 })
}

const onStore = (
  store: CircuitStore.Store,
  tripPolicy: TripPolicy.TripPolicy = policies.failureCount,
  recovery?: CircuitBreaker.Options["recovery"]
) =>
  Effect.provideService(
    CircuitBreaker.make({ name: "payments", tripPolicy, recovery, openDuration: "1 second" }),
    CircuitStore.CircuitStore,
    store
  )

/** A breaker of another process, whose breakers nobody here lists. */
const elsewhereOn = (...options: Parameters<typeof onStore>) =>
  Effect.provideServiceEffect(
    onStore(...options),
    CircuitBreakerRegistry.CircuitBreakerRegistry,
    Effect.sync(CircuitBreakerRegistry.unsafeMake)
  )

const failing = (breaker: Breaker, times: number) =>
  Effect.replicateEffect(Effect.exit(breaker.protectWith(fails, { key: "eu" })), times)

const succeeding = (breaker: Breaker, times: number) =>
  Effect.replicateEffect(breaker.protectWith(works, { key: "eu" }), times)

const exchanged = Effect.zipRight(TestClock.adjust("5 seconds"), settled)

const read = (server: Server) =>
  Effect.map(server.get("/circuits/circuit?breaker=payments&key=eu"), (answer) =>
    bodyOf<CircuitAdmin.CircuitDetails>(answer)
  )

const listed = (server: Server) =>
  Effect.map(
    server.get("/circuits/circuits"),
    (answer) => bodyOf<{ circuits: ReadonlyArray<CircuitAdmin.CircuitSummary> }>(answer).circuits[0]
  )

describe("the window of a shared circuit", () => {
  for (const sync of ["background", "write-through"] as const) {
    test(`12.1 is that of all processes, and so are its nearness and figures: ${sync}`, function* () {
      const store = yield* CircuitStore.makeMemory({ sync })
      const here = yield* onStore(store)
      const elsewhere = yield* elsewhereOn(store)
      const server = yield* serve()
      yield* failing(here, 2)
      yield* failing(elsewhere, 3)
      yield* exchanged
      // Calls since the latest exchange count, too.
      yield* failing(here, 1)

      const circuit = yield* read(server)
      const summary = yield* listed(server)

      assert.strictEqual(circuit.windowOf, "Fleet")
      assert.deepStrictEqual(circuit.window, { calls: 6, failures: 6, slow: 0 })
      assert.strictEqual(circuit.nearness, 0.6)
      assert.deepStrictEqual(
        circuit.figures.map(({ threshold, value }) => [value, threshold]),
        [[6, 10]]
      )
      assert.deepStrictEqual(
        [summary?.windowOf, summary?.window, summary?.nearness],
        ["Fleet", circuit.window, 0.6]
      )
      // Calls are counted where they are made.
      assert.deepStrictEqual(circuit.totals, { succeeded: 0, failed: 3, ignored: 0, rejected: 0 })
    })
  }

  test("12.1 of a rate holds the calls of all processes", function* () {
    const store = yield* CircuitStore.makeMemory()
    const here = yield* onStore(store, policies.failureRate)
    const elsewhere = yield* elsewhereOn(store, policies.failureRate)
    const server = yield* serve()
    yield* succeeding(here, 6)
    yield* failing(here, 1)
    yield* failing(elsewhere, 3)
    yield* exchanged

    const { nearness, window, windowOf } = yield* read(server)

    assert.deepStrictEqual([windowOf, window, nearness], ["Fleet", { calls: 10, failures: 4, slow: 0 }, 0.5])
  })

  test("12.1 is that of all processes while the circuit recovers, and there is none while it is open", function* () {
    const store = yield* CircuitStore.makeMemory()
    const recovery = { duration: "1 minute", from: 1 } as const
    const here = yield* onStore(store, policies.failureCount, recovery)
    const elsewhere = yield* elsewhereOn(store, policies.failureCount, recovery)
    const server = yield* serve()
    yield* failing(here, 10)
    yield* settled
    const open = yield* read(server)
    yield* TestClock.adjust("1 second")
    yield* succeeding(here, 1)
    yield* settled
    yield* failing(here, 1)
    yield* failing(elsewhere, 2)
    yield* exchanged

    const recovering = yield* read(server)

    assert.deepStrictEqual(
      [open, recovering].map(({ state, window, windowOf }) => [state._tag, windowOf, window.failures]),
      [
        ["Open", null, 0],
        ["Recovering", "Fleet", 3]
      ]
    )
  })

  test("12.1 is that of all processes if only another process holds the circuit, in one request", function* () {
    let asked = 0
    const memory = yield* CircuitStore.makeMemory()
    const here = yield* onStore({
      ...memory,
      exchange: (requests) => Effect.suspend(() => (asked++, memory.exchange(requests)))
    })
    const elsewhere = yield* elsewhereOn(memory)
    const server = yield* serve()
    yield* failing(elsewhere, 3)
    yield* exchanged
    const before = asked

    const circuit = yield* read(server)
    const snapshot = yield* here.snapshot("eu")

    assert.strictEqual(asked - before, 2)
    assert.deepStrictEqual(
      [circuit.windowOf, circuit.window, circuit.nearness],
      ["Fleet", { calls: 3, failures: 3, slow: 0 }, 0.3]
    )
    assert.deepStrictEqual(
      circuit.figures.map(({ threshold, value }) => [value, threshold]),
      [[3, 10]]
    )
    assert.deepStrictEqual({ ...snapshot.window }, circuit.window)
    assert.deepStrictEqual(yield* here.circuits, [])
  })

  test("12.1 of a circuit that only another process holds is empty once it has been reset", function* () {
    const store = yield* CircuitStore.makeMemory()
    const here = yield* onStore(store)
    const elsewhere = yield* elsewhereOn(store)
    yield* failing(elsewhere, 3)
    yield* exchanged
    // Nothing has been reported since, so the store still has the failures of before.
    yield* elsewhere.reset("eu")

    const { state, window } = yield* here.snapshot("eu")

    assert.deepStrictEqual([state, window.failures], [{ _tag: "Closed" }, 0])
  })

  test("12.1 is this process's own where it is healthy everywhere, and nobody is asked", function* () {
    const store = yield* CircuitStore.makeMemory()
    const here = yield* onStore(store, policies.failureRate)
    const elsewhere = yield* elsewhereOn(store, policies.failureRate)
    const server = yield* serve()
    yield* succeeding(here, 2)
    yield* succeeding(elsewhere, 3)
    yield* exchanged

    const { sharing, window, windowOf } = yield* read(server)

    assert.deepStrictEqual([windowOf, window.calls], ["Process", 2])
    assert.deepStrictEqual(sharing, { shared: true, storeAnswers: true })
  })

  test("12.1 is this process's own where fewer processes than the quorum see failures", function* () {
    const store = yield* CircuitStore.makeMemory({ quorum: 3 })
    const here = yield* onStore(store)
    const elsewhere = yield* elsewhereOn(store)
    const server = yield* serve()
    yield* failing(here, 2)
    yield* failing(elsewhere, 3)
    yield* exchanged

    const { window, windowOf } = yield* read(server)

    assert.deepStrictEqual([windowOf, window.failures], ["Process", 2])
  })

  test("12.1 is this process's own without a store, and once the store does not answer", function* () {
    let isDown = false
    const down = Effect.fail(new CircuitStore.CircuitStoreError({ message: "down" }))
    const memory = yield* CircuitStore.makeMemory()
    const store: CircuitStore.Store = {
      ...memory,
      exchange: (requests) => Effect.suspend(() => (isDown ? down : memory.exchange(requests))),
      compareAndSet: (request) => Effect.suspend(() => (isDown ? down : memory.compareAndSet(request))),
      changes: (breaker) => Stream.suspend(() => memory.changes(breaker))
    }
    const here = yield* onStore(store)
    const elsewhere = yield* elsewhereOn(store)
    const server = yield* serve()
    yield* failing(here, 2)
    yield* failing(elsewhere, 3)
    yield* exchanged
    const up = yield* read(server)
    isDown = true
    yield* failing(here, 1)
    yield* exchanged

    const alone = yield* read(server)

    assert.deepStrictEqual(
      [up, alone].map(({ sharing, window, windowOf }) => [windowOf, window.failures, sharing.storeAnswers]),
      [
        ["Fleet", 5, true],
        ["Process", 3, false]
      ]
    )
  })

  test("12.1 is only read: looking at it tells the store nothing, and moves nothing", function* () {
    let asked = 0
    const memory = yield* CircuitStore.makeMemory()
    const here = yield* onStore({
      ...memory,
      exchange: (requests) => Effect.suspend(() => (asked++, memory.exchange(requests)))
    })
    const elsewhere = yield* elsewhereOn(memory)
    const server = yield* serve()
    yield* failing(here, 2)
    yield* failing(elsewhere, 3)
    yield* exchanged
    const before = asked

    const readings = yield* Effect.replicateEffect(read(server), 20)
    yield* Effect.replicateEffect(listed(server), 20)
    yield* settled

    assert.strictEqual(asked, before)
    assert.deepStrictEqual(new Set(readings.map((it) => JSON.stringify(it))).size, 1)
  })
})
