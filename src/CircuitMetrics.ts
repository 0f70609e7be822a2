/**
 * The metrics that every breaker keeps, as Effect `Metric`s. They are there from the moment a breaker is made, with the
 * value zero, labelled with the breaker's name, and with the circuit's key where the option `metricsByKey` asks for it.
 * Labels that the program gives to all of its metrics (`Effect.tagMetrics` round the layer) follow.
 *
 * A state that only time has changed is counted when the next call or control notices it.
 *
 * **Gotchas**
 *
 * Effect tells metrics apart by the order of their labels, too. The functions of this module put them in the order in
 * which a breaker has them, so name a metric with these.
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
 *   return yield* Metric.value(CircuitMetrics.calls({ breaker: "payments", outcome: "success" }))
 * }).pipe(Effect.provide(CircuitBreaker.layer({ name: "payments" })))
 *
 * assert.strictEqual((await Effect.runPromise(program)).count, 1)
 * ```
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import * as internal from "./internal/observe/meters.ts"
import type { StateTag } from "./Transition.ts"

/**
 * Names the metrics of a breaker, or with `metricsByKey` of one of its circuits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Labels {
  readonly breaker: string
  /** The circuit, where the breaker was made with `metricsByKey`. */
  readonly key?: string | undefined
}

/**
 * How a call ended, as metrics name it.
 *
 * @since 0.1.0
 * @category models
 */
export type CallOutcome = "success" | "failure" | "ignored" | "rejected"

/**
 * `circuit_breaker_calls_total{breaker,outcome}`: calls by outcome; a `rejected` one was turned away.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls = ({
  outcome,
  ...labels
}: Labels & { readonly outcome: CallOutcome }): Metric.Metric.Counter<number> =>
  named(Metric.fromMetricKey(internal.calls), labels, { outcome })

/**
 * `circuit_breaker_transitions_total{breaker,from,to}`: published transitions. `from` and `to` are state tags, such as
 * `Closed` and `HalfOpen`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const transitions = ({
  from,
  to,
  ...labels
}: Labels & { readonly from: StateTag; readonly to: StateTag }): Metric.Metric.Counter<number> =>
  named(Metric.fromMetricKey(internal.transitions), labels, { from, to })

/**
 * `circuit_breaker_state{breaker,state}`: how many circuits are in a state.
 *
 * @since 0.1.0
 * @category metrics
 */
export const state = ({
  state,
  ...labels
}: Labels & { readonly state: StateTag }): Metric.Metric.Gauge<number> =>
  named(Metric.fromMetricKey(internal.state), labels, { state })

/**
 * `circuit_breaker_circuits{breaker}`: how many circuits the breaker holds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const circuits = ({ breaker }: { readonly breaker: string }): Metric.Metric.Gauge<number> =>
  named(Metric.fromMetricKey(internal.circuits), { breaker }, {})

/**
 * `circuit_breaker_store_failing{breaker}`: how many breakers go by their own circuits because their `CircuitStore` does
 * not answer: 0 or 1 in most processes. There is none for breakers that share nothing.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storeFailing = ({ breaker }: { readonly breaker: string }): Metric.Metric.Gauge<number> =>
  named(Metric.fromMetricKey(internal.storeFailing), { breaker }, {})

const named = <Type, In, Out>(
  metric: Metric.Metric<Type, In, Out>,
  { breaker, key }: Labels,
  more: Readonly<Record<string, string>>
): Metric.Metric<Type, In, Out> =>
  Metric.taggedWithLabels(metric, [
    MetricLabel.make("breaker", breaker),
    ...(key === undefined ? [] : [MetricLabel.make("key", key)]),
    ...Object.entries(more).map(([name, value]) => MetricLabel.make(name, value))
  ])
