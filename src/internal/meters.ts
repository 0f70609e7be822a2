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

  added(series: Series, tag: StateTag): void {
    this.circuits.modify(1)
    series.moved(undefined, tag)
  }

  dropped(series: Series, tag: StateTag): void {
    this.circuits.modify(-1)
    series.moved(tag, undefined)
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
  private readonly transitions = new Map<string, MetricHook.MetricHook.Counter<number>>()
  private readonly states = new Map<StateTag, MetricHook.MetricHook.Gauge<number>>()

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
    if (from !== undefined) this.states.get(from)?.modify(-1)
    if (to !== undefined) this.states.get(to)?.modify(1)
  }

  transition(from: StateTag, to: StateTag): void {
    const counter = this.transitions.get(`${from} ${to}`)
    if (counter !== undefined) increment(counter)
  }
}

/** @internal */
export const increment = (counter: MetricHook.MetricHook.Counter<number>): void => counter.update(1)

const possible: Record<StateTag, ReadonlyArray<StateTag>> = {
  Closed: ["Closed", "Open", "Isolated"],
  Open: ["Closed", "Open", "HalfOpen", "Isolated"],
  HalfOpen: ["Closed", "Open", "Recovering", "Isolated"],
  Recovering: ["Closed", "Open", "Isolated"],
  Isolated: ["Closed"]
}

const stateTags: ReadonlyArray<StateTag> = ["Closed", "Open", "HalfOpen", "Recovering", "Isolated"]

// Asked for once, a metric is there, with the value zero.
const zeroed = <Type extends MetricKeyType.MetricKeyType<number, unknown>>(
  key: MetricKey.MetricKey<Type>,
  labels: Labels
) => Metric.globalMetricRegistry.get(MetricKey.taggedWithLabels(key, labels))
