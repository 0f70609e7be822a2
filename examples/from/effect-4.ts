/**
 * From Effect 4's own `effect/persistence/CircuitBreaker` (4.1): the same words and the same idea, for Effect 3.
 *
 *     const program = Effect.gen(function* () {
 *       const breaker = yield* CircuitBreaker.make({
 *         tripPolicy: CircuitBreaker.consecutive(2),
 *         openDuration: "30 seconds"
 *       })
 *       return yield* readTariff.pipe(
 *         breaker.execute({ key: "eu" }),
 *         Effect.catchReason("CircuitBreakerError", "CircuitOpen", () => Effect.succeed(lastTariff))
 *       )
 *     }).pipe(Effect.scoped, Effect.provide(CircuitBreaker.layerStoreMemory()))
 *
 * | theirs                                    | ours                                     | note                                         |
 * | ----------------------------------------- | ---------------------------------------- | -------------------------------------------- |
 * | `make`, `layer`, `CircuitBreaker`         | the same                                 | every option has a default                   |
 * | `consecutive(n)`                          | `TripPolicy.consecutive(n)`              |                                              |
 * | `rate({ threshold })` (0.5)               | `TripPolicy.failureRate({ threshold })`  |                                              |
 * | - `size` (100)                            | `calls`                                  | or `within`: a rate over time                |
 * | - `minimumCalls` (the size)               | `minimumCalls`                           | the same default                             |
 * |                                           | `failureCount`, `slowCallRate`, `anyOf`  | `allOf`, and `TripPolicy.make`               |
 * | `openDuration`, `maxOpenDuration`         | the same                                 | a duration, or a `Schedule`                  |
 * | `onStoreError`: `"allow"`, `"fail"`       | of the store: `"local"`, `"reject"`      | alone, calls are still guarded               |
 * | `execute({ key })`                        | `protectWith({ key })`                   | `protect` uses the key `"default"`           |
 * | `execute({ classify })`                   | `protectWith({ classify })`              | pure; if it throws the call is unharmed      |
 * | `success`, `ignored`, `failure()`         | the same, in `Outcome`                   |                                              |
 * | one probe, until it ends                  | `halfOpen`, with `probeTimeout`          | one that hangs loses its slot after a minute |
 * | `state(key)`                              | `state(key)`                             | past its time, Open reads as HalfOpen        |
 * | - `probing`: a boolean                    | `probing`: a number, and `succeeded`     |                                              |
 * | - `consecutiveOpenings`                   | `openings`                               |                                              |
 * | `transitions`                             | `transitions`, `subscribe`               | with `at`, `generation`, `origin`, `reason`  |
 * | `CircuitBreakerError`                     | `CircuitOpenError`                       | flat: `catchTag`, not `catchReason`          |
 * | - `CircuitOpen`, `CircuitHalfOpen`        | `state` of the error                     |                                              |
 * | - `CircuitBreakerStoreError`              | `onStoreError`                           | go on alone, or reject; no other error       |
 * | `layerStoreMemory({ idleTimeToLive })`    | `idleTimeToLive`, `capacity`             | options of the breaker                       |
 * | `layerStoreRedis` and its `Config`        | `RedisCircuitStore.layer`, `layerConfig` | a healthy call does not ask Redis            |
 * | `CircuitBreakerStore`                     | `CircuitStore`                           | keeps texts; the policy stays in TypeScript  |
 * | tags or a `LayerMap` for several policies | `CircuitBreaker.Service`                 | one class: tag, layer, operations            |
 * | "Retrying rejections"                     | `CircuitBreaker.retrySchedule`           |                                              |
 * | "Counting transitions"                    | `CircuitMetrics`                         | and log lines and span events                |
 * | `HttpClient.withCircuitBreaker(...)`      | `CircuitHttpClient.protect(...)`         | a body that breaks off counts, too           |
 * | - `breaker`, `key`                        | `breaker`, `key`                         | of `key`, `undefined` leaves unguarded       |
 * | - `classify`                              | `statusOutcome`                          | own errors: `protectWith({ classify })`      |
 * | - `circuitBreakerClassifier`              | `CircuitHttpClient.classify`             | every 5xx; there only 500, 502, 503, 504     |
 * |                                           | `trip`, `reset`, `isolate`, `awaitReady` | and `recovery`, `mode: "observe"`            |
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class TariffsDown extends Data.TaggedError("TariffsDown") {}

const tariffs = { isDown: true }

const readTariff = Effect.suspend(() =>
  tariffs.isDown ? Effect.fail(new TariffsDown()) : Effect.succeed("12 %")
)

const program = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: TripPolicy.consecutive(2),
    openDuration: "30 seconds"
  })
  const guarded = readTariff.pipe(breaker.protectWith({ key: "eu" }))
  const answered = Effect.catchTag(guarded, "CircuitOpenError", ({ key, state }) =>
    Effect.succeed(`the last one known, because "${key}" is ${state}`)
  )

  yield* Effect.flip(guarded)
  yield* Effect.flip(guarded)
  const answer = yield* answered
  assert.match(answer, /"eu" is Open/)
  yield* Console.log(`tariff: ${answer}`)

  // Past its open time the circuit reads as HalfOpen, before any call.
  yield* TestClock.adjust("30 seconds")
  const ready = { _tag: "HalfOpen", probing: 0, succeeded: 0, openings: 1 }
  assert.deepStrictEqual(yield* breaker.state("eu"), ready)

  // A probe that hangs keeps the others out for a minute, not for ever.
  tariffs.isDown = false
  const stuck = yield* Effect.fork(breaker.protectWith(Effect.never, { key: "eu" }))
  yield* TestClock.adjust("59999 millis")
  assert.match(yield* answered, /"eu" is HalfOpen/)
  yield* TestClock.adjust("1 millis")
  assert.strictEqual(yield* answered, "12 %")
  assert.strictEqual((yield* breaker.state("eu"))._tag, "Closed")
  assert.strictEqual(stuck.unsafePoll(), null)
  yield* Console.log("a probe hung for a minute; the next call took its place and closed the circuit")
})

await program.pipe(
  Effect.scoped,
  Effect.provide(TestContext.TestContext),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
