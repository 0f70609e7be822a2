import * as Admission from "../core/admission.ts"
import type { History } from "./history.ts"
import type { Found } from "./live.ts"
import type { State } from "./schemas.ts"

type State = typeof State.Type

/**
 * The state of a circuit in an answer. Times of the breaker's own clock are converted to the wall clock.
 *
 * @internal
 */
export const stateOf = (found: Found, history: History): State => {
  const { circuit, now, wallNow } = found
  const { rules } = found.live.inside.settings
  const wall = (at: number) => Math.round(wallNow + at - now)
  switch (circuit._tag) {
    case "Closed":
      // The circuit has been Closed from the start, whose time is not known.
      return { _tag: "Closed", since: circuit.generation === 0 ? null : wall(circuit.closedAt) }
    case "Open": {
      const { openMillis, openedAt, openings } = circuit
      const endsAt = openedAt + openMillis
      return {
        _tag: "Open",
        since: wall(openedAt),
        openings,
        retryAfterMillis: Math.ceil(endsAt - now),
        nextProbeAt: wall(endsAt)
      }
    }
    case "HalfOpen": {
      const waitMillis = Math.ceil(Admission.readyInMillis(circuit, rules, now))
      return {
        _tag: "HalfOpen",
        since: halfOpenSince(found, history, wall),
        openings: circuit.openings,
        probing: circuit.slots.count,
        succeeded: circuit.succeeded,
        failed: circuit.failed,
        retryAfterMillis: waitMillis,
        nextProbeAt: Math.round(wallNow + waitMillis)
      }
    }
    case "Recovering":
      return {
        _tag: "Recovering",
        since: wall(circuit.startedAt),
        openings: circuit.openings,
        admitting: Admission.share(circuit, rules, now),
        closesAt: wall(circuit.startedAt + (rules.recovery?.durationMillis ?? 0))
      }
    case "Isolated":
      return { _tag: "Isolated", since: enteredAt(found, history), holders: circuit.holders }
    case "Disabled":
      return { _tag: "Disabled", since: enteredAt(found, history), holders: circuit.disablers }
  }
}

/** When the open time ends, a circuit is HalfOpen, but its stored state stays Open until the next call. */
const halfOpenSince = (found: Found, history: History, wall: (at: number) => number): number | null => {
  const stored = found.entry?.current
  return stored?._tag === "Open" ? wall(stored.openedAt + stored.openMillis) : enteredAt(found, history)
}

const enteredAt = ({ circuit, key, live }: Found, history: History): number | null =>
  history.enteredAt(live.service.name, key, circuit._tag) ?? null
