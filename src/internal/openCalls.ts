import * as Scheduler from "effect/Scheduler"
import type { Held } from "./circuits.ts"
import type { Ticket } from "./core/circuit.ts"

/**
 * A call that has succeeded, unless it goes on: an HTTP response whose body nobody has begun to read.
 *
 * @internal
 */
export interface OpenCall {
  readonly held: Held
  readonly ticket: Ticket
  /** Settles it as the success that it is so far. */
  readonly lapse: () => void
}

/**
 * The open calls of a breaker. Each lapses when the event loop turns, or before its circuit's next outcome or decision,
 * if nobody has taken it back by then. Reading a circuit counts them in, but leaves them open.
 *
 * @internal
 */
export class OpenCalls {
  private readonly calls = new Set<OpenCall>()
  private awaitsTurn = false

  add(call: OpenCall): void {
    this.calls.add(call)
    if (this.awaitsTurn) return
    this.awaitsTurn = true
    nextTurn.scheduleTask(() => {
      this.awaitsTurn = false
      this.calls.forEach((it) => this.lapse(it))
    }, 0)
  }

  takeBack(call: OpenCall): void {
    this.calls.delete(call)
  }

  /** The open calls of a circuit. */
  of(held: Held): ReadonlyArray<OpenCall> {
    return this.calls.size === 0 ? none : Array.from(this.calls).filter((it) => it.held === held)
  }

  lapseAll(held: Held): void {
    if (this.calls.size > 0) this.of(held).forEach((it) => this.lapse(it))
  }

  private lapse(call: OpenCall): void {
    if (this.calls.delete(call)) call.lapse()
  }
}

const none: ReadonlyArray<OpenCall> = []

// By then a fiber has gone on that only handed its value to another, as `Effect.timeout` does.
const nextTurn = Scheduler.timerBatched(0)
