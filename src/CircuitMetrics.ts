/**
 * The Effect `Metric`s that every breaker updates.
 *
 * **When to use**
 *
 * Use the functions of this module to read one of the metrics. An exporter of Effect's metrics finds them without it.
 *
 * **Details**
 *
 * The metrics exist, with the value zero, from the moment a breaker is made. They are labelled with the breaker's name,
 * with the circuit's key if the option `metricsByKey` is set, and with the labels that the program gives to all of its
 * metrics by `Effect.tagMetrics` around the layer.
 *
 * **Gotchas**
 *
 * - For Effect, metrics whose labels have a different order are different metrics. The functions of this module put the
 *   labels in the order that a breaker uses.
 * - If only the passing of time has changed a circuit's state, the metrics show that after the next call or control.
 *
 * **Example** (Reading the number of successful calls)
 *
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
import * as internalStore from "./internal/observe/storeMeter.ts"
import type { StateTag } from "./Transition.ts"

/**
 * The labels that name the metrics of a breaker, or of one of its circuits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Labels {
  readonly breaker: string
  /** The circuit, if the breaker was made with `metricsByKey`. */
  readonly key?: string | undefined
}

/**
 * The label of a call's outcome. A `rejected` call was not admitted.
 *
 * @since 0.1.0
 * @category models
 */
export type CallOutcome = "success" | "failure" | "ignored" | "rejected"

/**
 * `circuit_breaker_calls_total{breaker,outcome}`: the number of calls by outcome.
 *
 * **Gotchas**
 *
 * A breaker in the mode `"observe"` counts the calls as `rejected` that it would have rejected, although it runs them.
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
 * `circuit_breaker_transitions_total{breaker,from,to}`: the number of published transitions. `from` and `to` are tags
 * of states, such as `Closed` and `HalfOpen`.
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
 * `circuit_breaker_state{breaker,state}`: the number of circuits in a state.
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
 * `circuit_breaker_circuits{breaker}`: the number of circuits that the breaker holds.
 *
 * @since 0.1.0
 * @category metrics
 */
export const circuits = ({ breaker }: { readonly breaker: string }): Metric.Metric.Gauge<number> =>
  named(Metric.fromMetricKey(internal.circuits), { breaker }, {})

/**
 * `circuit_breaker_store_failing{breaker}`: the number of breakers whose `CircuitStore` does not answer, so that they
 * use their own circuits. It is 0 or 1 in most processes.
 *
 * **Gotchas**
 *
 * A breaker without a store does not have this metric.
 *
 * @since 0.1.0
 * @category metrics
 */
export const storeFailing = ({ breaker }: { readonly breaker: string }): Metric.Metric.Gauge<number> =>
  named(Metric.fromMetricKey(internalStore.storeFailing), { breaker }, {})

const named = <Type, In, Out>(
  metric: Metric.Metric<Type, In, Out>,
  { breaker, key }: Labels,
  others: Readonly<Record<string, string>>
): Metric.Metric<Type, In, Out> =>
  Metric.taggedWithLabels(metric, [
    MetricLabel.make("breaker", breaker),
    ...(key === undefined ? [] : [MetricLabel.make("key", key)]),
    ...Object.entries(others).map(([name, value]) => MetricLabel.make(name, value))
  ])
