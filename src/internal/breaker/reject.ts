import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { StateTag } from "../../Transition.ts"
import { Rejection } from "../circuitOpenError.ts"
import type { Caller } from "../fiber/caller.ts"
import { increment } from "../observe/meters.ts"
import { addRejection, hasOpenSpan } from "../observe/span.ts"
import type { Breaker } from "./breaker.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * When a rejected call may try again, and in which state its circuit is, where that is not the state that it is in here.
 *
 * @internal
 */
export interface Rejected {
  readonly retryAfterMillis: number
  readonly state?: StateTag
}

/**
 * Counts the rejection of a call and makes its error: nothing where the breaker only observes.
 *
 * @internal
 */
export const reject = (
  breaker: Breaker,
  entry: CircuitEntry,
  { retryAfterMillis, state = entry.current._tag }: Rejected,
  caller: Caller
): Exit.Exit<never, CircuitOpenError> | undefined => {
  const { name, observe } = breaker.settings
  entry.countRejection()
  increment(entry.series.rejected)
  if (observe || state === "Closed" || state === "Disabled") return undefined
  // What the event says is put together only for a span that is open.
  if (hasOpenSpan(caller)) addRejection(caller, entry, { breaker: name, key: entry.key, state })
  // Whole milliseconds, rounded up: a timer cut short would only be rejected once more.
  const retryAfter = Duration.millis(Math.ceil(retryAfterMillis))
  const error = new CircuitOpenError({ breaker: name, key: entry.key, state, retryAfter })
  return Exit.fail(Rejection.by(entry, error))
}
