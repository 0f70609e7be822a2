import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Decision, Ticket } from "../core/circuit.ts"

/**
 * A request for a slot, which goes on in the background: whoever asked may be gone by the time the answer comes, and
 * then the slot is given back.
 *
 * @internal
 */
export class Claim {
  /** The answer; none where the store could not be asked. */
  decision: Decision | undefined = undefined
  private isAnswered = false
  private isAbandoned = false
  private readonly answered = Deferred.unsafeMake<void>(FiberId.none)
  private readonly giveBack: (ticket: Ticket) => void

  constructor(giveBack: (ticket: Ticket) => void) {
    this.giveBack = giveBack
  }

  get wait(): Effect.Effect<void> {
    return Deferred.await(this.answered)
  }

  /** The first answer counts. */
  answer(decision: Decision | undefined): void {
    if (this.isAnswered) return
    this.isAnswered = true
    this.decision = decision
    if (this.isAbandoned) this.abandon()
    Deferred.unsafeDone(this.answered, Effect.void)
  }

  abandon(): void {
    this.isAbandoned = true
    if (this.decision?._tag === "Admitted" && this.decision.ticket.slot !== 0)
      this.giveBack(this.decision.ticket)
  }
}
