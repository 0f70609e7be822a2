import * as Effect from "effect/Effect"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Coordinator, Decided, SharedDecision } from "../breaker/coordinator.ts"
import type { Decision } from "../core/admission.ts"
import { ticketOf, tooLate, withoutTicket } from "../core/replica/claims.ts"
import type { Caller, Restore } from "../fiber/caller.ts"

/**
 * A slot request. If its call is interrupted, it goes on in the background and gives the slot back.
 *
 * @internal
 */
export interface SlotRequest {
  /** Waits for the decision; `undefined` if the store could not be asked. */
  readonly decision: Effect.Effect<Decision | undefined>
  /** Gives back the slot that was granted or will be granted. */
  readonly abandon: () => void
}

/**
 * The parts of a coordinator that decide on the admission of a call.
 *
 * @internal
 */
export interface Admitting extends Pick<Coordinator, "outageMillis" | "ready"> {
  readonly breaker: Breaker
  /** Requests a slot among the probes of all processes; `undefined` if this process decides by itself. */
  readonly requestSlot: (entry: CircuitEntry, caller: Caller) => SlotRequest | undefined
}

/**
 * Decides on the admission of a call. It waits until the state of the circuit elsewhere is known, and then for a slot
 * if the call would be a probe.
 *
 * @internal
 */
export const decide = (
  admitting: Admitting,
  key: string | undefined,
  caller: Caller,
  restore: Restore
): Effect.Effect<Decided> => {
  const { breaker } = admitting
  const ready = admitting.ready(breaker.use(key, caller), caller)
  // The circuit is looked up again, because it may have been dropped while the call waited.
  const decided = Effect.suspend(() => decideNow(admitting, breaker.use(key, caller), caller, restore))
  return ready === undefined ? decided : Effect.zipRight(restore(ready), decided)
}

const decideNow = (
  admitting: Admitting,
  entry: CircuitEntry,
  caller: Caller,
  restore: Restore
): Effect.Effect<Decided> => {
  const { breaker } = admitting
  if (admitting.outageMillis !== undefined) return Effect.succeed({ entry, decision: outage(breaker) })
  const slot = admitting.requestSlot(entry, caller)
  if (slot === undefined) return Effect.succeed({ entry, decision: undefined })
  return Effect.matchCauseEffect(restore(slot.decision), {
    onFailure: (cause) => {
      slot.abandon()
      return Effect.failCause(cause)
    },
    onSuccess: (decision) => {
      if (ticketOf(decision, entry.current, breaker.settings.rules, breaker.now(caller)) !== undefined) {
        return Effect.succeed({ entry, decision })
      }
      slot.abandon()
      return Effect.succeed({ entry, decision: withoutSlot(breaker, entry, decision, caller) })
    }
  })
}

/** Decides by the current state of the circuit, after a slot request that has yielded no slot. */
const withoutSlot = (
  breaker: Breaker,
  { current }: CircuitEntry,
  decision: Decision | undefined,
  caller: Caller
): SharedDecision | undefined => {
  switch (withoutTicket(decision, current, breaker.settings.rules, breaker.now(caller))) {
    case "Decided":
      return undefined
    case "Rejected":
      return decision?._tag === "Rejected" ? decision : tooLate
    case "Unanswered":
      return breaker.coordinator?.outageMillis === undefined ? undefined : outage(breaker)
  }
}

const outage = ({ coordinator }: Breaker): SharedDecision => ({
  _tag: "Rejected",
  state: "Open",
  retryAfterMillis: coordinator?.outageMillis ?? 0
})
