/**
 * From Java's resilience4j: a `CircuitBreakerConfig` with a failure rate and a slow call rate over a sliding window,
 * and a registry of named breakers.
 *
 *     CircuitBreakerConfig config = CircuitBreakerConfig.custom()
 *         .slidingWindowType(COUNT_BASED).slidingWindowSize(10).minimumNumberOfCalls(10)
 *         .failureRateThreshold(50)
 *         .slowCallRateThreshold(50).slowCallDurationThreshold(Duration.ofSeconds(2))
 *         .waitDurationInOpenState(Duration.ofSeconds(60))
 *         .permittedNumberOfCallsInHalfOpenState(3)
 *         .ignoreExceptions(BusinessException.class)
 *         .build();
 *     CircuitBreaker stock = CircuitBreakerRegistry.of(config).circuitBreaker("stock");
 *     int left = stock.executeSupplier(backend::countStock);
 *
 * | theirs                                         | ours                                   | note                                           |
 * | ---------------------------------------------- | -------------------------------------- | ---------------------------------------------- |
 * | `failureRateThreshold` (50)                    | `failureRate({ threshold: 0.5 })`      | a share, not a percentage; inclusive in both   |
 * | `slowCallRateThreshold` (100)                  | `slowCallRate({ threshold })`          | both rates: `TripPolicy.anyOf`                 |
 * | `slowCallDurationThreshold` (60 s)             | `slowCallRate({ slowerThan })`         | at least that long, or interrupted after it    |
 * | `slidingWindowType` (COUNT_BASED)              | `calls`, or `within` for TIME_BASED    | of each policy                                 |
 * | `slidingWindowSize` (100)                      | its value                              | in time-based windows: seconds                 |
 * | `slidingWindowSynchronizationStrategy`         | not needed                             | a step is atomic                               |
 * | `minimumNumberOfCalls` (100)                   | `minimumCalls`                         | default: `calls`, or 10 over time              |
 * | `waitDurationInOpenState` (60 s)               | `openDuration`                         | default 30 s                                   |
 * | `waitIntervalFunctionInOpenState`              | `openDuration`: a `Schedule`           | `exponential`, `jittered` and so on            |
 * | `automaticTransitionFromOpenToHalfOpenEnabled` | not needed                             | reads as HalfOpen at once, without a timer     |
 * | `permittedNumberOfCallsInHalfOpenState` (10)   | `halfOpen.probes`, `.failuresToReopen` | decided as soon as it is clear:                |
 * |                                                |                                        | 50 % of 10 is `probes: 6, failuresToReopen: 5` |
 * | `maxWaitDurationInHalfOpenState` (0)           | `halfOpen: { probeTimeout }`           | frees the slot of a lost probe                 |
 * | `transitionToStateAfterWaitDuration` (OPEN)    | not needed                             | the next call takes that slot                  |
 * | `recordExceptions`, `recordException`          | `Outcome.failWhen(predicate)`          | others are Ignored; there they are successes   |
 * | `ignoreExceptions`, `ignoreException`          | `Outcome.ignoreWhen(predicate)`        | a probe that is ignored frees its slot         |
 * | `recordResult`                                 | `classify`                             | it sees the whole `Exit`, values too           |
 * | `transitionOnResult`                           | `Outcome.failure({ retryAfter })`      | lengthens; to open at once: `TripPolicy.make`  |
 * | `writableStackTraceEnabled` (true)             | not needed                             | a `CircuitOpenError` has no stack              |
 * | `initialState` (CLOSED)                        | `trip()` or `isolate()` after `make`   |                                                |
 * | `currentTimestampFunction`, `clock`            | not needed                             | Effect's `Clock`; `TestClock` in tests         |
 * | METRICS_ONLY                                   | `mode: "observe"`                      | chosen at construction                         |
 * | DISABLED                                       | `disable()`                            | until its scope closes                         |
 * | FORCED_OPEN                                    | `isolate()`                            | until its scope closes                         |
 * | `transitionToOpenState()`, `reset()`           | `trip()`, `reset()`                    |                                                |
 * | `tryAcquirePermission()`, `onError()`, ...     | `admit()`, `settle()`                  | its scope gives the slot back                  |
 * | `executeSupplier()`, `decorate...()`           | `protect`                              |                                                |
 * | `CallNotPermittedException`                    | `CircuitOpenError`                     | in the type, with `retryAfter`                 |
 * | `getState()`, `getMetrics()`                   | `state()`, `snapshot()`                | a read never moves the circuit                 |
 * | `getEventPublisher()`                          | `transitions`, `CircuitMetrics`        | a listener that throws harms nobody            |
 * | `CircuitBreakerRegistry`                       | `CircuitBreakerRegistry`               | lists what has been made                       |
 * | application.yml                                | `layerConfig`                          | settings from Effect's `Config`                |
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class BackendError extends Data.TaggedError("BackendError") {}
class BusinessError extends Data.TaggedError("BusinessError") {}

const options: CircuitBreaker.Options = {
  tripPolicy: TripPolicy.anyOf(
    TripPolicy.failureRate({ threshold: 0.5, calls: 10 }),
    TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 0.5, calls: 10 })
  ),
  openDuration: "60 seconds",
  halfOpen: { probes: 2, failuresToReopen: 2 },
  classify: Outcome.ignoreWhen((error) => error instanceof BusinessError)
}

const countStock = Effect.succeed(40)
const slowly = Effect.delay(countStock, "2 seconds")

const program = Effect.gen(function* () {
  const stock = yield* CircuitBreaker.make({ ...options, name: "stock" })
  const fails = Effect.flip(stock.protect(Effect.fail(new BackendError())))
  const stateOf = Effect.map(stock.state(), (state) => state._tag)

  // Every call succeeds, but half of the last ten are slow. A refused order says nothing about the backend.
  yield* Effect.replicateEffect(stock.protect(countStock), 5)
  yield* Effect.replicateEffect(Effect.flip(stock.protect(Effect.fail(new BusinessError()))), 20)
  const slow = yield* Effect.replicateEffect(Effect.fork(stock.protect(slowly)), 5)
  yield* TestClock.adjust("1999 millis")
  assert.strictEqual(yield* stateOf, "Closed")
  yield* TestClock.adjust("1 millis")
  assert.deepStrictEqual(yield* Fiber.join(Fiber.all(slow)), [40, 40, 40, 40, 40])
  assert.strictEqual(yield* stateOf, "Open")
  const rejection = yield* Effect.flip(stock.protect(countStock))
  yield* Console.log(`five slow calls of ten: ${rejection.message}`)

  // Two of three probes decide: one may fail, as 1 of 3 is below 50 %.
  yield* TestClock.adjust("60 seconds")
  assert.strictEqual(yield* stateOf, "HalfOpen")
  yield* fails
  yield* Effect.replicateEffect(stock.protect(countStock), 2)
  assert.strictEqual(yield* stateOf, "Closed")
  yield* Console.log("a minute later: one probe failed, two succeeded, closed")

  // METRICS_ONLY: the same policy, but nobody is turned away.
  const trial = yield* CircuitBreaker.make({ ...options, name: "trial", mode: "observe" })
  yield* Effect.replicateEffect(Effect.flip(trial.protect(Effect.fail(new BackendError()))), 10)
  assert.strictEqual(yield* trial.protect(countStock), 40)
  const { state, totals } = yield* trial.snapshot()
  assert.deepStrictEqual([state._tag, totals.rejected], ["Open", 1])
  yield* Console.log("in a dry run it would have rejected", totals.rejected, "call; it went through")
})

await program.pipe(
  Effect.scoped,
  Effect.provide(TestContext.TestContext),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
