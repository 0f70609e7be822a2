import * as Scheduler from "effect/Scheduler"
import type { RunningCall } from "./call.ts"
import type { Held } from "./circuits.ts"

/**
 * A call that has succeeded unless it goes on: an HTTP response whose body nobody has begun to read.
 *
 * @internal
 */
export interface UnsettledCall {
  readonly call: RunningCall
  /** Settles it as the success that it is so far. */
  readonly lapse: () => void
}

/**
 * The unsettled calls of a breaker, by circuit. Each lapses when the event loop turns, or before its circuit's next
 * outcome or decision, unless it is taken back by then. Reading a circuit counts them in, but leaves them unsettled.
 *
 * @internal
 */
export class UnsettledCalls {
  private readonly byCircuit = new Map<Held, Set<UnsettledCall>>()
  private readonly report: (held: Held, defect: unknown) => void
  private awaitsTurn = false

  constructor(report: (held: Held, defect: unknown) => void) {
    this.report = report
  }

  add(unsettled: UnsettledCall): void {
    const { held } = unsettled.call
    const others = this.byCircuit.get(held)
    if (others === undefined) this.byCircuit.set(held, new Set([unsettled]))
    else others.add(unsettled)
    if (this.awaitsTurn) return
    this.awaitsTurn = true
    nextTurn.scheduleTask(() => {
      this.awaitsTurn = false
      for (const held of Array.from(this.byCircuit.keys())) this.lapseAll(held)
    }, 0)
  }

  takeBack(unsettled: UnsettledCall): void {
    const { held } = unsettled.call
    const others = this.byCircuit.get(held)
    if (others?.delete(unsettled) === true && others.size === 0) this.byCircuit.delete(held)
  }

  get isEmpty(): boolean {
    return this.byCircuit.size === 0
  }

  of(held: Held): Iterable<UnsettledCall> {
    return this.byCircuit.get(held) ?? []
  }

  /** Has the calls of a circuit lapse. Each settles, which asks for this again, so they are taken out first. */
  lapseAll(held: Held): void {
    const all = this.byCircuit.get(held)
    if (all === undefined) return
    this.byCircuit.delete(held)
    for (const unsettled of all) {
      try {
        unsettled.lapse()
      } catch (defect) {
        // Run by a timer, it would end the process.
        this.report(held, defect)
      }
    }
  }
}

// By then a fiber has gone on that only handed its value to another, as `Effect.timeout` does.
const nextTurn = Scheduler.timerBatched(0)
