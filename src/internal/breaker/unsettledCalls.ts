import * as Scheduler from "effect/Scheduler"
import * as Outcome from "../../Outcome.ts"
import type { Circuit, Rules, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * A call that counts as a success unless the program continues it soon: an HTTP response whose body may still be read.
 *
 * @internal
 */
export interface UnsettledCall {
  readonly call: Ticket & { readonly entry: CircuitEntry }
  /** Settles the call as a success. */
  readonly settle: () => void
}

/**
 * A circuit as reported to readers, with its unsettled calls counted as successes.
 *
 * @internal
 */
export interface Seen {
  readonly circuit: Circuit<unknown>
  /** The number of unsettled calls that it counts. */
  readonly unsettled: number
}

/**
 * The part of a breaker that its unsettled calls use.
 *
 * @internal
 */
export interface Owner {
  unsettledCalls: UnsettledCalls | undefined
  readonly maker: Caller
  readonly reportDefect: (key: string, defect: unknown, caller: Caller) => void
}

/**
 * Finds or makes the unsettled calls of a breaker, for an adapter that has some. The breaker itself does not make them,
 * so that a program without such an adapter does not load this module.
 *
 * @internal
 */
export const unsettledCallsOf = (breaker: Owner): UnsettledCalls =>
  (breaker.unsettledCalls ??= new UnsettledCalls((key, defect) =>
    breaker.reportDefect(key, defect, breaker.maker)
  ))

/**
 * The unsettled calls of a breaker, by circuit. Each is settled as a success in the next turn of the event loop, or
 * before the next outcome or admission of its circuit, unless it is taken back before. A read counts them, but does not
 * settle them.
 *
 * @internal
 */
export class UnsettledCalls {
  private readonly byCircuit = new Map<CircuitEntry, CircuitCalls>()
  private readonly report: (key: string, defect: unknown) => void
  /** The number of unsettled calls of all circuits. */
  private count = 0
  private awaitsTurn = false

  constructor(report: (key: string, defect: unknown) => void) {
    this.report = report
  }

  add(unsettled: UnsettledCall): void {
    const { entry } = unsettled.call
    let others = this.byCircuit.get(entry)
    if (others === undefined) {
      others = new CircuitCalls()
      this.byCircuit.set(entry, others)
    }
    others.add(unsettled)
    this.count++
    if (this.awaitsTurn) return
    this.awaitsTurn = true
    nextTurn.scheduleTask(() => {
      this.awaitsTurn = false
      for (const [entry, all] of Array.from(this.byCircuit)) {
        // Calls that were added while others were settled wait for the next turn.
        if (this.byCircuit.get(entry) !== all) continue
        this.byCircuit.delete(entry)
        this.settle(entry, all.calls)
      }
    }, 0)
  }

  takeBack(unsettled: UnsettledCall): void {
    if (this.byCircuit.get(unsettled.call.entry)?.calls.delete(unsettled) === true) this.count--
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** The circuit as reported to readers; `undefined` if it has no unsettled calls. */
  seen(entry: CircuitEntry, rules: Rules<unknown>, now: number): Seen | undefined {
    return this.byCircuit.get(entry)?.seen(entry.current, rules, now)
  }

  /** Settles the calls of a circuit. They are removed first, because settling a call calls this method again. */
  settleAll(entry: CircuitEntry): void {
    // This runs before every outcome, and there are rarely any unsettled calls.
    if (this.isEmpty) return
    const all = this.byCircuit.get(entry)
    // An empty set stays, for later calls within the same turn of the event loop.
    if (all === undefined || all.calls.size === 0) return
    this.byCircuit.delete(entry)
    this.settle(entry, all.calls)
  }

  private settle(entry: CircuitEntry, calls: ReadonlySet<UnsettledCall>): void {
    this.count -= calls.size
    for (const unsettled of calls) {
      try {
        unsettled.settle()
      } catch (defect) {
        // A defect that is thrown in a timer would end the process.
        this.report(entry.key, defect)
      }
    }
  }
}

/**
 * The unsettled calls of one circuit. There may be many, and a read after each of them, so a read does not count all of
 * them again each time.
 */
class CircuitCalls {
  readonly calls = new Set<UnsettledCall>()
  /**
   * The generation of all the calls; `undefined` if it is not the same, as when another process changed the circuit.
   */
  private generation: number | undefined = undefined
  private successes: Successes | undefined = undefined

  add(unsettled: UnsettledCall): void {
    const { generation } = unsettled.call
    this.generation = this.calls.size === 0 || this.generation === generation ? generation : undefined
    this.calls.add(unsettled)
  }

  seen(current: Circuit<unknown>, rules: Rules<unknown>, now: number): Seen {
    const admitsEveryCall = current._tag === "Closed" || current._tag === "Disabled"
    if (!admitsEveryCall || current.generation !== this.generation)
      return seenOneByOne(this.calls, current, rules, now)
    if (this.successes?.isOf(current, now) !== true) this.successes = new Successes(current, rules, now)
    return { circuit: this.successes.after(this.calls.size), unsettled: this.calls.size }
  }
}

/**
 * A Closed or Disabled circuit after each number of successes. It is valid for one millisecond while the circuit does
 * not change.
 */
class Successes {
  private readonly rules: Rules<unknown>
  private readonly now: number
  private readonly afterEach: [Circuit<unknown>, ...Array<Circuit<unknown>>]

  constructor(circuit: Circuit<unknown>, rules: Rules<unknown>, now: number) {
    this.rules = rules
    this.now = now
    this.afterEach = [circuit]
  }

  isOf(circuit: Circuit<unknown>, now: number): boolean {
    return this.afterEach[0] === circuit && Math.floor(this.now) === Math.floor(now)
  }

  after(successes: number): Circuit<unknown> {
    const { generation } = this.afterEach[0]
    for (let known = this.afterEach.length; known <= successes; known++) {
      const last = this.afterEach[known - 1] ?? this.afterEach[0]
      this.afterEach.push(
        Machine.settle(last, this.rules, { generation, slot: Machine.noSlot }, successAt(this.now))
      )
    }
    return this.afterEach[successes] ?? this.afterEach[0]
  }
}

/**
 * Counts the calls one by one. A circuit that is neither Closed nor Disabled settles them before each admission, so
 * there are few.
 */
const seenOneByOne = (
  calls: Iterable<UnsettledCall>,
  current: Circuit<unknown>,
  rules: Rules<unknown>,
  now: number
): Seen => {
  let circuit = current
  let unsettled = 0
  for (const { call } of calls) {
    if (!Machine.stillCounts(current, rules, call, now)) continue
    circuit = Machine.settle(circuit, rules, call, successAt(now))
    unsettled++
  }
  return { circuit, unsettled }
}

const successAt = (at: number) => ({ outcome: Outcome.success, interrupted: false, at, elapsedMillis: 0 })

// A timer leaves a program time to begin with the body, even if the response reaches it through another fiber, as with
// `Effect.timeout`.
const nextTurn = Scheduler.timerBatched(0)
