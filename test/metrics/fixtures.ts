/** Names for breakers that no other test uses, and the registry of metrics read by such a name. */
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import type { Transition } from "effect-circuit-breaker"
import { settled } from "../kit/index.ts"

// The registry of metrics outlives a test, and so do the names in it.
const taken = globalValue("test/metrics/taken", () => ({ names: 0 }))

export const newName = (): string => `metrics-${++taken.names}`

/**
 * The metrics of a breaker, named as in Prometheus, like `calls_total{outcome="success"}`: without the prefix
 * of all of them and without the label of the breaker.
 */
export const metricsOf = (breaker: string): Effect.Effect<Record<string, number>> =>
  Effect.map(Metric.snapshot, (pairs) => {
    const metrics: Record<string, number> = {}
    for (const { metricKey, metricState } of pairs) {
      if (!metricKey.tags.some(({ key, value }) => key === "breaker" && value === breaker)) continue
      const labels = metricKey.tags.filter(({ key }) => key !== "breaker")
      const name = metricKey.name.replace("circuit_breaker_", "")
      metrics[labelled(name, ...labels.map(({ key, value }) => [key, value] as const))] = valueOf(metricState)
    }
    return metrics
  })

export const labelled = (name: string, ...labels: ReadonlyArray<readonly [string, string]>): string =>
  labels.length === 0 ? name : `${name}{${labels.map(([key, value]) => `${key}="${value}"`).join(",")}}`

/** The metrics that are not zero. */
export const countedOf = (breaker: string) => Effect.map(metricsOf(breaker), withoutZeros)

export const gaugesOf = (breaker: string) =>
  Effect.map(countedOf(breaker), (metrics) => pick(metrics, (name) => !name.includes("_total")))

/** The changes that an action makes, whatever its result; metrics that it does not change are left out. */
export const changesBy = <A, E, R>(breaker: string, action: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* metricsOf(breaker)
    yield* Effect.exit(action)
    yield* settled
    const after = yield* metricsOf(breaker)
    for (const name of Object.keys(after)) after[name] = (after[name] ?? 0) - (before[name] ?? 0)
    return withoutZeros(after)
  })

/** The changes that transitions make where no circuit is made or dropped. */
export const changesOf = (
  transitions: Iterable<Pick<Transition.Transition, "from" | "to">>
): Record<string, number> => {
  const changes: Record<string, number> = {}
  const add = (name: string, change: number) => (changes[name] = (changes[name] ?? 0) + change)
  for (const { from, to } of transitions) {
    add(labelled("transitions_total", ["from", from], ["to", to]), 1)
    add(labelled("state", ["state", from]), -1)
    add(labelled("state", ["state", to]), 1)
  }
  return withoutZeros(changes)
}

export const pick = (
  metrics: Record<string, number>,
  test: (name: string) => boolean
): Record<string, number> => Object.fromEntries(Object.entries(metrics).filter(([name]) => test(name)))

const withoutZeros = (metrics: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(metrics).filter(([, value]) => value !== 0))

const valueOf = (state: MetricState.MetricState.Untyped): number =>
  MetricState.isCounterState(state)
    ? Number(state.count)
    : MetricState.isGaugeState(state)
      ? Number(state.value)
      : NaN
