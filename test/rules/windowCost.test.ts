/** The cost of a call does not depend on the size of its window. It is counted in steps of array methods, not timed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { type Breaker, fails, tagOf, useManualClock, windowOf, works } from "../kit/index.ts"

const calls = (breaker: Breaker, count: number, effect: Effect.Effect<string, string>) =>
  Effect.replicateEffect(Effect.exit(breaker.protect(effect)), count, { discard: true })

const prototype: object = Array.prototype
const walks = [Symbol.iterator, "concat", "filter", "forEach", "map", "reduce", "slice", "toSpliced", "with"]

/** The number of elements that array methods copy or visit for each of 1,000 calls. */
const stepsOfEach = (breaker: Breaker, effect: Effect.Effect<string, string>): Effect.Effect<number> =>
  Effect.suspend(() => {
    let steps = 0
    const restore = walks.map((name) => {
      const original = Object.getOwnPropertyDescriptor(prototype, name)!
      Object.defineProperty(prototype, name, {
        ...original,
        value(this: ReadonlyArray<unknown>, ...args: ReadonlyArray<unknown>) {
          steps += this.length
          return Reflect.apply(original.value, this, args)
        }
      })
      return () => Object.defineProperty(prototype, name, original)
    })
    return calls(breaker, 1_000, effect).pipe(
      Effect.ensuring(Effect.sync(() => restore.forEach((each) => each()))),
      Effect.map(() => steps / 1_000)
    )
  })

describe("R3.2.1 a call costs no more", () => {
  it.scoped("R3.2.1 with a window of 100,000 calls, which is exact when it wraps (Effect 4.1)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 100_000 })
      })
      yield* calls(breaker, 49_999, fails)
      yield* calls(breaker, 50_001, works)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100_000, failures: 49_999, slow: 0 })
      // The first ones replace failures, the next ones replace as many failures, and the last ones replace successes.
      assert.isBelow(yield* stepsOfEach(breaker, works), 1_000)
      assert.strictEqual((yield* windowOf(breaker)).failures, 48_999)
      yield* calls(breaker, 48_999, fails)
      assert.strictEqual((yield* windowOf(breaker)).failures, 48_999)
      yield* calls(breaker, 1_000, fails)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100_000, failures: 49_999, slow: 0 })
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* calls(breaker, 1, fails)
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.1 with a window of 20,000 failures, exact to the last of them (opossum 10)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureCount({ failures: 20_000, within: "1 hour" })
      })
      yield* calls(breaker, 1, fails)
      yield* TestClock.adjust("30 minutes")
      yield* calls(breaker, 5_000, fails)
      assert.isBelow(yield* stepsOfEach(breaker, fails), 1_000)
      yield* calls(breaker, 13_998, fails)
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual((yield* windowOf(breaker)).failures, 19_998)
      yield* calls(breaker, 1, fails)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* calls(breaker, 1, fails)
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.1 with a window of 2,000 buckets", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({
          threshold: 1,
          within: "2 seconds",
          buckets: 2_000,
          minimumFailures: 100_000
        })
      })
      for (let millis = 0; millis < 2_000; millis++) {
        yield* calls(breaker, 1, fails)
        clock.advance(1)
      }
      assert.strictEqual((yield* windowOf(breaker)).failures, 1_999)
      yield* calls(breaker, 1, fails)
      assert.isBelow(yield* stepsOfEach(breaker, fails), 200)
      yield* calls(breaker, 9_000, fails)
      assert.strictEqual((yield* windowOf(breaker)).failures, 12_000)
    })
  )

  it.scoped(
    "R3.2.1 R3.2.10 with a window of 2,000 buckets, if each call begins another one and drops one",
    () =>
      Effect.gen(function* () {
        const clock = yield* useManualClock
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.failureRate({
            threshold: 1,
            within: "2 seconds",
            buckets: 2_000,
            minimumFailures: 100_000
          })
        })
        const failsLater = Effect.suspend(() => {
          clock.advance(1)
          return fails
        })
        yield* calls(breaker, 3_000, failsLater)
        assert.deepStrictEqual(yield* windowOf(breaker), { calls: 2_000, failures: 2_000, slow: 0 })

        assert.isBelow(yield* stepsOfEach(breaker, failsLater), 1_000)

        assert.deepStrictEqual(yield* windowOf(breaker), { calls: 2_000, failures: 2_000, slow: 0 })
        clock.advance(1_990)
        assert.strictEqual((yield* windowOf(breaker)).failures, 10)
      })
  )
})
