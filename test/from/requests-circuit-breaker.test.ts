import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { Dependency, observe, path, rejection, stateTag } from "../traps/fixtures.ts"

const options = {
  tripPolicy: TripPolicy.failureRate({ threshold: 0.1, within: "120 seconds", minimumFailures: 5 }),
  openDuration: "300 seconds"
} as const
const makeBreaker = CircuitBreaker.make(options)

const calls = (
  breaker: CircuitBreaker.CircuitBreaker,
  count: number,
  effect: Effect.Effect<string, string>
) => Effect.replicateEffect(Effect.exit(breaker.protect(effect)), count)

describe("C requests-circuit-breaker: failureRate 10 % within 120 s, at least 5 failures, open 300 s", () => {
  it.scoped("C1 after 45 successes the fourth failure leaves it Closed, the fifth (5 of 50) opens", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* calls(breaker, 45, up)
      yield* calls(breaker, 4, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("C1 after 46 successes the fifth failure (9.8 %) leaves it Closed and the sixth opens", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* calls(breaker, 46, up)
      yield* calls(breaker, 5, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("C1 four failures alone (100 %) leave it Closed", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down } = new Dependency()
      yield* calls(breaker, 4, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("C1 four failures at 0 and one at 121 s leave it Closed", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down } = new Dependency()
      yield* calls(breaker, 4, down)
      yield* TestClock.setTime(121_000)
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.deepStrictEqual((yield* breaker.snapshot()).window, { calls: 1, failures: 1, slow: 0 })
    })
  )

  it.scoped("C1 the rate is exact: 97 of 97 at 100 % opens", () =>
    Effect.gen(function* () {
      const always = TripPolicy.failureRate({ threshold: 1, within: "120 seconds", minimumCalls: 97 })
      const breaker = yield* CircuitBreaker.make({ ...options, tripPolicy: always })
      const { down } = new Dependency()
      yield* calls(breaker, 96, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("C1 the rate is exact for every whole percentage", () =>
    Effect.gen(function* () {
      const { down, up } = new Dependency()
      for (let percent = 1; percent <= 100; percent++) {
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.failureRate({ threshold: percent / 100, calls: 100 })
        })
        yield* calls(breaker, 100 - percent, up)
        yield* calls(breaker, percent - 1, down)
        assert.strictEqual(yield* stateTag(breaker), "Closed")
        yield* calls(breaker, 1, down)
        assert.strictEqual(yield* stateTag(breaker), "Open", `${percent} of 100`)
      }
    })
  )

  it.scoped("C2 while open no request reaches the backend for 300 s and nothing is counted", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const dependency = new Dependency()
      yield* calls(breaker, 5, dependency.down)
      const { window } = yield* breaker.snapshot()
      for (let second = 30; second < 300; second += 30) {
        yield* TestClock.setTime(second * 1_000)
        yield* Effect.replicateEffect(rejection(breaker.protect(dependency.down)), 10)
      }
      yield* TestClock.setTime(299_999)
      yield* rejection(breaker.protect(dependency.up))
      assert.strictEqual(dependency.started, 5)
      const snapshot = yield* breaker.snapshot()
      assert.deepStrictEqual(snapshot.window, window)
      assert.deepStrictEqual(snapshot.totals, { succeeded: 0, failed: 5, ignored: 0, rejected: 91 })
      yield* TestClock.setTime(300_000)
      assert.strictEqual(yield* breaker.protect(dependency.up), "up")
      assert.strictEqual(dependency.started, 6)
    })
  )

  it.scoped("C5 two base URLs with a circuit each: only requests under the tripped one are stopped", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      const under = (key: string) => breaker.protectWith({ key })
      yield* Effect.replicateEffect(Effect.exit(down.pipe(under("https://example.com"))), 5)
      yield* rejection(up.pipe(under("https://example.com")))
      assert.strictEqual(yield* up.pipe(under("https://example.org")), "up")
      assert.strictEqual(yield* up.pipe(under("https://example.com.evil")), "up")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("C9 success and failure are counted, trip and reset announced, each exactly once", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const transitions = yield* observe(breaker)
      const { down, up } = new Dependency()
      yield* calls(breaker, 1, up)
      yield* calls(breaker, 5, down)
      yield* calls(breaker, 2, down)
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open"])
      yield* TestClock.setTime(300_000)
      yield* calls(breaker, 1, up)
      assert.deepStrictEqual((yield* transitions).map(path), [
        "Closed -> Open",
        "Open -> HalfOpen",
        "HalfOpen -> Closed"
      ])
      const { totals } = yield* breaker.snapshot()
      assert.deepStrictEqual(totals, { succeeded: 2, failed: 5, ignored: 0, rejected: 2 })
    })
  )

  it.scoped("C10 the known breakers, their circuits and what governs them now can be read back", () =>
    Effect.gen(function* () {
      const made = yield* CircuitBreaker.make({ ...options, name: "C10 backend" })
      const found = Option.getOrThrow(yield* CircuitBreakerRegistry.get("C10 backend"))
      assert.include(yield* CircuitBreakerRegistry.breakers, made)
      assert.strictEqual(found.name, "C10 backend")
      yield* found.protectWith(Effect.succeed("up"), { key: "https://example.org" })
      yield* made.trip("https://example.com")
      assert.deepStrictEqual(
        (yield* found.circuits).map(({ breaker, key, state, window }) => [
          breaker,
          key,
          state._tag,
          window.calls
        ]),
        [
          ["C10 backend", "https://example.org", "Closed", 1],
          ["C10 backend", "https://example.com", "Open", 0]
        ]
      )
      const state = yield* found.state("https://example.com")
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 300)
    })
  )
})
