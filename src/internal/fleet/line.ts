import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Entry } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../stores/error.ts"
import { logStore } from "../observe/log.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { Caller } from "../fiber/caller.ts"

/**
 * The line to the store: it knows whether there is an answer within the deadline, says so once when it ends and once
 * when it begins again, and by how much the store's clock is ahead of the breaker's.
 *
 * @internal
 */
export class Line {
  ahead = 0
  isFailing = false
  /** When it answered again, by the store's clock. */
  answeringSince = -Infinity
  /** The round trip of the answer that the clock offset was taken from. */
  private roundTrip = Infinity
  private readonly breaker: Breaker
  private readonly deadline: Duration.Duration
  private readonly on: { readonly lost: (now: number) => void; readonly regained: () => void }

  constructor(
    breaker: Breaker,
    deadline: Duration.Duration,
    on: { readonly lost: (now: number) => void; readonly regained: () => void }
  ) {
    this.breaker = breaker
    this.deadline = deadline
    this.on = on
    breaker.meters.store(false)
  }

  ask<A extends Entry | ReadonlyArray<Entry | CircuitStoreError>>(
    question: Effect.Effect<A, CircuitStoreError>
  ): Effect.Effect<A, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const sentAt = this.breaker.now(caller)
      // Who waits may not be interruptible, but the question always is: or else the deadline would not hold.
      return Effect.interruptible(question).pipe(
        Effect.catchAllDefect((cause) =>
          Effect.fail(new CircuitStoreError({ message: `the store threw: ${String(cause)}`, cause }))
        ),
        Effect.timeoutFail({ duration: this.deadline, onTimeout: () => tooLate }),
        Effect.tapBoth({
          onFailure: (error) => Effect.sync(() => this.failed(error, caller)),
          onSuccess: (answer) => Effect.sync(() => this.answered(firstEntryIn(answer), sentAt, caller))
        })
      )
    })
  }

  private answered(entry: Entry | undefined, sentAt: number, caller: Caller): void {
    const now = this.breaker.now(caller)
    // The quickest answer gives the best offset. The offset ages, and is replaced if the store's clock has jumped.
    const isPossible =
      entry === undefined || (sentAt + this.ahead <= entry.now + 1 && entry.now - 1 <= now + this.ahead)
    if (entry !== undefined && (now - sentAt <= this.roundTrip || !isPossible)) {
      this.roundTrip = now - sentAt
      this.ahead = entry.now - (sentAt + now) / 2
    } else {
      this.roundTrip = this.roundTrip * 1.1 + 0.1
    }
    if (!this.isFailing) return
    this.isFailing = false
    this.answeringSince = now + this.ahead
    this.breaker.meters.store(false)
    this.on.regained()
    logStore(caller, this.breaker.settings.name, undefined)
  }

  private failed(error: CircuitStoreError, caller: Caller): void {
    if (this.isFailing) return
    this.isFailing = true
    this.breaker.meters.store(true)
    this.on.lost(this.breaker.now(caller))
    logStore(caller, this.breaker.settings.name, error)
  }
}

const firstEntryIn = (answer: Entry | ReadonlyArray<Entry | CircuitStoreError>): Entry | undefined =>
  "now" in answer ? answer : answer.find((it) => "now" in it)

const tooLate = new CircuitStoreError({ message: "no answer within the deadline" })
