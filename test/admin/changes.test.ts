/** Controls by hand, and the overrides that they leave. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, CircuitStore } from "effect-circuit-breaker"
import type * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { inspectedIn } from "../../src/internal/breaker/inspected.ts"
import { Overrides } from "../../src/internal/admin/overrides.ts"
import * as Schemas from "../../src/internal/admin/schemas.ts"
import { type Breaker, fails, make, recordLogs, settled, tagOf, works } from "../kit/index.ts"
import { type Answer, bodyOf, type Refusal, type Server, serve, test, why, withToken } from "./fixtures.ts"

const circuit = { breaker: "payments", key: "eu" }
const forAMinute = { ...circuit, expiresInSeconds: 60, ...why }

const setUp = (options: CircuitAdmin.Options = withToken) =>
  Effect.gen(function* () {
    const breaker = yield* make({ name: "payments" })
    yield* breaker.protectWith(works, { key: "eu" })
    return { breaker, server: yield* serve(options) }
  })

const changedBy = (answer: Answer): CircuitAdmin.Changed =>
  Schema.decodeUnknownSync(Schemas.Changed)(answer.json)

const overridesOf = (server: Server) =>
  Effect.map(
    server.get("/circuits/overrides"),
    (answer) => Schema.decodeUnknownSync(Schemas.Overrides)(answer.json).overrides
  )

const stateOf = (breaker: Breaker) => Effect.map(breaker.state("eu"), ({ _tag }) => _tag)

describe("a change by hand", () => {
  test("12.1 trip opens a circuit, and reset closes it: the answers show what happened", function* () {
    const { breaker, server } = yield* setUp()

    const tripped = changedBy(yield* server.post("/circuits/circuit/trip", { ...circuit, ...why }))
    const open = yield* stateOf(breaker)
    const reset = changedBy(yield* server.post("/circuits/circuit/reset", { ...circuit, ...why }))

    assert.strictEqual(open, "Open")
    assert.strictEqual(yield* stateOf(breaker), "Closed")
    assert.deepStrictEqual(
      [tripped, reset].map(({ changed, circuit, override }) => [
        changed,
        override,
        circuit?.state._tag,
        circuit?.transitions.map(({ to }) => to)
      ]),
      [
        [true, null, "Open", ["Open"]],
        [true, null, "Closed", ["Closed", "Open"]]
      ]
    )
  })

  test("12.1 an action that does nothing in this state says so", function* () {
    const { server } = yield* setUp()
    yield* server.post("/circuits/circuit/isolate", forAMinute)

    const { changed, circuit: after } = changedBy(
      yield* server.post("/circuits/circuit/trip", { ...circuit, ...why })
    )

    assert.isFalse(changed)
    assert.strictEqual(after?.state._tag, "Isolated")
  })

  for (const [action, kind, state] of [
    ["isolate", "Isolate", "Isolated"],
    ["disable", "Disable", "Disabled"]
  ] as const) {
    test(`12.1 ${action} outlives its request, is listed with its owner and reason, and ends at its expiry`, function* () {
      const { breaker, server } = yield* setUp()
      yield* TestClock.adjust("5 seconds")

      const { changed, circuit, override } = changedBy(
        yield* server.post(`/circuits/circuit/${action}`, forAMinute)
      )

      assert.deepStrictEqual<unknown>(yield* overridesOf(server), [override])
      assert.deepStrictEqual(override, {
        id: override?.id ?? "",
        kind,
        breaker: "payments",
        key: "eu",
        owner: "ada",
        reason: "the dependency is being repaired",
        since: 5_000,
        expiresAt: 65_000
      })
      assert.deepStrictEqual([changed, circuit?.state], [true, { _tag: state, since: 5_000, holders: 1 }])
      assert.deepStrictEqual<unknown>(circuit?.overrides, [override])
      yield* TestClock.adjust("59999 millis")
      assert.strictEqual(yield* stateOf(breaker), state)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* stateOf(breaker), "Closed")
      assert.deepStrictEqual(yield* overridesOf(server), [])
    })

    test(`12.1 ${action} ends when it is released, and only that one`, function* () {
      const { breaker, server } = yield* setUp()
      const first = changedBy(yield* server.post(`/circuits/circuit/${action}`, forAMinute)).override
      const second = changedBy(yield* server.post(`/circuits/circuit/${action}`, forAMinute)).override

      const one = changedBy(yield* server.post("/circuits/overrides/release", { id: first?.id, ...why }))
      const listed = yield* overridesOf(server)
      const other = changedBy(yield* server.post("/circuits/overrides/release", { id: second?.id, ...why }))

      assert.deepStrictEqual(
        [one, other].map(({ circuit, override }) => [override?.id, circuit?.state._tag]),
        [
          [first?.id, state],
          [second?.id, "Closed"]
        ]
      )
      assert.deepStrictEqual<unknown>(listed, [second])
      assert.strictEqual(yield* stateOf(breaker), "Closed")
    })

    test(`12.1 ${action} ends with the administration`, function* () {
      const breaker = yield* make({ name: "payments" })
      yield* breaker.protectWith(works, { key: "eu" })

      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* (yield* serve()).post(`/circuits/circuit/${action}`, forAMinute)
          assert.strictEqual(yield* stateOf(breaker), state)
        })
      )

      assert.strictEqual(yield* stateOf(breaker), "Closed")
    })
  }

  test("12.1 an override that has ended cannot be released a second time", function* () {
    const { server } = yield* setUp()
    const { override } = changedBy(yield* server.post("/circuits/circuit/isolate", forAMinute))
    yield* server.post("/circuits/overrides/release", { id: override?.id, ...why })

    const again = yield* server.post("/circuits/overrides/release", { id: override?.id, ...why })

    assert.strictEqual(again.status, 404)
    assert.include(bodyOf<Refusal>(again).message, "no override with this id")
  })

  test("12.1 a reset ends the isolations, and an isolation that came after it stays", function* () {
    const { breaker, server } = yield* setUp()
    yield* server.post("/circuits/circuit/isolate", forAMinute)
    const disabled = changedBy(yield* server.post("/circuits/circuit/disable", forAMinute)).override
    yield* server.post("/circuits/circuit/reset", { ...circuit, ...why })
    const afterReset = yield* overridesOf(server)
    const isolated = changedBy(yield* server.post("/circuits/circuit/isolate", forAMinute)).override

    assert.deepStrictEqual<unknown>(afterReset, [disabled])
    assert.deepStrictEqual<unknown>(yield* overridesOf(server), [disabled, isolated])
    assert.strictEqual(yield* stateOf(breaker), "Isolated")
  })

  test("12.1 overrides of a breaker that is gone are no longer listed", function* () {
    const server = yield* serve()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const breaker = yield* make({ name: "payments" })
        yield* breaker.protectWith(works, { key: "eu" })
        yield* server.post("/circuits/circuit/isolate", forAMinute)
        assert.strictEqual((yield* overridesOf(server)).length, 1)
      })
    )

    assert.deepStrictEqual(yield* overridesOf(server), [])
  })

  test("12.1 the default circuit is changed without a key", function* () {
    const { breaker, server } = yield* setUp()
    yield* breaker.protect(works)

    yield* server.post("/circuits/circuit/trip", { breaker: "payments", ...why })

    assert.strictEqual(yield* tagOf(breaker), "Open")
  })
})

describe("a circuit that nobody has called yet", () => {
  for (const [action, body, state] of [
    ["trip", { ...circuit, ...why }, "Open"],
    ["reset", { ...circuit, ...why }, "Closed"],
    ["isolate", forAMinute, "Isolated"],
    ["disable", forAMinute, "Disabled"]
  ] as const) {
    test(`12.1 is made by a change, which the answer names: ${action}`, function* () {
      const breaker = yield* make({ name: "payments" })
      const server = yield* serve()

      const answer = changedBy(yield* server.post(`/circuits/circuit/${action}`, body))

      assert.isTrue(answer.changed)
      assert.deepStrictEqual([answer.circuit?.key, answer.circuit?.state._tag], ["eu", state])
      assert.strictEqual(yield* stateOf(breaker), state)
      assert.strictEqual((yield* breaker.circuits).length, 1)
    })
  }

  test("12.1 may be the default one", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()

    yield* server.post("/circuits/circuit/trip", { breaker: "payments", ...why })

    assert.strictEqual(yield* tagOf(breaker), "Open")
  })

  test("12.1 leaves no override behind that is not in force", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    yield* server.post("/circuits/circuit/isolate", forAMinute)

    yield* TestClock.adjust("1 minute")

    assert.deepStrictEqual(yield* overridesOf(server), [])
    assert.strictEqual(yield* stateOf(breaker), "Closed")
  })

  test("12.2 is logged with its key, and there are no more of them than the breaker's capacity", function* () {
    const lines = yield* recordLogs
    const breaker = yield* make({ name: "payments", capacity: 3 })
    const server = yield* serve()

    for (let i = 0; i < 10; i++)
      yield* server.post("/circuits/circuit/trip", { breaker: "payments", key: `typo-${i}`, ...why })

    assert.strictEqual((yield* breaker.circuits).length, 3)
    assert.deepStrictEqual(
      lines.flatMap(({ annotations, message }) =>
        message.startsWith("Circuit changed by hand") ? [annotations["key"]] : []
      ),
      Array.from({ length: 10 }, (_, i) => `typo-${i}`)
    )
  })

  test("12.2 is not made of a name that an answer has shortened, nor of a key that is too long", function* () {
    const breaker = yield* make({ name: "payments" })
    const server = yield* serve()
    const change = { breaker: "payments", ...why }

    const shortened = yield* server.post("/circuits/circuit/trip", {
      ...change,
      key: `${"x".repeat(200)}…#0123456789abcdef`
    })
    const long = yield* server.post("/circuits/circuit/trip", { ...change, key: "x".repeat(4_097) })

    assert.deepStrictEqual([shortened.status, long.status], [404, 400])
    assert.deepStrictEqual(yield* breaker.circuits, [])
  })
})

describe("with a store", () => {
  const shared = { name: "payments", openDuration: "10 seconds" } as const
  const onStore = (store: CircuitStore.Store) =>
    Effect.provideService(CircuitBreaker.make(shared), CircuitStore.CircuitStore, store)
  /** A breaker of another process, whose breakers nobody here lists. */
  const elsewhereOn = (store: CircuitStore.Store) =>
    Effect.provideServiceEffect(
      onStore(store),
      CircuitBreakerRegistry.CircuitBreakerRegistry,
      Effect.sync(CircuitBreakerRegistry.unsafeMake)
    )

  test("12.1 an isolation and its release reach other processes, and the circuit says that the store answers", function* () {
    const store = yield* CircuitStore.makeMemory()
    const here = yield* onStore(store)
    const elsewhere = yield* elsewhereOn(store)
    yield* Effect.exit(here.protectWith(fails, { key: "eu" }))
    yield* Effect.exit(elsewhere.protectWith(fails, { key: "eu" }))
    const server = yield* serve()

    const isolated = changedBy(yield* server.post("/circuits/circuit/isolate", forAMinute))
    yield* TestClock.adjust("1 second")
    const reached = [yield* stateOf(here), yield* stateOf(elsewhere)]
    yield* server.post("/circuits/overrides/release", { id: isolated.override?.id, ...why })
    yield* TestClock.adjust("1 second")

    assert.deepStrictEqual(reached, ["Isolated", "Isolated"])
    assert.deepStrictEqual([yield* stateOf(here), yield* stateOf(elsewhere)], ["Closed", "Closed"])
    assert.deepStrictEqual(isolated.circuit?.sharing, { shared: true, storeAnswers: true })
  })

  test("12.1 a circuit says that its store does not answer, and is controlled here all the same", function* () {
    const down = Effect.fail(new CircuitStore.CircuitStoreError({ message: "down" }))
    const store = yield* CircuitStore.makeMemory()
    const here = yield* onStore({
      ...store,
      exchange: () => down,
      compareAndSet: () => down,
      changes: () => Stream.fromEffect(down)
    })
    yield* Effect.exit(here.protectWith(fails, { key: "eu" }))
    const server = yield* serve()

    const { circuit } = changedBy(yield* server.post("/circuits/circuit/isolate", forAMinute))

    assert.deepStrictEqual(circuit?.sharing, { shared: true, storeAnswers: false })
    assert.strictEqual(circuit?.state._tag, "Isolated")
  })

  test("12.1 a circuit that only another process holds is read and controlled, and reading makes none here", function* () {
    const store = yield* CircuitStore.makeMemory()
    const elsewhere = yield* elsewhereOn(store)
    const here = yield* onStore(store)
    yield* elsewhere.trip("eu")
    const server = yield* serve()

    const read = yield* server.get("/circuits/circuit?breaker=payments&key=eu")
    const held = yield* here.circuits
    yield* server.post("/circuits/circuit/reset", { ...circuit, ...why })
    yield* TestClock.adjust("1 second")

    assert.strictEqual(bodyOf<CircuitAdmin.CircuitDetails>(read).state._tag, "Open")
    assert.deepStrictEqual(held, [])
    assert.strictEqual(yield* stateOf(elsewhere), "Closed")
  })
})

describe("overrides", () => {
  test("12.2 are no more than allowed, while some of them wait for a store", function* () {
    const breaker = yield* make({ name: "payments" })
    const inside = inspectedIn(breaker)
    if (inside === undefined) return assert.fail("a breaker without an inside")
    const answered = yield* Effect.makeLatch()
    const live = { service: { ...breaker, isolate: () => answered.await }, inside }
    const overrides = new Overrides({
      registry: yield* CircuitBreakerRegistry.CircuitBreakerRegistry,
      scope: yield* Effect.scope,
      most: 2,
      onChange: Effect.void
    })
    const hold = overrides.hold(live, "eu", { kind: "Isolate", millis: 60_000, ...why })

    const holding = yield* Effect.fork(
      Effect.all([hold, hold, hold].map(Effect.either), { concurrency: "unbounded" })
    )
    yield* settled
    yield* answered.open
    const answers = yield* Fiber.join(holding)

    assert.deepStrictEqual(answers.map(({ _tag }) => _tag).sort(), ["Left", "Right", "Right"])
    assert.strictEqual(overrides.size, 2)
  })
})
