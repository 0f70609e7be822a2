import * as Metric from "effect/Metric"
import type * as MetricHook from "effect/MetricHook"
import * as MetricKey from "effect/MetricKey"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as MetricLabel from "effect/MetricLabel"
import * as Record from "effect/Record"
import type { StateTag } from "../../Transition.ts"

/**
 * The edge to Effect's metrics: their keys, and the hooks through which a breaker counts without an effect.
 *
 * @internal
 */
export const calls = MetricKey.counter("circuit_breaker_calls_total", {
  description: "Calls by outcome. A rejected call did not run, except in a dry run.",
  incremental: true
})

/** @internal */
export const transitions = MetricKey.counter("circuit_breaker_transitions_total", {
  description: "Changes of state.",
  incremental: true
})

/** @internal */
export const state = MetricKey.gauge("circuit_breaker_state", {
  description: "Circuits in a state."
})

/** @internal */
export const circuits = MetricKey.gauge("circuit_breaker_circuits", {
  description: "Circuits held."
})

/** @internal */
export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/**
 * The metrics of a breaker. Its circuits share one series, or each has a series of its own.
 *
 * @internal
 */
export class Meters {
  readonly seriesOf: (key: string) => Series
  private isLive = true
  private readonly circuits: MetricHook.MetricHook.Gauge<number>

  /** `common` are the labels that the program gives to all of its metrics. */
  constructor(breaker: string, byKey: boolean, common: Labels) {
    const name = MetricLabel.make("breaker", breaker)
    this.circuits = zeroed(circuits, [name, ...common])
    if (byKey) {
      this.seriesOf = (key) => new Series([name, MetricLabel.make("key", key)], common)
    } else {
      const shared = new Series([name], common)
      this.seriesOf = () => shared
    }
  }

  /**
   * Moves a circuit from one state to another in the gauges. `from` is undefined for a new circuit, and `to` for one
   * that is dropped.
   */
  moved(series: Series, from: StateTag | undefined, to: StateTag | undefined): void {
    if (!this.isLive) return
    if (from === undefined) this.circuits.modify(1)
    else series.states[from].modify(-1)
    if (to === undefined) this.circuits.modify(-1)
    else series.states[to].modify(1)
  }

  /** Removes the circuits of a closed breaker from the metrics, and ignores their later changes. */
  end(circuits: Iterable<{ readonly series: Series; readonly current: { readonly _tag: StateTag } }>): void {
    for (const { current, series } of circuits) this.moved(series, current._tag, undefined)
    this.isLive = false
  }
}

/**
 * The metrics of one circuit, or of all circuits of a breaker. They are labelled once, because labelling a metric for
 * each call would cost more than the call.
 *
 * @internal
 */
export class Series {
  readonly succeeded: MetricHook.MetricHook.Counter<number>
  readonly failed: MetricHook.MetricHook.Counter<number>
  readonly ignored: MetricHook.MetricHook.Counter<number>
  readonly rejected: MetricHook.MetricHook.Counter<number>
  readonly states: Readonly<Record<StateTag, MetricHook.MetricHook.Gauge<number>>>
  /** Counters by the state that was left, and then by the state that was entered. */
  private readonly transitions: Readonly<
    Record<StateTag, Partial<Record<StateTag, MetricHook.MetricHook.Counter<number>>>>
  >
  private readonly labels: Labels
  private readonly common: Labels

  constructor(labels: Labels, common: Labels) {
    this.labels = labels
    this.common = common
    const outcome = (outcome: string) => zeroed(calls, this.labelled("outcome", outcome))
    this.succeeded = outcome("success")
    this.failed = outcome("failure")
    this.ignored = outcome("ignored")
    this.rejected = outcome("rejected")
    this.states = Record.map(commonTransitions, (_, tag) => zeroed(state, this.labelled("state", tag)))
    this.transitions = Record.map(commonTransitions, () => ({}))
    for (const [from, entered] of Record.toEntries(commonTransitions))
      for (const to of entered) this.transition(from, to)
  }

  transition(from: StateTag, to: StateTag): MetricHook.MetricHook.Counter<number> {
    return (this.transitions[from][to] ??= zeroed(
      transitions,
      this.labelled("from", from, MetricLabel.make("to", to))
    ))
  }

  private labelled(name: string, value: string, ...others: Labels): Labels {
    return [...this.labels, MetricLabel.make(name, value), ...others, ...this.common]
  }
}

/** @internal */
export const increment = (counter: MetricHook.MetricHook.Counter<number>): void => counter.update(1)

/** The transitions whose counters exist from the start, with the value zero: from each state, the states entered. */
const commonTransitions: Readonly<Record<StateTag, ReadonlyArray<StateTag>>> = {
  Closed: ["Closed", "Open", "Isolated", "Disabled"],
  Open: ["Closed", "Open", "HalfOpen", "Isolated"],
  HalfOpen: ["Closed", "Open", "Recovering", "Isolated"],
  Recovering: ["Closed", "Open", "Isolated"],
  Isolated: ["Closed"],
  Disabled: ["Closed"]
}

/**
 * Looks up a metric. Effect's registry makes it with the value zero at the first look-up.
 *
 * @internal
 */
export const zeroed = <Type extends MetricKeyType.MetricKeyType<number, unknown>>(
  key: MetricKey.MetricKey<Type>,
  labels: Labels
) => Metric.globalMetricRegistry.get(MetricKey.taggedWithLabels(key, labels))
