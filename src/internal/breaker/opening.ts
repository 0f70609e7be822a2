import * as Duration from "effect/Duration"
import type { Outcome } from "../../Outcome.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Breaker } from "./breaker.ts"
import type { TransitionCause } from "./change.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import type { Backoff } from "./openDuration.ts"

/**
 * An opening of a circuit: its cause and its time.
 *
 * @internal
 */
export interface Opening extends TransitionCause {
  readonly now: number
  /** The outcome of the call that opens the circuit; `undefined` if no call does. */
  readonly outcome?: Outcome | undefined
}

/**
 * Opens a circuit for the length of its next opening. A step of the schedule may run code of the program, so the
 * circuit opens only if that code has not changed it.
 *
 * @internal
 */
export const open = (breaker: Breaker, entry: CircuitEntry, opening: Opening, caller: Caller): void => {
  const { now, outcome, reason } = opening
  const before = entry.current
  const openings = Machine.nextOpening(before, now)
  const backoff = breaker.openDuration(entry.backoff, openings, caller)
  const openMillis = lengthened(breaker, backoff, outcome)
  const next = Machine.open(entry.current, before.generation, { openings, openMillis, openedAt: now })
  if (next === entry.current) return
  entry.history.backoff = backoff
  breaker.announce(breaker.replace(entry, next, now, opening), caller)
  breaker.coordinator?.after(entry, { _tag: "Opened", before, reason, now }, caller)
}

/**
 * The length of the opening with the number `openings`, without opening the circuit.
 *
 * @internal
 */
export const openMillisOf = (
  breaker: Breaker,
  entry: CircuitEntry,
  { openings, outcome }: { readonly openings: number; readonly outcome: Outcome },
  caller: Caller
): number => lengthened(breaker, breaker.openDuration(entry.backoff, openings, caller), outcome)

/** The length of an opening, lengthened to the `retryAfter` of the failure that causes it. */
const lengthened = (breaker: Breaker, { millis }: Backoff, outcome: Outcome | undefined): number =>
  outcome?._tag === "Failure" && outcome.retryAfter !== undefined
    ? Math.max(millis, Math.min(Duration.toMillis(outcome.retryAfter), breaker.settings.maxOpenMillis))
    : millis
