import type { Decision } from "../admission.ts"
import * as Admission from "../admission.ts"
import type { Circuit, Rules, Ticket } from "../circuit.ts"
import * as Machine from "../circuit.ts"

// The claim of a call to a slot, which the store grants, and the decision on the call by the answer.

/**
 * A claim and its answer. An answer of `undefined` means that the store could not be asked.
 *
 * @internal
 */
export interface Claim {
  readonly given: Decision | undefined
  readonly isAnswered: boolean
  readonly isAbandoned: boolean
}

/**
 * A claim after a step, and a slot that has to be given back because no call will use it.
 *
 * @internal
 */
export interface Claimed {
  readonly claim: Claim
  readonly returned: Ticket | undefined
}

/** @internal */
export const unanswered: Claim = { given: undefined, isAnswered: false, isAbandoned: false }

/**
 * The answer if none has arrived in time: the call is rejected.
 *
 * @internal
 */
export const tooLate: Decision = { _tag: "Rejected", retryAfterMillis: 0 }

/**
 * The time for which a call waits for its answer, in deadlines of the store, because it takes up to two requests.
 *
 * @internal
 */
export const deadlinesOfClaim = 2

/**
 * Takes the first answer. A slot that is granted later, or to a call that was interrupted, is given back.
 *
 * @internal
 */
export const answered = (claim: Claim, decision: Decision | undefined): Claimed =>
  claim.isAnswered
    ? { claim, returned: slotOf(decision) }
    : {
        claim: { ...claim, given: decision, isAnswered: true },
        returned: claim.isAbandoned ? slotOf(decision) : undefined
      }

/**
 * The call was interrupted: it will not use a slot that it was granted or will be granted.
 *
 * @internal
 */
export const abandoned = (claim: Claim): Claimed => ({
  claim: { ...claim, isAbandoned: true },
  returned: slotOf(claim.given)
})

const slotOf = (decision: Decision | undefined): Ticket | undefined =>
  decision?._tag === "Admitted" && decision.ticket.slot !== Machine.noSlot ? decision.ticket : undefined

/**
 * The ticket that was granted, if the circuit has not changed while the call waited.
 *
 * @internal
 */
export const ticketOf = (
  decision: Decision | undefined,
  circuit: Circuit<unknown>,
  rules: Rules<unknown>,
  now: number
): Ticket | undefined =>
  decision?._tag === "Admitted" && Machine.stillCounts(circuit, rules, decision.ticket, now)
    ? decision.ticket
    : undefined

/**
 * The decision on a call that got no ticket: the current circuit decides, or the call is rejected, or the store has not
 * answered.
 *
 * @internal
 */
export const withoutTicket = (
  decision: Decision | undefined,
  circuit: Circuit<unknown>,
  rules: Rules<unknown>,
  now: number
): "Decided" | "Rejected" | "Unanswered" => {
  switch (decision?._tag) {
    case "Admitted": {
      const [again, next] = Admission.admit(circuit, rules, now)
      // A slot of a new half-open period would need a new request, so the call is rejected.
      return next._tag === "HalfOpen" && again._tag === "Admitted" ? "Rejected" : "Decided"
    }
    case "Rejected":
      return circuit._tag === "Closed" || circuit._tag === "Disabled" ? "Decided" : "Rejected"
    case undefined:
      return "Unanswered"
  }
}
