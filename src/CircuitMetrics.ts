/**
 * The metrics that every breaker keeps, as Effect `Metric`s. They are there from the moment a breaker is made, with the
 * value zero, labelled with the breaker's name, and with the circuit's key where the option `metricsByKey` asks for it.
 * Labels that the program gives to all of its metrics (`Effect.tagMetrics` round the layer) follow.
 *
 * Effect compares labels in their order: `breaker`, then `key`, then the others as they are listed here.
 *
 * A state that only time has changed is counted when the next call or control notices it.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Metric from "effect/Metric"
 * import { CircuitBreaker, CircuitMetrics } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   yield* CircuitBreaker.protect(Effect.succeed("charged"))
 *   return yield* Metric.value(
 *     CircuitMetrics.calls.pipe(Metric.tagged("breaker", "payments"), Metric.tagged("outcome", "success"))
 *   )
 * }).pipe(Effect.provide(CircuitBreaker.layer({ name: "payments" })))
 *
 * assert.strictEqual((await Effect.runPromise(program)).count, 1)
 * ```
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as internal from "./internal/meters.ts"

/**
 * `circuit_breaker_calls_total{breaker,outcome}`: calls by outcome, which is `success`, `failure`, `ignored` or
 * `rejected`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls: Metric.Metric.Counter<number> = Metric.fromMetricKey(internal.calls)

/**
 * `circuit_breaker_transitions_total{breaker,from,to}`: published transitions. `from` and `to` are state tags, such as
 * `Closed` and `HalfOpen`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const transitions: Metric.Metric.Counter<number> = Metric.fromMetricKey(internal.transitions)

/**
 * `circuit_breaker_state{breaker,state}`: how many circuits are in a state.
 *
 * @since 0.1.0
 * @category metrics
 */
export const state: Metric.Metric.Gauge<number> = Metric.fromMetricKey(internal.state)

/**
 * `circuit_breaker_circuits{breaker}`: how many circuits the breaker holds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const circuits: Metric.Metric.Gauge<number> = Metric.fromMetricKey(internal.circuits)

/**
 * `circuit_breaker_store_failing{breaker}`: how many breakers go by their own circuits because their `CircuitStore` does
 * not answer: 0 or 1 in most processes. There is none for breakers that share nothing.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storeFailing: Metric.Metric.Gauge<number> = Metric.fromMetricKey(internal.storeFailing)
