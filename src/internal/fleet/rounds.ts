import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Line } from "./line.ts"
import { memberOf } from "./member.ts"

/**
 * The circuits that are kept in step with the other nodes, and when each of them is exchanged.
 *
 * @internal
 */
export class Rounds {
  private readonly kept = new Set<CircuitEntry>()
  private readonly news = Effect.unsafeMakeLatch(false)
  private readonly breaker: Breaker
  private readonly line: Line
  private readonly node: string
  /** From 0 to 1, and not the same for two nodes. */
  private readonly place: number
  private readonly syncMillis: number
  private readonly staleMillis: number

  constructor(breaker: Breaker, line: Line, node: string, { staleMillis, syncMillis }: Times) {
    this.breaker = breaker
    this.line = line
    this.node = node
    this.place = (Hash.string(node) >>> 0) / 2 ** 32
    this.syncMillis = syncMillis
    this.staleMillis = staleMillis
  }

  [Symbol.iterator](): Iterator<CircuitEntry> {
    return this.kept[Symbol.iterator]()
  }

  has(held: CircuitEntry): boolean {
    return this.kept.has(held)
  }

  /** Has a circuit exchanged from now on, for the first time at once. */
  keep(held: CircuitEntry): void {
    if (!this.kept.has(held)) this.hurry(held)
  }

  /** The same, and soon, because there is news of it: for the others, or from them. */
  hurry(held: CircuitEntry, at = -Infinity): void {
    this.kept.add(held)
    memberOf(held).pace.hurry(at)
    this.wakeUp()
  }

  /** When to answer to news that all nodes have heard: where there are very many, not all of them at once. */
  answerAt(held: CircuitEntry, now: number): number {
    return now + this.place * (this.intervalMillis(held) - this.syncMillis)
  }

  drop(held: CircuitEntry): void {
    this.kept.delete(held)
  }

  /** Has the store asked at once whether it answers, if it does not. */
  wakeUp(): void {
    this.news.unsafeOpen()
  }

  exchanged(held: CircuitEntry, now: number): void {
    // A circuit that is only read has no pace.
    if (this.kept.has(held)) memberOf(held).pace.exchanged(now, this.intervalMillis(held))
  }

  /** Exchanges what is due, for as long as it runs. While the store fails, that is how it is asked again. */
  running(exchange: (due: ReadonlyArray<CircuitEntry>) => Effect.Effect<void>): Effect.Effect<void> {
    const round = Effect.withFiberRuntime<void>((caller) => {
      this.news.unsafeClose()
      const now = this.breaker.now(caller)
      const due = this.due(now)
      if (due.length === 0 && !this.line.isFailing) return this.awaitDue(now)
      return Effect.zipRight(
        exchange(due),
        Effect.suspend(() => Effect.sleep(this.line.isFailing ? this.syncMillis : leastPauseMillis))
      )
    })
    return Effect.forever(round)
  }

  /**
   * Not all at once, if there are very many: the answer has to be there within the deadline. One will do to find out
   * whether there is an answer.
   */
  private due(now: number): ReadonlyArray<CircuitEntry> {
    const due: Array<CircuitEntry> = []
    const most = this.line.isFailing ? 1 : mostAtOnce
    for (const held of this.kept) {
      if (!this.breaker.circuits.holds(held)) this.kept.delete(held)
      else if (due.length < most && (this.line.isFailing || this.dueAt(held) <= now)) due.push(held)
    }
    // The others come first the next time.
    for (const held of due) {
      this.kept.delete(held)
      this.kept.add(held)
    }
    return due
  }

  private awaitDue(now: number): Effect.Effect<void> {
    let next = Infinity
    for (const held of this.kept) next = Math.min(next, this.dueAt(held))
    return next === Infinity
      ? this.news.await
      : Effect.asVoid(Effect.timeoutOption(this.news.await, next - now))
  }

  private dueAt(held: CircuitEntry): number {
    return memberOf(held).pace.dueAt(this.intervalMillis(held))
  }

  /**
   * Each answer lists all nodes that contribute, so the cost of a circuit would grow with the square of their number:
   * where there are many, each exchanges less often. But counts have to be fresh, and a node that holds a slot or the
   * circuit has to renew its lease.
   */
  intervalMillis(held: CircuitEntry): number {
    const member = memberOf(held)
    const stretched = Math.min(this.syncMillis * (member.crowd / manyNodes), this.staleMillis)
    return member.isHolder(this.node) ? this.syncMillis : Math.max(this.syncMillis, stretched)
  }
}

interface Times {
  readonly syncMillis: number
  /** After which a count is of little use. */
  readonly staleMillis: number
}

/** However much there is to tell, the store is not asked more often than this. */
const leastPauseMillis = 10

/**
 * How many circuits are asked about at a time, at most.
 *
 * @internal
 */
export const mostAtOnce = 256

const manyNodes = 50
