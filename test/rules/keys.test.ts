import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { Breaker as InnerBreaker } from "../../src/internal/breaker/breaker.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import type { Breaker } from "./fixtures.ts"
import {
  fails,
  make,
  recordLogs,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totalsOf,
  watch,
  works
} from "./fixtures.ts"

const call = (breaker: Breaker, ...keys: ReadonlyArray<string>) =>
  Effect.forEach(keys, (key) => breaker.protectWith(works, { key }), { discard: true })

const keysOf = (breaker: Breaker) =>
  Effect.map(breaker.circuits, (circuits) => circuits.map(({ key }) => key).toSorted())

describe("keys", () => {
  it.scoped("have a circuit each", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* Effect.flip(breaker.protectWith(fails, { key: "eu" }))

      yield* rejectionOf(breaker.protectWith(works, { key: "eu" }))
      yield* call(breaker, "us")
      assert.strictEqual(yield* breaker.protect(works), "worked")
      assert.deepStrictEqual(yield* keysOf(breaker), ["default", "eu", "us"])
    })
  )

  it.scoped('a call without a key uses the key "default"', () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* Effect.flip(breaker.protect(fails))
      yield* rejectionOf(breaker.protectWith(works, { key: "default" }))
      yield* breaker.reset("default")
      yield* breaker.protectWith(works, {})

      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 1, failed: 1, ignored: 0, rejected: 1 })
      assert.deepStrictEqual(yield* totalsOf(breaker, "default"), yield* totalsOf(breaker))
    })
  )

  it.scoped("E25 are held in tables that grow with their number, not with `capacity`", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: Number.MAX_SAFE_INTEGER })
      const keys = Array.from({ length: 20_000 }, (_, i) => `key ${i}`)

      yield* call(breaker, ...keys)
      yield* Effect.flip(breaker.protectWith(fails, { key: "key 12345" }))

      assert.strictEqual((yield* breaker.circuits).length, 20_000)
      assert.strictEqual(yield* tagOf(breaker, "key 12345"), "Open")
      for (const key of keys.filter((_, i) => i % 100 === 0)) {
        assert.strictEqual((yield* totalsOf(breaker, key)).succeeded, 1)
      }
    })
  )

  it.scoped("E25 lie in as many tables as their number asks for, whatever `capacity` is", () =>
    Effect.gen(function* () {
      const { unsafePublish } = yield* CircuitBreakerRegistry.CircuitBreakerRegistry
      const breaker = yield* Effect.withFiberRuntime<InnerBreaker>((caller) => {
        const settings = decode({ capacity: Number.MAX_SAFE_INTEGER })
        const made = new InnerBreaker({ settings, publish: unsafePublish }, caller)
        for (let i = 0; i < 20_000; i++) made.use(`key ${i}`, caller)
        return Effect.succeed(made)
      })

      const tables: unknown = Reflect.get(breaker.circuits, "shards")

      assert.isArray(tables)
      assert.isAtMost((tables as ReadonlyArray<unknown>).length, Math.ceil(20_000 / 4_096))
    })
  )

  it.scoped("may be any string", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const keys = ["", "__proto__", "constructor", "toString", " ", "ключ", "a".repeat(10_000)]

      yield* Effect.forEach(keys, (key) => Effect.flip(breaker.protectWith(fails, { key })))

      const tags = yield* Effect.forEach(keys, (key) => tagOf(breaker, key))
      assert.deepStrictEqual(
        tags,
        keys.map(() => "Open")
      )
      assert.deepStrictEqual(yield* keysOf(breaker), keys.toSorted())
    })
  )

  it.scoped("first use by several fibers at once makes one circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(50) })
      const calls = yield* Effect.replicateEffect(startCall(breaker.protectWith({ key: "eu" })), 50)

      yield* Effect.forEach(calls, ({ end }) => end(Exit.fail("unavailable")), { concurrency: "unbounded" })

      assert.deepStrictEqual(yield* keysOf(breaker), ["eu"])
      assert.strictEqual((yield* totalsOf(breaker, "eu")).failed, 50)
      assert.strictEqual(yield* tagOf(breaker, "eu"), "Open")
    })
  )
})

