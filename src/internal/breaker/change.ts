import * as Duration from "effect/Duration"
import type { Opened, OpenReason, Origin, StateTag, Transition } from "../../Transition.ts"
import type { Circuit } from "../core/circuit.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * A transition of a circuit that has happened but is not announced yet. The call or control that caused it announces
 * it.
 *
 * @internal
 */
export interface Change {
  readonly entry: CircuitEntry
  readonly from: StateTag
  readonly to: Circuit<unknown>
  readonly cause: TransitionCause
}

/**
 * The cause of a transition.
 *
 * @internal
 */
export interface TransitionCause {
  readonly reason: OpenReason
  /** The policy that tripped and its figures, as a text for the log. */
  readonly figures?: string | undefined
  readonly origin?: Origin
}

/**
 * The cause of a transition by a control or by the passing of time. Only an opening publishes its reason.
 *
 * @internal
 */
export const withoutTrip: TransitionCause = { reason: "Manual" }

/**
 * The transition as it is published. `at` is in epoch milliseconds.
 *
 * @internal
 */
export const transitionOf = ({ cause, entry, from, to }: Change, breaker: string, at: number): Transition => {
  const { key } = entry
  const { generation } = to
  const { origin = "Local", reason } = cause
  // Each property is written out, because a spread would cost more than the rest of a transition.
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
