/**
 * From opossum 10: a breaker round one function, which it fires, times out, counts in a rolling percentage, and backs
 * with a fallback.
 *
 *     const breaker = new CircuitBreaker(fetchWeather, {
 *       timeout: 50, errorThresholdPercentage: 50, volumeThreshold: 2, resetTimeout: 500
 *     })
 *     breaker.fallback(() => "yesterday's weather")
 *     breaker.on("open", () => console.log("open"))
 *     await breaker.fire("Oslo")
 *
 * | theirs                                    | ours                                     | note                                            |
 * | ----------------------------------------- | ---------------------------------------- | ----------------------------------------------- |
 * | `timeout` (10 s)                          | `Effect.timeout`, inside `protect`       | stops the work; there it goes on unless aborted |
 * | `errorThresholdPercentage` (50)           | `failureRate({ threshold: 0.5 })`        | opens at the threshold; there only above it     |
 * |                                           |                                          | of finished calls; rejections dilute theirs     |
 * | `rollingCountTimeout` (10 s)              | `failureRate({ within })`                |                                                 |
 * | `rollingCountBuckets` (10)                | `failureRate({ buckets })`               | no timer rotates them                           |
 * | `volumeThreshold` (0)                     | `failureRate({ minimumCalls })`          | 10 by default; there the first failure may open |
 * | `allowWarmUp` (false)                     | `minimumCalls`                           | enough calls, not enough time                   |
 * | `maxFailures` (deprecated)                | `consecutive`, `failureCount`            |                                                 |
 * | `resetTimeout` (30 s)                     | `openDuration`                           | or a `Schedule`; no timer either way            |
 * | `name`, `group`                           | `name`, `key`                            | circuits of one breaker share its policy        |
 * | `errorFilter`                             | `Outcome.ignoreWhen(predicate)`          | counts nowhere; there a success, which closes   |
 * | `capacity`                                | `Effect.makeSemaphore`, outside          | being full is no failure; there it is           |
 * | `enabled`, `enable()`, `disable()`        | `disable()`                              | until its scope closes                          |
 * | `abortController`                         | not needed                               | `Effect.tryPromise` gives each call its signal  |
 * | `autoRenewAbortController`                | not needed                               |                                                 |
 * | `cache`, `cacheTTL`, `cacheSize`          | `Cache.make`, outside                    |                                                 |
 * | `cacheGetKey`                             | the key given to `get`                   |                                                 |
 * | `cacheTransport`                          | `PersistedCache`                         | of `@effect/experimental`                       |
 * | `coalesce`, `coalesceTTL`, `coalesceSize` | `Cache.make`, too                        | callers share a lookup under way                |
 * | `coalesceResetOn`                         | `Cache.makeWith`                         | its `timeToLive` sees the exit                  |
 * | `rollingPercentilesEnabled`               | `Metric.timer`, `Metric.summary`         | round the effect                                |
 * | `enableSnapshots`                         | not needed                               | `snapshot()` is worked out when asked for       |
 * | `rotateBucketController`                  | not needed                               |                                                 |
 * | `state`, `status`, `toJSON()`             | `RedisCircuitStore`                      | kept and shared, where they are to outlive us   |
 * | `fire(...args)`, `call(self, ...args)`    | a function that returns the effect       | one breaker round many effects                  |
 * | `fallback(f)`                             | `Effect.catchTag("CircuitOpenError", f)` | for all failures, as there: `Effect.catchAll`   |
 * | `healthCheck(f, interval)`                | `Effect.repeat`, and `trip()`            |                                                 |
 * | `open()`, `close()`                       | `trip()`, `reset()`                      | `isolate()` keeps it open                       |
 * | `shutdown()`                              | the scope of `make`, or the layer's      | no timers to clear                              |
 * | `open`, `halfOpen`, `close` events        | `transitions`                            | a `Stream`                                      |
 * | `fire`, `success`, `failure`, ... events  | `CircuitMetrics.calls`                   | or `Effect.tapBoth` inside                      |
 * | `stats`                                   | `snapshot()`                             | window, totals, last failure                    |
 * | `isOurError(error)`, `EOPENBREAKER`       | `CircuitOpenError`                       | in the type, with `retryAfter`                  |
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class Weather extends CircuitBreaker.Service<Weather>()("Weather", {
  tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "10 seconds", minimumCalls: 2 }),
  openDuration: "500 millis"
}) {}

const service = { hangs: true, asked: 0, stopped: 0 }

const fetchWeather = (city: string) =>
  Effect.suspend(() => {
    service.asked++
    return service.hangs ? Effect.never : Effect.succeed(`sun in ${city}`)
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => service.stopped++)))

const weather = (city: string) => fetchWeather(city).pipe(Effect.timeout("50 millis"), Weather.protect)

const withFallback = (city: string) =>
  Effect.catchTag(weather(city), "CircuitOpenError", () => Effect.succeed("yesterday's weather"))

const program = Effect.gen(function* () {
  // Two calls time out. Their work is interrupted, not left behind.
  for (const city of ["Oslo", "Rome"]) {
    assert.strictEqual((yield* Effect.flip(weather(city)))._tag, "TimeoutException")
  }
  assert.deepStrictEqual([service.asked, service.stopped], [2, 2])
  assert.strictEqual((yield* Weather.state())._tag, "Open")

  const answers = yield* Effect.replicateEffect(withFallback("Oslo"), 100)
  assert.deepStrictEqual(new Set(answers), new Set(["yesterday's weather"]))
  assert.strictEqual(service.asked, 2)
  yield* Console.log(`open: 100 calls got "${answers[0]}", none reached the service`)

  yield* Weather.awaitReady()
  service.hangs = false
  assert.strictEqual(yield* withFallback("Oslo"), "sun in Oslo")
  yield* Console.log("after half a second a probe succeeded and closed it")

  // The hundred rejections are no part of the rate: two failures open it again.
  service.hangs = true
  yield* Effect.all([Effect.flip(weather("Oslo")), Effect.flip(weather("Rome"))], { concurrency: 2 })
  assert.strictEqual((yield* Weather.state())._tag, "Open")
  const { totals } = yield* Weather.snapshot()
  assert.deepStrictEqual(totals, { succeeded: 1, failed: 4, ignored: 0, rejected: 100 })
  yield* Console.log("two more timeouts opened it again:", totals)
})

await program.pipe(
  Effect.provide(Weather.layer),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
