/**
 * From cockatiel 4: a policy says which errors are handled, a breaker says how many of them open the circuit, and
 * policies wrap each other.
 *
 *     const breaker = circuitBreaker(handleType(NetworkError), {
 *       halfOpenAfter: new ExponentialBackoff({ initialDelay: 10_000, maxDelay: 60_000 }),
 *       breaker: new SamplingBreaker({ threshold: 0.2, duration: 30_000, minimumRps: 1 / 3 }),
 *       halfOpenSampling: { calls: 10, threshold: 0.3 }
 *     })
 *     breaker.onStateChange((state) => console.log(CircuitState[state]))
 *     const patient = retry(handleType(BrokenCircuitError), { maxAttempts: 2 })
 *     const policy = wrap(patient, breaker, timeout(500, TimeoutStrategy.Aggressive))
 *     await policy.execute(({ signal }) => fetchPrice({ signal }))
 *
 * | theirs                                       | ours                              | note                                             |
 * | -------------------------------------------- | --------------------------------- | ------------------------------------------------ |
 * | `handleAll`                                  | the default `classify`            | interruption is Ignored; there an abort counts   |
 * | `handleType`, `handleWhen`                   | `Outcome.failWhen(predicate)`     | others are Ignored; there a probe succeeds       |
 * | `orType`, `orWhen`                           | one predicate                     |                                                  |
 * | `handleResultType`, `handleWhenResult`       | `classify`                        | it sees the whole `Exit`, values too             |
 * | `new ConsecutiveBreaker(n)`                  | `TripPolicy.consecutive(n)`       | the n-th opens in both                           |
 * | `new CountBreaker(...)`                      | `failureRate({ calls })`          |                                                  |
 * | - `threshold`                                | `threshold`                       | opens at the threshold; there only above it      |
 * | - `size`                                     | `calls`                           |                                                  |
 * | - `minimumNumberOfCalls`                     | `minimumCalls`                    | defaults to the size in both                     |
 * | `new SamplingBreaker(...)`                   | `failureRate({ within })`         |                                                  |
 * | - `threshold`                                | `threshold`                       | as above                                         |
 * | - `duration`                                 | `within`, `buckets`               | a pause drops all that is old; there one slice   |
 * | - `minimumRps`                               | `minimumCalls`                    | rps times seconds; there 5 failures/s by default |
 * | your own `IBreaker`                          | `TripPolicy.make`                 | also `slowCallRate`, `failureCount`, `anyOf`     |
 * | `halfOpenAfter: number`                      | `openDuration`                    | monotonic time, not `Date.now()`                 |
 * | `halfOpenAfter`: a backoff                   | `openDuration`: a `Schedule`      | a short close does not reset it; there it does   |
 * | - `generator` (with jitter)                  | `Schedule.jittered`               | drawn once an opening                            |
 * | - `DelegateBackoff` on the result            | `Outcome.failure({ retryAfter })` | up to `maxOpenDuration`                          |
 * | `halfOpenSampling.calls`                     | `halfOpen.probes`                 | how many must succeed: of 10 with 30 %, 7        |
 * | `halfOpenSampling.threshold`                 | `halfOpen.failuresToReopen`       | of 10 with 30 %, the 4th                         |
 * | - calls beyond those wait                    | rejected at once                  | `awaitReady`, for who would rather wait          |
 * | `initialState`, `toJSON()`                   | `RedisCircuitStore`               | kept and shared, where they are to outlive us    |
 * | `execute(fn, signal)`                        | `protect(effect)`                 | interruption needs no signal                     |
 * | `state`, `lastFailure`                       | `state()`, `snapshot()`           | HalfOpen in time, not at the next call           |
 * | `onBreak`, `onReset`, `onHalfOpen`           | `transitions`                     | a `Stream`; each has `from` and `to`             |
 * | `onStateChange`                              | `transitions`                     |                                                  |
 * | `onSuccess`, `onFailure`                     | `Effect.tapBoth` inside           | or `CircuitMetrics`                              |
 * | `isolate()`, `dispose()`                     | `isolate()`, closing its scope    | counted in both                                  |
 * | `BrokenCircuitError`, `IsolatedCircuitError` | `CircuitOpenError`                | one tag, with `state` and `retryAfter`           |
 * | `wrap(retry, breaker, timeout)`              | `pipe`, from the inside out       |                                                  |
 * | `bulkhead`                                   | `Effect.makeSemaphore`            | outside the breaker                              |
 * | `fallback`                                   | `Effect.catchTag`                 |                                                  |
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class NetworkError extends Data.TaggedError("NetworkError") {}
class UnknownProduct extends Data.TaggedError("UnknownProduct") {}

const program = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    name: "prices",
    tripPolicy: TripPolicy.failureRate({ threshold: 0.2, within: "30 seconds", minimumCalls: 10 }),
    openDuration: Schedule.exponential("10 seconds").pipe(Schedule.union(Schedule.spaced("1 minute"))),
    halfOpen: { probes: 7, failuresToReopen: 4 },
    classify: Outcome.ignoreWhen((error) => error instanceof UnknownProduct)
  })
  const states = yield* Effect.fork(
    Stream.runCollect(
      Stream.take(
        Stream.map(breaker.transitions, ({ to }) => to),
        5
      )
    )
  )
  yield* Effect.yieldNow()

  let attempts = 0
  const call = <A, E>(fetchPrice: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      attempts++
      return fetchPrice
    }).pipe(
      Effect.timeout("500 millis"),
      breaker.protect,
      Effect.retry({ schedule: CircuitBreaker.retrySchedule(), times: 2 })
    )
  const good = call(Effect.succeed(12))
  const bad = call(Effect.fail(new NetworkError()))

  // Exactly a fifth of ten calls fails. What is ignored is no part of them.
  yield* Effect.replicateEffect(good, 8)
  yield* Effect.replicateEffect(Effect.flip(call(Effect.fail(new UnknownProduct()))), 5)
  yield* Effect.flip(bad)
  assert.strictEqual((yield* breaker.state())._tag, "Closed")
  yield* Effect.flip(bad)
  assert.strictEqual((yield* breaker.state())._tag, "Open")

  // A retry outside the breaker waits for the circuit: this call is made once, ten seconds from now.
  attempts = 0
  const patient = yield* Effect.fork(good)
  yield* TestClock.adjust("9999 millis")
  assert.strictEqual(attempts, 0)
  yield* TestClock.adjust("1 millis")
  assert.strictEqual(yield* Fiber.join(patient), 12)
  assert.strictEqual(attempts, 1)
  yield* Console.log("open for 10 s, then a waiting call went through as the first of 7 probes")

  // Three of the probes may fail, as long as seven succeed.
  yield* Effect.replicateEffect(Effect.flip(bad), 3)
  yield* Effect.replicateEffect(good, 5)
  assert.deepStrictEqual(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 6, openings: 1 })
  yield* good
  assert.strictEqual((yield* breaker.state())._tag, "Closed")

  const isolated = yield* Effect.scoped(Effect.zipRight(breaker.isolate(), Effect.flip(good)))
  assert.strictEqual(isolated._tag === "CircuitOpenError" && isolated.state, "Isolated")
  assert.strictEqual(yield* good, 12)

  const seen = Array.from(yield* Fiber.join(states))
  assert.deepStrictEqual(seen, ["Open", "HalfOpen", "Closed", "Isolated", "Closed"])
  yield* Console.log(`states: ${seen.join(", ")}`)
})

await program.pipe(
  Effect.scoped,
  Effect.provide(TestContext.TestContext),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
