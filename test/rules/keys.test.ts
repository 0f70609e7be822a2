import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { Breaker as InnerBreaker } from "../../src/internal/breaker/breaker.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import {
  type Breaker,
  emptyWindow,
  fails,
  keysOf,
  make,
  pathOf,
  recordLogs,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  totals,
  totalsOf,
  watch,
  windowOf,
  works
} from "../kit/index.ts"

const call = (breaker: Breaker, ...keys: ReadonlyArray<string>) =>
  Effect.forEach(keys, (key) => breaker.protectWith(works, { key }), { discard: true })

describe("key", () => {
  it.scoped("key: each has a circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* Effect.flip(breaker.protectWith(fails, { key: "eu" }))

      yield* rejectionOf(breaker.protectWith(works, { key: "eu" }))
      yield* call(breaker, "us")
      assert.strictEqual(yield* breaker.protect(works), "worked")
      assert.deepStrictEqual(yield* keysOf(breaker), ["default", "eu", "us"])
    })
  )

  it.scoped('key: a call without one uses "default"', () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      yield* Effect.flip(breaker.protect(fails))
      yield* rejectionOf(breaker.protectWith(works, { key: "default" }))
      yield* breaker.reset("default")
      yield* breaker.protectWith(works, {})

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1, failed: 1, rejected: 1 }))
      assert.deepStrictEqual(yield* totalsOf(breaker, "default"), yield* totalsOf(breaker))
    })
  )

  it.scoped("E25 circuits are held in tables that grow with their number, not with `capacity`", () =>
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

  it.scoped("E25 circuits lie in as many tables as their number asks for, whatever `capacity` is", () =>
    Effect.gen(function* () {
      const registry = yield* CircuitBreakerRegistry.CircuitBreakerRegistry
      const breaker = yield* Effect.withFiberRuntime<InnerBreaker>((caller) => {
        const made = new InnerBreaker(decode({ capacity: Number.MAX_SAFE_INTEGER }), registry, caller)
        for (let i = 0; i < 20_000; i++) made.use(`key ${i}`, caller)
        return Effect.succeed(made)
      })

      const tables: unknown = Reflect.get(breaker.circuits, "shards")

      assert.isArray(tables)
      assert.isAtMost((tables as ReadonlyArray<unknown>).length, Math.ceil(20_000 / 4_096))
    })
  )

  it.scoped("key: may be any string, also a property of objects", () =>
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

  it.scoped("key: first use by several fibers at once makes one circuit", () =>
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
  it.scoped("capacity: the least recently used Closed circuit goes first", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 3 })
      yield* call(breaker, "a", "b", "c", "a")

      yield* call(breaker, "d")
      assert.deepStrictEqual(yield* keysOf(breaker), ["a", "c", "d"])
      yield* call(breaker, "e")

      assert.deepStrictEqual(yield* keysOf(breaker), ["a", "d", "e"])
    })
  )

  for (const [what, effect, tripPolicy] of [
    ["succeed", works, TripPolicy.consecutive(5)],
    ["fail", fails, TripPolicy.consecutive(5)],
    ["each open their circuit", fails, TripPolicy.consecutive(1)]
  ] as const) {
    it.scoped(
      `capacity: bounds the keys that an attacker picks, whose calls ${what} (resilience4j#273)`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* make({ capacity: 100, tripPolicy })
          for (let i = 0; i < 1_000; i++) {
            yield* Effect.exit(breaker.protectWith(effect, { key: `attack-${i}` }))
          }

          assert.strictEqual((yield* breaker.circuits).length, 100)
        })
    )
  }

  it.scoped("capacity: a circuit that was dropped begins anew", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 1, tripPolicy: TripPolicy.consecutive(2) })
      yield* Effect.flip(breaker.protectWith(fails, { key: "a" }))

      yield* call(breaker, "b")
      yield* Effect.flip(breaker.protectWith(fails, { key: "a" }))

      assert.strictEqual(yield* tagOf(breaker, "a"), "Closed")
      assert.strictEqual((yield* totalsOf(breaker, "a")).failed, 1)
    })
  )

  it.scoped("capacity: reading is no use of a circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 2 })
      yield* call(breaker, "a", "b")

      yield* Effect.all([breaker.state("a"), breaker.snapshot("a"), breaker.circuits])
      yield* call(breaker, "c")

      assert.deepStrictEqual(yield* keysOf(breaker), ["b", "c"])
    })
  )

  it.scoped("capacity: a circuit that is not Closed stays while a Closed one can go", () =>
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

  it.scoped(
    "capacity: where none is Closed the least recently used goes, with a warning and a transition",
    () =>
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

  it.scoped(
    "capacity: a logger that calls again at an eviction makes no circuit twice and none too many",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ capacity: 2 })
        const runtime = yield* Effect.runtime()
        const calling = Logger.make(() => {
          Runtime.runSyncExit(runtime)(call(breaker, "new"))
        })
        yield* Effect.all([breaker.trip("a"), breaker.trip("b")])

        yield* Effect.provide(call(breaker, "new"), Logger.add(calling))

        assert.deepStrictEqual(yield* keysOf(breaker), ["b", "new"])
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
      assert.deepStrictEqual(seen.map(pathOf), ["Closed > Disabled", "Disabled > Closed", "Closed > Open"])

      yield* Scope.close(scope, Exit.void)
      yield* settled

      assert.strictEqual(yield* tagOf(breaker, "a"), "Open")
      assert.deepStrictEqual(yield* keysOf(breaker), ["a"])
      assert.strictEqual(seen.length, 3)
    })
  )

  it.scoped("capacity: the circuit of calls without a key is never dropped and does not count", () =>
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

  it.scoped("capacity: is 10,000 by default", () =>
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

  it.scoped("idleTimeToLive: an idle Closed circuit is dropped at exactly that age", () =>
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

  it.scoped("idleTimeToLive: every call begins the time anew, reading does not", () =>
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

  it.scoped(
    "idleTimeToLive: dead hosts do not stay, and begin anew in whatever order they return (fedify#916)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
        const hosts = ["a", "b", "c", "d"]
        const fail = (key: string) => Effect.flip(breaker.protectWith(fails, { key }))
        yield* Effect.forEach(hosts, fail)
        yield* TestClock.adjust("59 seconds")
        yield* call(breaker, "alive")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* keysOf(breaker), ["alive"])

        for (const key of hosts.toReversed()) {
          assert.deepStrictEqual(yield* windowOf(breaker, key), emptyWindow)
          yield* fail(key)
          assert.strictEqual(yield* tagOf(breaker, key), "Closed")
          assert.strictEqual((yield* totalsOf(breaker, key)).failed, 1)
        }
      })
  )

  it.scoped("idleTimeToLive: circuits that are not Closed stay, however idle", () =>
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

  it.scoped("idleTimeToLive: a circuit whose recovery is over is Closed, and goes when idle like any", () =>
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

  it.scoped("idleTimeToLive: the circuit of calls without a key lives on", () =>
    Effect.gen(function* () {
      const breaker = yield* make(options)
      yield* breaker.protect(works)

      yield* TestClock.adjust("365 days")

      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      assert.deepStrictEqual(yield* keysOf(breaker), ["default"])
    })
  )

  it.scoped("idleTimeToLive: is an hour by default", () =>
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
