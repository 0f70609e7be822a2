import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Decision } from "../core/admission.ts"
import type { Ticket } from "../core/circuit.ts"
import * as Claims from "../core/replica/claims.ts"
import type { SlotRequest } from "./admission.ts"

/**
 * A slot request to the store, whose decision arrives by `answer`.
 *
 * @internal
 */
export class Claim implements SlotRequest {
  private claim = Claims.unanswered
  private readonly answered = Deferred.unsafeMake<void>(FiberId.none)
  private readonly giveBack: (ticket: Ticket) => void
  private readonly deadline: Duration.Duration

  constructor(deadline: Duration.Duration, giveBack: (ticket: Ticket) => void) {
    this.deadline = deadline
    this.giveBack = giveBack
  }

  /**
   * Waits for the answer, at most for two deadlines, because it takes up to two requests; then the call is rejected.
   */
  get decision(): Effect.Effect<Decision | undefined> {
    return Effect.interruptible(this.end).pipe(
      Effect.timeoutOption(Duration.times(this.deadline, Claims.deadlinesOfClaim)),
      Effect.map(() => {
        this.answer(Claims.tooLate)
        return this.claim.given
      })
    )
  }

  /** Waits for the answer, however long it takes. */
  get end(): Effect.Effect<void> {
    return Deferred.await(this.answered)
  }

  /** Takes the first answer. A slot that arrives later is given back. */
  answer(decision: Decision | undefined): void {
    this.take(Claims.answered(this.claim, decision))
    Deferred.unsafeDone(this.answered, Effect.void)
  }

  readonly abandon = (): void => this.take(Claims.abandoned(this.claim))

  private take({ claim, returned }: Claims.Claimed): void {
    this.claim = claim
    if (returned !== undefined) this.giveBack(returned)
  }
}
