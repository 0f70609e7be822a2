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
 * The details of a rejection. `state` is given if the error has to name another state than that of the circuit here.
 *
 * @internal
 */
export interface Rejected {
  readonly retryAfterMillis: number
  readonly state?: StateTag
}

/**
 * Counts the rejection of a call, and makes its error; `undefined` if the call runs nevertheless, as in a dry run.
 *
 * @internal
 */
export const reject = (
  breaker: Breaker,
  entry: CircuitEntry,
  { retryAfterMillis, state = entry.current._tag }: Rejected,
  caller: Caller
): Exit.Exit<never, CircuitOpenError> | undefined => {
  const { name, isDryRun } = breaker.settings
  entry.history.rejected++
  increment(entry.series.rejected)
  // A dry run lets the call run. So does a circuit that has been reset or disabled while the store was asked for a slot.
  if (isDryRun || state === "Closed" || state === "Disabled") return undefined
  // The attributes of the span event are allocated only if a span is open.
  if (hasOpenSpan(caller)) addRejection(caller, entry, { breaker: name, key: entry.key, state })
  // The wait is rounded up to whole milliseconds, because a retry that comes a fraction too early would be rejected again.
  const retryAfter = Duration.millis(Math.ceil(retryAfterMillis))
  const error = new CircuitOpenError({ breaker: name, key: entry.key, state, retryAfter })
  return Exit.fail(Rejection.by(entry, error))
}