describe("capacity", () => {
  it.scoped("the least recently used Closed circuit goes first", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 3 })
      yield* call(breaker, "a", "b", "c", "a")

      yield* call(breaker, "d")
      assert.deepStrictEqual(yield* keysOf(breaker), ["a", "c", "d"])
      yield* call(breaker, "e")

      assert.deepStrictEqual(yield* keysOf(breaker), ["a", "d", "e"])
    })
  )

  it.scoped("a circuit that was dropped begins anew", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 1, tripPolicy: TripPolicy.consecutive(2) })
      yield* Effect.flip(breaker.protectWith(fails, { key: "a" }))

      yield* call(breaker, "b")
      yield* Effect.flip(breaker.protectWith(fails, { key: "a" }))

      assert.strictEqual(yield* tagOf(breaker, "a"), "Closed")
      assert.strictEqual((yield* totalsOf(breaker, "a")).failed, 1)
    })
  )

  it.scoped("reading is no use of a circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 2 })
      yield* call(breaker, "a", "b")

      yield* Effect.all([breaker.state("a"), breaker.snapshot("a"), breaker.circuits])
      yield* call(breaker, "c")

      assert.deepStrictEqual(yield* keysOf(breaker), ["b", "c"])
    })
  )

  it.scoped("a circuit that is not Closed stays while a Closed one can go", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 5, recovery: { duration: "1 hour", from: 1 } })
      yield* breaker.trip("half-open")
      yield* breaker.trip("recovering")
      yield* TestClock.adjust("10 seconds")
      yield* call(breaker, "recovering")
      yield* startCall(breaker.protectWith({ key: "half-open" }))
      yield* breaker.trip("open")
      yield* breaker.isolate("isolated")
      const seen = yield* watch(breaker.transitions)

      yield* call(breaker, "a", "b", "c")
      yield* settled

      assert.deepStrictEqual(yield* keysOf(breaker), ["c", "half-open", "isolated", "open", "recovering"])
      assert.deepStrictEqual(seen, [])
    })
  )

  it.scoped("where none is Closed the least recently used goes, with a warning and a transition", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments", capacity: 2 })
      yield* breaker.trip("a")
      yield* breaker.trip("b")
      yield* Effect.exit(breaker.protectWith(works, { key: "a" }))
      const lines = yield* recordLogs
      const seen = yield* watch(breaker.transitions)

      yield* call(breaker, "c")
      yield* settled

      assert.deepStrictEqual(yield* keysOf(breaker), ["a", "c"])
      assert.strictEqual(yield* tagOf(breaker, "b"), "Closed")
      assert.deepStrictEqual(seen, [
        { breaker: "payments", key: "b", from: "Open", to: "Closed", at: 0, generation: 2, origin: "Local" }
      ])
      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [level, annotations]),
        [["Warning", { breaker: "payments", key: "b" }]]
      )
    })
  )

  it.scoped("R3.3 one that was disabled goes with its disabling, which does not come back for another", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 1 })
      const seen = yield* watch(breaker.transitions)
      const scope = yield* Scope.make()
      yield* Scope.extend(breaker.disable("a"), scope)
      yield* call(breaker, "b", "a")
      yield* Effect.exit(breaker.protectWith(fails, { key: "a" }))
      assert.strictEqual(yield* tagOf(breaker, "a"), "Open")
      yield* settled
      const path = seen.map(({ from, key, to }) => `${key}: ${from} > ${to}`)
      assert.deepStrictEqual(path, ["a: Closed > Disabled", "a: Disabled > Closed", "a: Closed > Open"])

      yield* Scope.close(scope, Exit.void)
      yield* settled

      assert.strictEqual(yield* tagOf(breaker, "a"), "Open")
      assert.deepStrictEqual(yield* keysOf(breaker), ["a"])
      assert.strictEqual(seen.length, 3)
    })
  )

  it.scoped("the circuit of calls without a key is never dropped and does not count", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 1 })
      yield* breaker.protect(works)

      yield* call(breaker, "a", "b")
      assert.deepStrictEqual(yield* keysOf(breaker), ["b", "default"])
      yield* call(breaker, "b")

      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      assert.strictEqual((yield* totalsOf(breaker, "b")).succeeded, 2)
    })
  )

  it.scoped("is 10,000 by default", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()

      yield* call(breaker, ...Array.from({ length: 10_001 }, (_, i) => `key ${i}`))

      const keys = new Set(yield* keysOf(breaker))
      assert.strictEqual(keys.size, 10_000)
      assert.isFalse(keys.has("key 0"))
    })
  )
})

