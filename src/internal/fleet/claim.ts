import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Decision, Ticket } from "../core/circuit.ts"
import type { SlotRequest } from "./admission.ts"

/**
 * A slot request. If its call is interrupted, it goes on in the background and gives the slot back.
 *
 * @internal
 */
export class Claim implements SlotRequest {
  /** The answer; `undefined` if the store could not be asked. */
  private given: Decision | undefined = undefined
  private isAnswered = false
  private isAbandoned = false
  private readonly answered = Deferred.unsafeMake<void>(FiberId.none)
  private readonly giveBack: (ticket: Ticket) => void
  private readonly deadline: Duration.Duration

  constructor(deadline: Duration.Duration, giveBack: (ticket: Ticket) => void) {
    this.deadline = deadline
    this.giveBack = giveBack
  }

  /** Waits for the answer, at most for two deadlines, because it takes up to two requests; then the call is rejected. */
  get decision(): Effect.Effect<Decision | undefined> {
    return Effect.interruptible(this.end).pipe(
      Effect.timeoutOption(Duration.times(this.deadline, 2)),
      Effect.map(() => {
        this.answer({ _tag: "Rejected", retryAfterMillis: 0 })
        return this.given
      })
    )
  }

  /** Waits for the answer, however long it takes. */
  get end(): Effect.Effect<void> {
    return Deferred.await(this.answered)
  }

  /** Takes the first answer. A slot that arrives later is given back. */
  answer(decision: Decision | undefined): void {
    if (this.isAnswered) return this.handBack(decision)
    this.isAnswered = true
    this.given = decision
    if (this.isAbandoned) this.handBack(decision)
    Deferred.unsafeDone(this.answered, Effect.void)
  }

  readonly abandon = (): void => {
    this.isAbandoned = true
    this.handBack(this.given)
  }

  private handBack(decision: Decision | undefined): void {
    if (decision?._tag === "Admitted" && decision.ticket.slot !== 0) this.giveBack(decision.ticket)
  }
}
