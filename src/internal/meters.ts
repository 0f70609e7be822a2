import * as Metric from "effect/Metric"
import type * as MetricHook from "effect/MetricHook"
import * as MetricKey from "effect/MetricKey"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as MetricLabel from "effect/MetricLabel"
import type { StateTag } from "../Transition.ts"

/** @internal */
export const calls = MetricKey.counter("circuit_breaker_calls_total", {
  description:
    "Calls by their outcome; a rejected one was turned away, or would have been but for a dry run.",
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

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/**
 * The metrics of a breaker. Each of its circuits counts in a series: one for all of them, or one of its own.
 *
 * @internal
 */
export class Meters {
  readonly seriesOf: (key: string) => Series
  private isLive = true
  private readonly circuits: MetricHook.MetricHook.Gauge<number>

  /** `more` are the labels that the program gives to all of its metrics. */
  constructor(breaker: string, byKey: boolean, more: Labels) {
    const name = MetricLabel.make("breaker", breaker)
    this.circuits = zeroed(circuits, [name, ...more])
    if (byKey) {
      this.seriesOf = (key) => new Series([name, MetricLabel.make("key", key)], more)
    } else {
      const one = new Series([name], more)
      this.seriesOf = () => one
    }
  }

  /** A circuit is in another state: from none where it is new, to none where it is dropped. */
  moved(series: Series, from: StateTag | undefined, to: StateTag | undefined): void {
    if (!this.isLive) return
    if (from === undefined) this.circuits.modify(1)
    else series.state(from).modify(-1)
    if (to === undefined) this.circuits.modify(-1)
    else series.state(to).modify(1)
  }

  /** The breaker is no more: its circuits are nowhere, whatever becomes of them. */
  end(circuits: Iterable<{ readonly series: Series; readonly current: { readonly _tag: StateTag } }>): void {
    for (const { current, series } of circuits) this.moved(series, current._tag, undefined)
    this.isLive = false
  }
}

/**
 * Labelled once: to label a metric anew for each call would cost more than the call.
 *
 * @internal
 */
export class Series {
  readonly succeeded: MetricHook.MetricHook.Counter<number>
  readonly failed: MetricHook.MetricHook.Counter<number>
  readonly ignored: MetricHook.MetricHook.Counter<number>
  readonly rejected: MetricHook.MetricHook.Counter<number>
  readonly transition: (from: StateTag, to: StateTag) => MetricHook.MetricHook.Counter<number>
  readonly state: (tag: StateTag) => MetricHook.MetricHook.Gauge<number>

  constructor(labels: Labels, more: Labels) {
    const outcome = (outcome: string) =>
      zeroed(calls, [...labels, MetricLabel.make("outcome", outcome), ...more])
    this.succeeded = outcome("success")
    this.failed = outcome("failure")
    this.ignored = outcome("ignored")
    this.rejected = outcome("rejected")
    this.transition = memoized((from, to) =>
      zeroed(transitions, [...labels, MetricLabel.make("from", from), MetricLabel.make("to", to), ...more])
    )
    this.state = memoized((tag) => zeroed(state, [...labels, MetricLabel.make("state", tag), ...more]))
    for (const from of stateTags) {
      this.state(from)
      for (const to of usual[from]) this.transition(from, to)
    }
  }
}

/** @internal */
export const increment = (counter: MetricHook.MetricHook.Counter<number>): void => counter.update(1)

/** The transitions that there are from the start, with the value zero. */
const usual: Record<StateTag, ReadonlyArray<StateTag>> = {
  Closed: ["Closed", "Open", "Isolated"],
  Open: ["Closed", "Open", "HalfOpen", "Isolated"],
  HalfOpen: ["Closed", "Open", "Recovering", "Isolated"],
  Recovering: ["Closed", "Open", "Isolated"],
  Isolated: ["Closed"]
}

const stateTags: ReadonlyArray<StateTag> = ["Closed", "Open", "HalfOpen", "Recovering", "Isolated"]

const memoized = <Tags extends ReadonlyArray<StateTag>, A>(make: (...tags: Tags) => A) => {
  const made = new Map<string, A>()
  return (...tags: Tags): A => {
    const id = tags.join(" ")
    const known = made.get(id)
    if (known !== undefined) return known
    const value = make(...tags)
    made.set(id, value)
    return value
  }
}

// Asked for once, a metric is there, with the value zero.
const zeroed = <Type extends MetricKeyType.MetricKeyType<number, unknown>>(
  key: MetricKey.MetricKey<Type>,
  labels: Labels
) => Metric.globalMetricRegistry.get(MetricKey.taggedWithLabels(key, labels))
