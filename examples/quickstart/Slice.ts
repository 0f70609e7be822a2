/**
 * A slice of time: what became of server, circuit and callers from one moment to another.
 */
import type { Transition } from "effect-circuit-breaker"
import type { Facts, Side } from "./Recording.ts"
import * as Story from "./Story.ts"
import type { Call } from "./Traffic.ts"

export interface Slice {
  readonly condition: Story.Condition
  /** The states the circuit was in, in their order; at least one. */
  readonly states: ReadonlyArray<Transition.StateTag>
  readonly withBreaker: Fare
  readonly withoutBreaker: Fare
}

/** The figures of one side: the requests that reached its server, and the calls that ended. */
export interface Fare {
  readonly requests: number
  readonly answers: number
  readonly fallbacks: number
  readonly errors: number
  readonly meanWaitMillis: number
}

export const between = (facts: Facts, from: number, to: number): Slice => ({
  condition: Story.conditionAt(facts.story, (from + to) / 2),
  states: statesBetween(facts, from, to),
  withBreaker: fareOf(facts.withBreaker, from, to),
  withoutBreaker: fareOf(facts.withoutBreaker, from, to)
})

/** So many slices of equal length over the whole story, those that have begun. */
export const soFar = (facts: Facts, count: number): ReadonlyArray<Slice> => {
  const length = facts.story.duration / count
  const begun = Math.min(count, Math.floor(facts.now / length) + 1)
  return Array.from({ length: begun }, (_, n) => between(facts, n * length, (n + 1) * length))
}

export const meanWaitMillis = (calls: ReadonlyArray<Call>): number =>
  calls.length === 0 ? 0 : calls.reduce((sum, call) => sum + waitMillis(call), 0) / calls.length

export const longestWaitMillis = (calls: ReadonlyArray<Call>): number => Math.max(0, ...calls.map(waitMillis))

export const countOf = (calls: ReadonlyArray<Call>, got: Call["got"]): number =>
  calls.filter((call) => call.got === got).length

const waitMillis = (call: Call): number => call.endedAt - call.startedAt

const fareOf = (side: Side, from: number, to: number): Fare => {
  const isWithin = (at: number) => from <= at && at < to
  const ended = Array.from(side.calls).filter((call) => isWithin(call.endedAt))
  return {
    requests: Array.from(side.load.arrivals).filter(({ at }) => isWithin(at)).length,
    answers: countOf(ended, "answer"),
    fallbacks: countOf(ended, "fallback"),
    errors: countOf(ended, "error"),
    meanWaitMillis: meanWaitMillis(ended)
  }
}

const statesBetween = (facts: Facts, from: number, to: number): ReadonlyArray<Transition.StateTag> => {
  const states: Array<Transition.StateTag> = ["Closed"]
  for (const transition of facts.transitions) {
    const at = transition.at - facts.story.startedAt
    if (at >= to) break
    if (at < from) states.length = 0
    states.push(transition.to)
  }
  return states
}