describe("idleTimeToLive", () => {
  const options = { idleTimeToLive: "1 minute" } as const

  it.scoped("an idle Closed circuit is dropped at exactly that age", () =>
    Effect.gen(function* () {
      const breaker = yield* make(options)
      yield* call(breaker, "a")

      yield* TestClock.adjust("59999 millis")
      assert.strictEqual((yield* totalsOf(breaker, "a")).succeeded, 1)
      assert.deepStrictEqual(yield* keysOf(breaker), ["a"])
      yield* TestClock.adjust("1 millis")

      assert.strictEqual((yield* totalsOf(breaker, "a")).succeeded, 0)
      assert.deepStrictEqual(yield* keysOf(breaker), [])
    })
  )

  it.scoped("every call begins the time anew, reading does not", () =>
    Effect.gen(function* () {
      const breaker = yield* make(options)
      yield* call(breaker, "called", "read")
      yield* TestClock.adjust("59 seconds")
      yield* call(breaker, "called")
      yield* Effect.all([breaker.state("read"), breaker.snapshot("read"), breaker.circuits])

      yield* TestClock.adjust("59 seconds")

      assert.deepStrictEqual(yield* keysOf(breaker), ["called"])
    })
  )

  it.scoped("a circuit made anew after that has forgotten everything", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
      const fail = Effect.flip(breaker.protectWith(fails, { key: "a" }))
      yield* fail
      yield* TestClock.adjust("1 minute")

      yield* fail

      assert.strictEqual(yield* tagOf(breaker, "a"), "Closed")
      assert.strictEqual((yield* totalsOf(breaker, "a")).failed, 1)
    })
  )

  it.scoped("circuits that are not Closed stay, however idle", () =>
    Effect.gen(function* () {
      const breaker = yield* make(options)
      yield* breaker.trip("open")
      yield* breaker.isolate("isolated")

      yield* TestClock.adjust("365 days")
      yield* call(breaker, "another")

      assert.deepStrictEqual(yield* keysOf(breaker), ["another", "isolated", "open"])
      assert.strictEqual(yield* tagOf(breaker, "open"), "HalfOpen")
    })
  )

  it.scoped("a circuit whose recovery is over is Closed, and goes when idle like any", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ ...options, recovery: { duration: "100 seconds" } })
      yield* breaker.trip("a")
      yield* TestClock.adjust("10 seconds")
      yield* call(breaker, "a")
      assert.strictEqual(yield* tagOf(breaker, "a"), "Recovering")

      yield* TestClock.adjust("1 day")

      assert.strictEqual((yield* totalsOf(breaker, "a")).succeeded, 0)
      assert.deepStrictEqual(yield* keysOf(breaker), [])
    })
  )

  it.scoped("the circuit of calls without a key lives on", () =>
    Effect.gen(function* () {
      const breaker = yield* make(options)
      yield* breaker.protect(works)

      yield* TestClock.adjust("365 days")

      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      assert.deepStrictEqual(yield* keysOf(breaker), ["default"])
    })
  )

  it.scoped("is an hour by default", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()
      yield* call(breaker, "a")

      yield* TestClock.adjust("3599999 millis")
      assert.deepStrictEqual(yield* keysOf(breaker), ["a"])
      yield* TestClock.adjust("1 millis")

      assert.deepStrictEqual(yield* keysOf(breaker), [])
    })
  )
})

describe("R3.2.6 a call in flight whose circuit was dropped", () => {
  const droppings: Record<
    string,
    { options: CircuitBreaker.Options; drop: (breaker: Breaker) => Effect.Effect<void, unknown> }
  > = {
    "to make room": { options: { capacity: 1 }, drop: (breaker) => call(breaker, "another") },
    "when idle": { options: { idleTimeToLive: "1 minute" }, drop: () => TestClock.adjust("1 minute") }
  }

  for (const [why, { drop, options }] of Object.entries(droppings)) {
    it.scoped(`R3.2.6 its outcome changes nothing once the key has a new circuit, dropped ${why}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make(options)
        const late = yield* startCall(breaker.protectWith({ key: "a" }))
        yield* drop(breaker)
        yield* call(breaker, "a")
        const before = yield* breaker.snapshot("a")
        const seen = yield* watch(breaker.transitions)

        assert.deepStrictEqual(yield* late.end(Exit.fail("late")), Exit.fail("late"))
        yield* settled

        assert.deepStrictEqual(yield* breaker.snapshot("a"), before)
        assert.deepStrictEqual(seen, [])
      })
    )
  }
})
