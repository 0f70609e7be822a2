import * as Scheduler from "effect/Scheduler"
import * as Outcome from "../../Outcome.ts"
import type { Circuit, Rules, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * A call that counts as a success unless it goes on: an HTTP response whose body nobody has begun to read.
 *
 * @internal
 */
export interface UnsettledCall {
  readonly call: Ticket & { readonly entry: CircuitEntry }
  /** Settles it as the success that it is so far. */
  readonly settle: () => void
}

/**
 * A circuit as a reader sees it: its unsettled calls are successes so far.
 *
 * @internal
 */
export interface Seen {
  readonly circuit: Circuit<unknown>
  /** How many unsettled calls are counted in. */
  readonly unsettled: number
}

/**
 * What unsettled calls need of the breaker that they belong to.
 *
 * @internal
 */
export interface Owner {
  unsettledCalls: UnsettledCalls | undefined
  readonly maker: Caller
  readonly reportDefect: (key: string, defect: unknown, caller: Caller) => void
}

/**
 * The unsettled calls of a breaker, for an adapter that has some. The first of them brings this code along, so that a
 * program without such an adapter does not load it.
 *
 * @internal
 */
export const unsettledCallsOf = (breaker: Owner): UnsettledCalls =>
  (breaker.unsettledCalls ??= new UnsettledCalls((key, defect) =>
    breaker.reportDefect(key, defect, breaker.maker)
  ))

/**
 * The unsettled calls of a breaker, by circuit. Each is settled as a success when the event loop turns, or before its
 * circuit's next outcome or decision, unless it is taken back by then. Reading a circuit counts them in, but leaves them
 * unsettled.
 *
 * @internal
 */
export class UnsettledCalls {
  private readonly byCircuit = new Map<CircuitEntry, CircuitCalls>()
  private readonly report: (key: string, defect: unknown) => void
  /** How many there are of all circuits. */
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
        // Calls that settling has led to are settled at the next turn.
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

  /** The circuit as a reader sees it; `undefined` where it has no unsettled calls. */
  seen(entry: CircuitEntry, rules: Rules<unknown>, now: number): Seen | undefined {
    return this.byCircuit.get(entry)?.seen(entry.current, rules, now)
  }

  /** Settles the calls of a circuit. Settling one asks for this again, so they are taken out first. */
  settleAll(entry: CircuitEntry): void {
    // Asked before every outcome, while there are hardly ever any.
    if (this.isEmpty) return
    const all = this.byCircuit.get(entry)
    // One that has become empty is used again by the calls that come before the event loop turns.
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
        // Run by a timer, it would end the process.
        this.report(entry.key, defect)
      }
    }
  }
}

/**
 * The unsettled calls of one circuit. There may be very many, and each of them may be followed by a reading, so what a
 * reader sees is not worked out from all of them each time.
 */
class CircuitCalls {
  readonly calls = new Set<UnsettledCall>()
  /** That of all the calls; none where they are of several, as when another process has changed the circuit. */
  private generation: number | undefined = undefined
  private successes: Successes | undefined = undefined

  add(unsettled: UnsettledCall): void {
    const { generation } = unsettled.call
    this.generation = this.calls.size === 0 || this.generation === generation ? generation : undefined
    this.calls.add(unsettled)
  }

  seen(current: Circuit<unknown>, rules: Rules<unknown>, now: number): Seen {
    if (current._tag !== "Closed" || current.generation !== this.generation)
      return seenOneByOne(this.calls, current, rules, now)
    if (this.successes?.isOf(current, now) !== true) this.successes = new Successes(current, rules, now)
    return { circuit: this.successes.after(this.calls.size), unsettled: this.calls.size }
  }
}

/** A Closed circuit after each number of successes, for as long as it stays the same and a millisecond lasts. */
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
      this.afterEach.push(Machine.settle(last, this.rules, { generation, slot: 0 }, successAt(this.now)))
    }
    return this.afterEach[successes] ?? this.afterEach[0]
  }
}

/** The calls of a circuit that is not Closed are settled whenever it is asked for admission, so that there are few. */
const seenOneByOne = (
  calls: Iterable<UnsettledCall>,
  current: Circuit<unknown>,
  rules: Rules<unknown>,
  now: number
): Seen => {
  let circuit = current
  let unsettled = 0
  for (const { call } of calls) {
    if (!Machine.lands(current, rules, call, now)) continue
    circuit = Machine.settle(circuit, rules, call, successAt(now))
    unsettled++
  }
  return { circuit, unsettled }
}

const successAt = (at: number) => ({ outcome: Outcome.success, interrupted: false, at, elapsedMillis: 0 })

// By then a fiber has gone on that only handed its value to another, as `Effect.timeout` does.
const nextTurn = Scheduler.timerBatched(0)
