import * as Duration from "effect/Duration"
import type { Opened, OpenReason, Origin, StateTag, Transition } from "../../Transition.ts"
import type { Circuit } from "../core/circuit.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * A transition of a circuit that has happened and is still to be announced, by the call or the control that caused it.
 *
 * @internal
 */
export interface Change {
  readonly entry: CircuitEntry
  readonly from: StateTag
  readonly to: Circuit<unknown>
  readonly cause: Cause
}

/**
 * Why a circuit changed.
 *
 * @internal
 */
export interface Cause {
  readonly reason: OpenReason
  /** Which policy tripped, and by which figures. */
  readonly figures?: string | undefined
  readonly origin?: Origin
}

/** @internal */
export const byHand: Cause = { reason: "Manual" }

/**
 * The transition as it is published, `at` epoch milliseconds.
 *
 * @internal
 */
export const transitionOf = ({ cause, entry, from, to }: Change, breaker: string, at: number): Transition => {
  const { key } = entry
  const { generation } = to
  const { origin = "Local", reason } = cause
  // Each written out: a spread would cost more than all the rest of a change of state.
  return to._tag === "Open"
    ? ({
        breaker,
        key,
        from,
        to: "Open",
        at,
        generation,
        origin,
        retryAfter: Duration.millis(to.openMillis),
        openings: to.openings,
        reason
      } satisfies Opened)
    : { breaker, key, from, to: to._tag, at, generation, origin }
}
