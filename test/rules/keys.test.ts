import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { Breaker as InnerBreaker } from "../../src/internal/breaker/breaker.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import {
  type Breaker,
  fails,
  keysOf,
  make,
  pathOf,
  recordLogs,
  settled,
  startCall,
  tagOf,
  totalsOf,
  watch,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

const call = (breaker: Breaker, ...keys: ReadonlyArray<string>) =>
  Effect.forEach(keys, (key) => breaker.protectWith(works, { key }), { discard: true })

describe("key", () => {
  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(1) }, [
    ["key: each has a circuit", "eu:f eu:- us:s s {default,eu,us}"],
    ['key: a call without one uses "default"', "f default:- default:reset s default:#0 {default}"]
  ])

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

  it.scoped("E25 the number of tables depends on the number of circuits, not on `capacity`", () =>
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

  it.scoped("key: may be any string, also the name of an object's property", () =>
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
  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(2), openDuration: "10 seconds" }, [
    [
      "capacity: the least recently used Closed circuit goes first",
      "a:s b:s c:s a:s d:s {a,c,d} e:s {a,d,e}",
      { capacity: 3 }
    ],
    ["capacity: a circuit that was dropped starts again", "a:f b:s a:f a:=Closed a:#1", { capacity: 1 }],
    ["capacity: reading is no use of a circuit", "a:s b:s a:=Closed a:#0 {a,b} c:s {b,c}", { capacity: 2 }],
    [
      "capacity: a circuit that is not Closed stays while a Closed one can go",
      "half:trip rec:trip +10 rec:s half:( open:trip held:isolate >Open>Open>HalfOpen>Recovering>HalfOpen>Open>Isolated a:s b:s c:s {c,half,held,open,rec} >",
      { capacity: 5, recovery: { duration: "1 hour", from: 1 } }
    ],
    [
      "capacity: the circuit of calls without a key is never dropped and does not count",
      "f a:s b:s {b,default} b:s #1 f =Open",
      { capacity: 1 }
    ]
  ])

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

  it.scoped(
    "R3.3 a dropped circuit loses its disabling, which does not apply to the key's next circuit",
    () =>
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
  const options = { tripPolicy: TripPolicy.consecutive(2), openDuration: "10 seconds" } as const

  playAll(everyWay, { ...options, idleTimeToLive: "1 minute" }, [
    [
      "idleTimeToLive: an idle Closed circuit is dropped at exactly that age",
      "a:f +59.999 a:#1 {a} +0.001 a:#0 {}"
    ],
    [
      "idleTimeToLive: every call restarts the time, reading does not",
      "called:s read:s +59 called:s read:=Closed read:#0 {called,read} +59 {called}"
    ],
    [
      "idleTimeToLive: dead hosts are dropped, and start again in any order in which they return (fedify#916)",
      "a:f b:f c:f +59 alive:s +1 {alive} c:f c:#1 c:=Closed b:f b:#1 b:=Closed a:f a:#1 a:=Closed"
    ],
    [
      "idleTimeToLive: circuits that are not Closed stay, however idle",
      "open:trip held:isolate +31536000 another:s {another,held,open} open:=HalfOpen"
    ],
    [
      "idleTimeToLive: a circuit whose recovery is over is Closed, and goes when idle like any",
      "a:trip +10 a:s a:=Recovering +86400 a:=Closed {}",
      { recovery: { duration: "100 seconds" } }
    ],
    ["idleTimeToLive: the circuit of calls without a key lives on", "f +31536000 #1 {default}"]
  ])

  playAll(everyWay, options, [["idleTimeToLive: is an hour by default", "a:s +3599.999 {a} +0.001 {}"]])
})
