import type { Circuit } from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { LastFailure } from "../observe/description.ts"
import type { Series } from "../observe/meters.ts"
import { CircuitRef } from "./circuitRef.ts"
import type { Backoff } from "./openDuration.ts"

/**
 * What an entry needs of the breaker that it belongs to.
 *
 * @internal
 */
export interface Owner {
  /** Whether the breaker shares its circuits with other processes. */
  readonly isShared: boolean
  /** Gives a circuit its next value and announces the transition, if it is one. */
  readonly change: (entry: CircuitEntry, next: Circuit<unknown>, caller: Caller) => void
}

/**
 * A circuit in the table of its breaker: the `Ref` of its state, and beside it counters and a place in the order of use.
 * The counters lie outside the state, so that a success that moves nothing allocates nothing.
 *
 * @internal
 */
export class CircuitEntry extends CircuitRef {
  // What a healthy call touches comes first, so that it lies together in memory.

  /** When it was last asked for admission, in whole milliseconds, rounded up: small integers are stored in place. */
  lastUsed = 0
  /** When it was last put in its list. */
  listedAt = 0
  /** The list it is in; none once it has been dropped. */
  list: RecencyList | undefined = undefined
  /** Whether calls and successes concern the coordinator. They do not while it knows that the circuit is healthy. */
  needsCoordinator = false
  succeeded = 0
  newer: CircuitEntry | undefined = undefined
  older: CircuitEntry | undefined = undefined
  readonly key: string
  readonly series: Series
  private readonly owner: Owner
  private history: History | undefined = undefined

  /** The circuits of a breaker with a coordinator begin as not known to it. */
  constructor(owner: Owner, key: string, circuit: Circuit<unknown>, series: Series) {
    super(circuit)
    this.owner = owner
    this.key = key
    this.series = series
    this.needsCoordinator = owner.isShared
  }

  get totals(): Totals {
    const { failed, ignored, rejected } = this.history ?? noHistory
    return { succeeded: this.succeeded, failed, ignored, rejected }
  }

  get lastFailure(): LastFailure | undefined {
    return this.history?.lastFailure
  }

  /** The step of the backoff that its latest opening took. */
  get backoff(): Backoff | undefined {
    return this.history?.backoff
  }

  set backoff(backoff: Backoff | undefined) {
    this.own.backoff = backoff
  }

  /** How many calls were rejected since the circuit left Closed. */
  get spared(): number {
    const { rejected, rejectedBefore } = this.history ?? noHistory
    return rejected - rejectedBefore
  }

  /** Begins to count what the circuit spares its dependency. */
  leaveClosed(): void {
    this.own.rejectedBefore = this.own.rejected
  }

  countFailure(failure: LastFailure): void {
    this.own.failed++
    this.own.lastFailure = failure
  }

  countIgnored(): void {
    this.own.ignored++
  }

  countRejection(): void {
    this.own.rejected++
  }

  protected override replace(next: Circuit<unknown>, caller: Caller): void {
    this.owner.change(this, next, caller)
  }

  private get own(): History {
    return (this.history ??= { ...noHistory })
  }
}

/**
 * How many calls ended in which way.
 *
 * @internal
 */
export interface Totals {
  readonly succeeded: number
  readonly failed: number
  readonly ignored: number
  readonly rejected: number
}

/** What a circuit has none of while all of its calls succeed. Most of a million circuits are like that. */
interface History {
  failed: number
  ignored: number
  rejected: number
  rejectedBefore: number
  lastFailure: LastFailure | undefined
  backoff: Backoff | undefined
}

const noHistory: Readonly<History> = {
  failed: 0,
  ignored: 0,
  rejected: 0,
  rejectedBefore: 0,
  lastFailure: undefined,
  backoff: undefined
}

/**
 * Circuits in the order of their use: a list linked through the entries themselves.
 *
 * @internal
 */
export class RecencyList {
  newest: CircuitEntry | undefined = undefined
  oldest: CircuitEntry | undefined = undefined

  add(entry: CircuitEntry): void {
    entry.list = this
    entry.older = this.newest
    if (this.newest === undefined) this.oldest = entry
    else this.newest.newer = entry
    this.newest = entry
  }

  remove(entry: CircuitEntry): void {
    if (entry.newer === undefined) this.newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === undefined) this.oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.list = entry.newer = entry.older = undefined
  }

  *[Symbol.iterator](): Iterator<CircuitEntry> {
    for (let entry = this.oldest; entry !== undefined; entry = entry.newer) yield entry
  }
}
