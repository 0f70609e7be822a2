import type { Circuit } from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { LastFailure } from "../observe/description.ts"
import type { Series } from "../observe/meters.ts"
import { CircuitRef } from "./circuitRef.ts"
import type { Backoff } from "./openDuration.ts"

/**
 * The part of a breaker that its entries use.
 *
 * @internal
 */
export interface Owner {
  /** Whether the breaker shares its circuits with other processes. */
  readonly isShared: boolean
  /** Replaces a circuit, and announces the transition if there is one. */
  readonly change: (entry: CircuitEntry, next: Circuit<unknown>, caller: Caller) => void
}

/**
 * A circuit in the table of its breaker: the `Ref` of its state, its counters, and its position in the order of use.
 * The counters are not part of the state, so that a success that changes no state allocates nothing.
 *
 * @internal
 */
export class CircuitEntry extends CircuitRef {
  // The properties that a healthy call uses come first, so that they are adjacent in memory.

  /**
   * When a call or control last used it, rounded up to whole milliseconds, because V8 stores small integers in place.
   */
  lastUsed = 0
  /** When it was last moved to the front of its list. */
  listedAt = 0
  /** The list that it is in; `undefined` for the circuit of calls without a key, and for a dropped circuit. */
  list: RecencyList | undefined = undefined
  /** Whether calls need the coordinator. They do not while the circuit is known to be healthy on all nodes. */
  needsCoordinator = false
  succeeded = 0
  newer: CircuitEntry | undefined = undefined
  older: CircuitEntry | undefined = undefined
  readonly key: string
  readonly series: Series
  private readonly owner: Owner
  private recorded: History | undefined = undefined

  /** With a coordinator, a new circuit needs it, because the state of the circuit elsewhere is not known yet. */
  constructor(owner: Owner, key: string, circuit: Circuit<unknown>, series: Series) {
    super(circuit)
    this.owner = owner
    this.key = key
    this.series = series
    this.needsCoordinator = owner.isShared
  }

  get totals(): Totals {
    const { failed, ignored, rejected } = this.recorded ?? noHistory
    return { succeeded: this.succeeded, failed, ignored, rejected }
  }

  /** The number of failed calls. */
  get failures(): number {
    return this.recorded?.failed ?? 0
  }

  get lastFailure(): LastFailure | undefined {
    return this.recorded?.lastFailure
  }

  /** The step of the `openDuration` schedule that the latest opening took. */
  get backoff(): Backoff | undefined {
    return this.recorded?.backoff
  }

  /** The number of calls that were rejected since the circuit left Closed. */
  get rejectedSinceClosed(): number {
    const { rejected, rejectedBefore } = this.recorded ?? noHistory
    return rejected - rejectedBefore
  }

  /** Starts counting {@link rejectedSinceClosed} from zero. */
  leaveClosed(): void {
    this.history.rejectedBefore = this.history.rejected
  }

  /** The history, to be changed. */
  get history(): History {
    return (this.recorded ??= { ...noHistory })
  }

  protected override replace(next: Circuit<unknown>, caller: Caller): void {
    this.owner.change(this, next, caller)
  }
}

/**
 * The numbers of calls by outcome, and of rejected calls.
 *
 * @internal
 */
export interface Totals {
  readonly succeeded: number
  readonly failed: number
  readonly ignored: number
  readonly rejected: number
}

/**
 * The data that a circuit does not have while all of its calls succeed. It is allocated late, to save memory.
 *
 * @internal
 */
export interface History {
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
 * A list of circuits in the order of their use, linked through the entries themselves.
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
}
