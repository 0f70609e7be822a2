import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { ManualClock } from "../kit/ManualClock.ts"
import { begin, Dependency, rejection, stateTag } from "./fixtures.ts"

type Breaker = CircuitBreaker.CircuitBreaker
const { down, up } = new Dependency()

const calls = (breaker: Breaker, count: number, effect: Effect.Effect<string, string>) =>
  Effect.replicateEffect(Effect.exit(breaker.protect(effect)), count, { discard: true })

const windowOf = (breaker: Breaker) => Effect.map(breaker.snapshot(), ({ window }) => window)

/** How many failures in a row it takes to open, from here. */
const failuresToOpen = (breaker: Breaker) =>
  Effect.gen(function* () {
    let count = 0
    while ((yield* stateTag(breaker)) === "Closed") {
      yield* calls(breaker, 1, down)
      count++
    }
    return count
  })

const walks = [Symbol.iterator, "concat", "filter", "forEach", "map", "reduce", "slice", "toSpliced", "with"]

/** How many elements the methods of arrays copy or walk over meanwhile: steps, where a test could only time. */
const arraySteps = (effect: Effect.Effect<unknown>): Effect.Effect<number> =>
  Effect.suspend(() => {
    let steps = 0
    const restore = walks.map((name) =>
      replaceMethod(Array.prototype, name, (original) => {
        return function (this: ReadonlyArray<unknown>, ...args: ReadonlyArray<unknown>) {
          steps += this.length
          return Reflect.apply(original, this, args)
        }
      })
    )
    return effect.pipe(
      Effect.ensuring(Effect.sync(() => restore.forEach((each) => each()))),
      Effect.map(() => steps)
    )
  })

const replaceMethod = (prototype: object, name: PropertyKey, by: (original: Function) => Function) => {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!
  Object.defineProperty(prototype, name, { ...original, value: by(original.value) })
  return () => Object.defineProperty(prototype, name, original)
}

describe("Windows", () => {
  it.scoped.each([60_000, 60_001, 66_000, 119_999, 600_000, 86_400_000])(
    "an idle gap of %i ms drops every expired bucket at once (cockatiel#64)",
    (gap) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "60 seconds", minimumCalls: 10 })
        })
        for (let second = 0; second < 9; second++) {
          yield* TestClock.setTime(second * 1_000)
          yield* calls(breaker, 1, down)
        }
        yield* TestClock.adjust(gap)
        assert.deepStrictEqual(yield* windowOf(breaker), { calls: 0, failures: 0, slow: 0 })
        yield* calls(breaker, 1, down)
        assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
        assert.strictEqual(yield* stateTag(breaker), "Closed")
      })
  )

  it.scoped("an idle gap shorter than the window drops the expired buckets and no other", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "60 seconds", minimumCalls: 1_000 })
      })
      for (let second = 0; second < 60; second += 6) {
        yield* TestClock.setTime(second * 1_000)
        yield* calls(breaker, 1, down)
      }
      assert.strictEqual((yield* windowOf(breaker)).failures, 10)
      yield* TestClock.setTime(90_000)
      assert.strictEqual((yield* windowOf(breaker)).failures, 4)
      yield* TestClock.setTime(108_000)
      assert.strictEqual((yield* windowOf(breaker)).failures, 1)
      yield* TestClock.setTime(114_000)
      assert.strictEqual((yield* windowOf(breaker)).failures, 0)
    })
  )

  it.scoped("rejected calls are in no denominator: after 100 of them it reopens as easily (opossum 10)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 hour", minimumCalls: 10 }),
        openDuration: "10 seconds"
      })
      assert.strictEqual(yield* failuresToOpen(breaker), 10)
      yield* Effect.replicateEffect(rejection(breaker.protect(up)), 100)
      yield* TestClock.setTime(10_000)
      yield* breaker.protect(up)
      assert.strictEqual(yield* failuresToOpen(breaker), 10)
    })
  )

  it.scoped("calls in flight are in no denominator", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 hour", minimumCalls: 10 })
      })
      yield* Effect.replicateEffect(begin(breaker), 100)
      assert.strictEqual((yield* windowOf(breaker)).calls, 0)
      assert.strictEqual(yield* failuresToOpen(breaker), 10)
    })
  )

  it.scoped("a policy trips before a whole window has passed (rezilience)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 hour", minimumCalls: 2 })
      })
      yield* calls(breaker, 2, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a policy's minimum is not asked for in half-open: one probe decides (opossum#276)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 hour", minimumCalls: 100 }),
        openDuration: "10 seconds"
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
      yield* TestClock.adjust("10 seconds")
      yield* calls(breaker, 1, up)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("a call costs no more with a window of 100,000 calls, which is exact when it wraps", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 100_000 })
      })
      yield* calls(breaker, 49_999, down)
      yield* calls(breaker, 50_001, up)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100_000, failures: 49_999, slow: 0 })
      // These push out failures, the next as many failures as they are, and the last successes.
      const steps = yield* arraySteps(calls(breaker, 1_000, up))
      assert.isBelow(steps / 1_000, 1_000)
      assert.strictEqual((yield* windowOf(breaker)).failures, 48_999)
      yield* calls(breaker, 48_999, down)
      assert.strictEqual((yield* windowOf(breaker)).failures, 48_999)
      yield* calls(breaker, 1_000, down)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100_000, failures: 49_999, slow: 0 })
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a call costs no more with a window of 20,000 failures, exact to the last of them", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureCount({ failures: 20_000, within: "1 hour" })
      })
      yield* calls(breaker, 1, down)
      yield* TestClock.adjust("30 minutes")
      yield* calls(breaker, 5_000, down)
      const steps = yield* arraySteps(calls(breaker, 1_000, down))
      assert.isBelow(steps / 1_000, 1_000)
      yield* calls(breaker, 13_998, down)
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual((yield* windowOf(breaker)).failures, 19_998)
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* calls(breaker, 1, down)
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a call costs no more with a window of 2,000 buckets", () => {
    const clock = new ManualClock()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.failureRate({
          threshold: 1,
          within: "2 seconds",
          buckets: 2_000,
          minimumFailures: 100_000
        })
      })
      for (let millis = 0; millis < 2_000; millis++) {
        yield* calls(breaker, 1, down)
        clock.advance(1)
      }
      assert.strictEqual((yield* windowOf(breaker)).failures, 1_999)
      yield* calls(breaker, 1, down)
      const steps = yield* arraySteps(calls(breaker, 1_000, down))
      assert.isBelow(steps / 1_000, 200)
      yield* calls(breaker, 9_000, down)
      assert.strictEqual((yield* windowOf(breaker)).failures, 12_000)
    }).pipe(Effect.withClock(clock))
  })
})
