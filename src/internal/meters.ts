import * as Metric from "effect/Metric"
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
  private readonly circuits: Metric.Metric.Gauge<number>

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

  added(series: Series, tag: StateTag): void {
    this.circuits.unsafeModify(1, unlabelled)
    series.moved(undefined, tag)
  }

  dropped(series: Series, tag: StateTag): void {
    this.circuits.unsafeModify(-1, unlabelled)
    series.moved(tag, undefined)
  }
}

/**
 * Labelled once: to label a metric anew for each call would cost more than the call.
 *
 * @internal
 */
export class Series {
  readonly succeeded: Metric.Metric.Counter<number>
  readonly failed: Metric.Metric.Counter<number>
  readonly ignored: Metric.Metric.Counter<number>
  readonly rejected: Metric.Metric.Counter<number>
  private readonly transitions = new Map<string, Metric.Metric.Counter<number>>()
  private readonly states = new Map<StateTag, Metric.Metric.Gauge<number>>()

  constructor(labels: Labels, more: Labels) {
    const outcome = (outcome: string) =>
      zeroed(calls, [...labels, MetricLabel.make("outcome", outcome), ...more])
    this.succeeded = outcome("success")
    this.failed = outcome("failure")
    this.ignored = outcome("ignored")
    this.rejected = outcome("rejected")
    for (const from of stateTags) {
      this.states.set(from, zeroed(state, [...labels, MetricLabel.make("state", from), ...more]))
      for (const to of possible[from]) {
        const ends = [MetricLabel.make("from", from), MetricLabel.make("to", to)]
        this.transitions.set(`${from} ${to}`, zeroed(transitions, [...labels, ...ends, ...more]))
      }
    }
  }

  /** A circuit is in another state: from none where it is new, to none where it is dropped. */
  moved(from: StateTag | undefined, to: StateTag | undefined): void {
    if (from !== undefined) this.states.get(from)?.unsafeModify(-1, unlabelled)
    if (to !== undefined) this.states.get(to)?.unsafeModify(1, unlabelled)
  }

  transition(from: StateTag, to: StateTag): void {
    const counter = this.transitions.get(`${from} ${to}`)
    if (counter !== undefined) increment(counter)
  }
}

/** @internal */
export const increment = (counter: Metric.Metric.Counter<number>): void => counter.unsafeUpdate(1, unlabelled)

const possible: Record<StateTag, ReadonlyArray<StateTag>> = {
  Closed: ["Closed", "Open", "Isolated"],
  Open: ["Closed", "Open", "HalfOpen", "Isolated"],
  HalfOpen: ["Closed", "Open", "Recovering", "Isolated"],
  Recovering: ["Closed", "Open", "Isolated"],
  Isolated: ["Closed"]
}

const stateTags: ReadonlyArray<StateTag> = ["Closed", "Open", "HalfOpen", "Recovering", "Isolated"]

const unlabelled: Labels = []

// Read once, a metric is there, with the value zero.
const zeroed = <Type extends MetricKeyType.MetricKeyType<number, unknown>>(
  key: MetricKey.MetricKey<Type>,
  labels: Labels
) => {
  const metric = Metric.fromMetricKey(MetricKey.taggedWithLabels(key, labels))
  metric.unsafeValue(unlabelled)
  return metric
}
