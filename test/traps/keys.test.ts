import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { begin, captureLog, Dependency, observe, path, rejection, stateTag } from "./fixtures.ts"

type Breaker = CircuitBreaker.CircuitBreaker

const { down, hanging, up } = new Dependency()

const call = (breaker: Breaker, key: string, effect: Effect.Effect<string, string>) =>
  Effect.exit(breaker.protectWith(effect, { key }))

const keysOf = (breaker: Breaker) =>
  Effect.map(breaker.circuits, (circuits) => circuits.map(({ key }) => key))

describe("Keys", () => {
  it.scoped.each([
    ["succeed", up],
    ["fail", down]
  ] as const)("keys that an attacker picks are bounded when the calls %s (resilience4j#273)", ([, effect]) =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 100 })
      for (let i = 0; i < 5_000; i++) yield* call(breaker, `attack-${i}`, effect)
      assert.strictEqual((yield* breaker.circuits).length, 100)
    })
  )

  it.scoped("keys that an attacker picks are bounded when each of them opens", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 100, tripPolicy: TripPolicy.consecutive(1) })
      for (let i = 0; i < 1_000; i++) yield* call(breaker, `attack-${i}`, down)
      assert.strictEqual((yield* breaker.circuits).length, 100)
    })
  )

  it.scoped("keys that an attacker only reads make no circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()
      for (let i = 0; i < 100; i++) {
        assert.strictEqual(yield* stateTag(breaker, `read-${i}`), "Closed")
        yield* breaker.snapshot(`read-${i}`)
        yield* breaker.awaitReady(`read-${i}`)
      }
      assert.deepStrictEqual(yield* breaker.circuits, [])
    })
  )

  it.scoped("keys named like properties of objects are keys like any other", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1) })
      const names = ["__proto__", "constructor", "toString", ""]
      for (const key of names) {
        assert.strictEqual(yield* stateTag(breaker, key), "Closed")
        yield* call(breaker, key, down)
        assert.strictEqual(yield* stateTag(breaker, key), "Open")
      }
      assert.sameMembers(yield* keysOf(breaker), names)
    })
  )

  it.scoped("dead hosts do not stay for ever (fedify#916)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ idleTimeToLive: "1 hour" })
      for (let i = 0; i < 100; i++) yield* call(breaker, `dead-${i}`, down)
      yield* TestClock.adjust("59 minutes")
      yield* call(breaker, "alive", up)
      assert.strictEqual((yield* breaker.circuits).length, 101)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* keysOf(breaker), ["alive"])
      assert.deepStrictEqual((yield* breaker.snapshot("dead-0")).totals.failed, 0)
    })
  )

  it.scoped("dead hosts that come back after they were forgotten begin anew, whichever comes first", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(2) })
      const hosts = Array.from({ length: 10 }, (_, i) => `host-${i}`)
      for (const host of hosts) yield* call(breaker, host, down)
      yield* TestClock.adjust("2 hours")
      for (const host of hosts.toReversed()) {
        assert.deepStrictEqual((yield* breaker.snapshot(host)).window.failures, 0)
        yield* call(breaker, host, down)
        assert.strictEqual(yield* stateTag(breaker, host), "Closed")
        assert.deepStrictEqual((yield* breaker.snapshot(host)).totals.failed, 1)
      }
    })
  )

  it.scoped("an open circuit is not evicted while a closed one can go", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        capacity: 10,
        tripPolicy: TripPolicy.consecutive(1),
        openDuration: "10 seconds"
      })
      const transitions = yield* observe(breaker)
      yield* call(breaker, "open", down)
      yield* breaker.trip("probed")
      yield* TestClock.adjust("10 seconds")
      yield* Effect.fork(breaker.protectWith(hanging, { key: "probed" }))
      yield* call(breaker, "open", down)
      yield* breaker.isolate("isolated")
      const before = yield* transitions

      for (let i = 0; i < 1_000; i++) yield* call(breaker, `attack-${i}`, up)
      for (const key of ["open", "probed", "isolated"]) {
        yield* rejection(breaker.protectWith(up, { key }))
      }
      assert.strictEqual((yield* breaker.circuits).length, 10)
      assert.strictEqual((yield* transitions).length, before.length)
    })
  )

  it.scoped("an open circuit is not dropped for being idle", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ idleTimeToLive: "1 second", openDuration: "1 day" })
      yield* breaker.trip("open")
      yield* TestClock.adjust("12 hours")
      yield* call(breaker, "other", up)
      yield* rejection(breaker.protectWith(up, { key: "open" }))
      yield* TestClock.adjust("36 hours")
      yield* call(breaker, "other", up)
      assert.strictEqual(yield* stateTag(breaker, "open"), "HalfOpen")
    })
  )

  it.scoped("evicting an open circuit is loud where nothing else can go", () => {
    const log = captureLog()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 2, tripPolicy: TripPolicy.consecutive(1) })
      const transitions = yield* observe(breaker)
      yield* call(breaker, "first", down)
      yield* call(breaker, "second", down)
      yield* rejection(breaker.protectWith(up, { key: "first" }))
      log.lines.length = 0
      yield* call(breaker, "third", up)
      assert.sameMembers(yield* keysOf(breaker), ["first", "third"])
      assert.deepStrictEqual((yield* transitions).filter(({ key }) => key === "second").map(path), [
        "Closed -> Open",
        "Open -> Closed"
      ])
      assert.deepStrictEqual(
        log.lines.map(({ key, level }) => [level, key]),
        [["WARN", "second"]]
      )
    }).pipe(Effect.provide(log.layer))
  })

  it.scoped("a logger that re-enters at an eviction makes no circuit twice and none too many", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 2, tripPolicy: TripPolicy.consecutive(1) })
      const runtime = yield* Effect.runtime()
      const reentering = Logger.make(() => {
        Runtime.runSyncExit(runtime)(breaker.protectWith(up, { key: "new" }))
      })
      yield* call(breaker, "first", down)
      yield* call(breaker, "second", down)
      yield* call(breaker, "new", up).pipe(Effect.provide(Logger.add(reentering)))
      assert.sameMembers(yield* keysOf(breaker), ["second", "new"])
    })
  )

  it.scoped("the circuit of calls without a key is not for attackers to evict", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 1, tripPolicy: TripPolicy.consecutive(2) })
      yield* Effect.exit(breaker.protect(down))
      for (let i = 0; i < 100; i++) yield* call(breaker, `attack-${i}`, down)
      yield* TestClock.adjust("1 day")
      yield* Effect.exit(breaker.protect(down))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a circuit evicted with a call in flight announces no opening that no reader sees", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ capacity: 1, tripPolicy: TripPolicy.consecutive(1) })
      const transitions = yield* observe(breaker)
      const early = yield* begin(breaker, { key: "a" })
      yield* call(breaker, "b", up)
      yield* call(breaker, "a", up)
      yield* early.ends(Exit.fail("down"))
      const last = (yield* transitions).findLast(({ key }) => key === "a")
      assert.strictEqual(last?.to ?? "Closed", yield* stateTag(breaker, "a"))
    })
  )

  it.scoped(
    "two breakers of one name share nothing: a new one neither collides (pybreaker#88) nor resets (#26)",
    () =>
      Effect.gen(function* () {
        const options = { name: "payments", tripPolicy: TripPolicy.consecutive(2) } as const
        const first = yield* CircuitBreaker.make(options)
        yield* call(first, "eu", down)
        const second = yield* CircuitBreaker.make(options)
        assert.strictEqual((yield* first.snapshot("eu")).window.failures, 1)
        yield* call(first, "eu", down)
        assert.strictEqual(yield* stateTag(first, "eu"), "Open")
        assert.strictEqual(yield* stateTag(second, "eu"), "Closed")
        assert.includeMembers([...(yield* CircuitBreakerRegistry.breakers)], [first, second])
      })
  )
})
