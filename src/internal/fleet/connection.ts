import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { Entry } from "../../CircuitStore.ts"
import { logStore } from "../observe/log.ts"
import { StoreMeter } from "../observe/storeMeter.ts"
import type { Breaker } from "../breaker/breaker.ts"
import * as Links from "../core/replica/link.ts"
import type { Caller } from "../fiber/caller.ts"
import { CircuitStoreError } from "../stores/error.ts"
import type { Answer } from "./answer.ts"
import { isFault } from "./answer.ts"

/**
 * Sends requests to the store, within the deadline. Logs once when the store fails, and once when it answers again.
 *
 * @internal
 */
export class Connection {
  link = Links.initial
  private readonly breaker: Breaker
  private readonly deadline: Duration.Duration
  private readonly meter: StoreMeter
  /** The operation of the request that failed last. */
  failedOperation: Operation = "Read"
  private hasEnded = false
  private readonly on: { readonly lost: (caller: Caller) => void; readonly found: (caller: Caller) => void }

  constructor(breaker: Breaker, deadline: Duration.Duration, on: Connection["on"]) {
    this.breaker = breaker
    this.deadline = deadline
    this.on = on
    const labels = breaker.maker.getFiberRef(FiberRef.currentMetricLabels)
    this.meter = new StoreMeter(breaker.settings.name, labels)
  }

  /**
   * Sends a request that is answered by a list of entries. The fault of a circuit is an element of the list, even of a
   * list of one: as a value of its own, it would also be an effect, which fails.
   */
  ask(
    request: Effect.Effect<Answers, CircuitStoreError>,
    operation: Operation
  ): Effect.Effect<Answers, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const sentAt = this.breaker.now(caller)
      // The request is interruptible even if the caller is not, because the deadline interrupts it.
      return Effect.interruptible(request).pipe(
        Effect.timeoutFail({ duration: this.deadline, onTimeout: () => tooLate }),
        Effect.tapBoth({
          onFailure: (error) => Effect.sync(() => this.unanswered(error, operation, caller)),
          onSuccess: (answer) => Effect.sync(() => this.answered(timeIn(answer), sentAt, caller))
        })
      )
    })
  }

  /** Takes the clock offset from a notification, which has the time at which the store wrote the change. */
  changeReceived(written: number, caller: Caller): void {
    this.link = Links.changeReceived(this.link, this.breaker.now(caller), written)
  }

  /** Clears the metric of a failing store, because the scope has closed. */
  end(): void {
    this.hasEnded = true
    this.meter.set(false)
  }

  private answered(read: number | undefined, sentAt: number, caller: Caller): void {
    const wasFailing = this.link.isFailing
    this.link = Links.answered(this.link, { now: this.breaker.now(caller), read, sentAt })
    if (!wasFailing) return
    this.meter.set(false)
    this.on.found(caller)
    logStore(caller, this.breaker.settings.name, undefined)
  }

  private unanswered(error: CircuitStoreError, operation: Operation, caller: Caller): void {
    if (this.link.isFailing) return
    this.failedOperation = operation
    this.link = Links.failed(this.link)
    if (!this.hasEnded) this.meter.set(true)
    this.on.lost(caller)
    logStore(caller, this.breaker.settings.name, error)
  }
}

/**
 * Whether a request changes the content of the store.
 *
 * @internal
 */
export type Operation = "Read" | "Write"

type Answers = ReadonlyArray<Answer>

const timeIn = (answers: Answers): number | undefined => answers.find((it): it is Entry => !isFault(it))?.now

const tooLate = new CircuitStoreError({ message: "no answer within the deadline" })
