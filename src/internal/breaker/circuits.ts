import type { Circuit, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Meters } from "../observe/meters.ts"
import type { Owner } from "./circuitEntry.ts"
import { CircuitEntry, RecencyList } from "./circuitEntry.ts"

/** @internal */
export const defaultKey = "default"

interface Options {
  readonly rules: Rules<unknown>
  readonly capacity: number
  readonly idleMillis: number
  readonly meters: Meters
  readonly owner: Owner
}

/**
 * The circuits of one breaker, by key. A Closed circuit is dropped when it has been idle for too long, or when there
 * are too many circuits. Any other is dropped only if there are too many circuits and none is Closed. Each call does a
 * bounded part of this work, so there is no sweep.
 *
 * The circuit of calls without a key is never dropped.
 *
 * @internal
 */
export class Circuits {
  private readonly options: Options
  /** The circuit of a key that has not been called. */
  readonly initial: Circuit<unknown>
  private readonly reorderAfterMillis: number
  /**
   * The number of shards grows by one at a time: each split divides the next shard of the previous power of two. Shards
   * that have not been divided since the last doubling use one bit less of the hash.
   */
  private readonly shards: Array<Map<string, CircuitEntry>> = [new Map()]
  private shardMask = 1
  private readonly closed = new RecencyList()
  /** The Recovering circuits, which become Closed by the passing of time alone. */
  private readonly recovering = new RecencyList()
  private readonly others = new RecencyList()
  private unkeyed: CircuitEntry | undefined = undefined
  private size = 0
  /** A circuit that was dropped while it was not Closed, and that the breaker has not announced yet. */
  private evicted: CircuitEntry | undefined = undefined

  constructor(options: Options) {
    this.options = options
    this.initial = Machine.initial(options.rules.policy)
    this.reorderAfterMillis = options.idleMillis / 64
  }

  /** The circuit of calls without a key. */
  useUnkeyed(): CircuitEntry {
    return this.unkeyed ?? this.makeUnkeyed()
  }

  /** Finds or makes the circuit of `key` for a call at `now`, and marks it as used. */
  use(key: string, now: number): CircuitEntry {
    if (key === defaultKey) return this.useUnkeyed()
    this.dropIdle(now)
    const known = this.shard(key).get(key)
    if (known === undefined) return this.insertNew(key, now)
    if (this.isIdle(known, now)) {
      this.drop(known)
      return this.insertNew(key, now)
    }
    this.touch(known, now)
    return known
  }

  /**
   * Marks a circuit as used. Moving it to the front of its list accesses three entries all over the memory, which would
   * be most of a call's cost if there are many circuits. In that case a circuit moves only if it has not moved for a
   * fraction of the idle time, or when it would be dropped, so the order of use is approximate.
   */
  touch(entry: CircuitEntry, now: number): void {
    const { list } = entry
    if (list === undefined) return
    entry.lastUsed = Math.ceil(now)
    if (list.newest === entry) {
      entry.listedAt = entry.lastUsed
      return
    }
    if (this.size > exactOrderUpTo && now - entry.listedAt < this.reorderAfterMillis) return
    list.remove(entry)
    this.list(entry, list)
  }

  /** Reads the circuit of `key`, unless it has been idle for too long. */
  find(key: string, now: number): CircuitEntry | undefined {
    if (key === defaultKey) return this.unkeyed
    const entry = this.shard(key).get(key)
    return entry === undefined || this.isIdle(entry, now) ? undefined : entry
  }

  /** Reads all circuits that have not been idle for too long. */
  all(now: number): Array<CircuitEntry> {
    return this.every().filter((entry) => !this.isIdle(entry, now))
  }

  /** Whether a circuit has been idle for too long. That of calls without a key never is. */
  isIdle(entry: CircuitEntry, now: number): boolean {
    return (
      now - entry.lastUsed >= this.options.idleMillis && entry !== this.unkeyed && this.isClosed(entry, now)
    )
  }

  /**
   * The state of a circuit at `now`. A Closed one is known by the list of its entry, because reading the circuit
   * itself, which is elsewhere in memory, is most of the cost of visiting thousands.
   */
  tagOf(entry: CircuitEntry, now: number): Circuit<unknown>["_tag"] {
    return entry.list === this.closed ? "Closed" : Machine.at(entry.current, this.options.rules, now)._tag
  }

  /** The number of circuits, including idle ones. */
  get count(): number {
    return this.unkeyed === undefined ? this.size : this.size + 1
  }

  /** Whether a circuit has not been dropped. */
  holds(entry: CircuitEntry): boolean {
    return entry.list !== undefined || entry === this.unkeyed
  }

  /** Whether a circuit was dropped, and its key has a new circuit now. */
  isSuperseded(entry: CircuitEntry): boolean {
    return !this.holds(entry) && this.shard(entry.key).has(entry.key)
  }

  /** Replaces a circuit. A circuit that was dropped during a call is listed again when the outcome changes it. */
  set(entry: CircuitEntry, next: Circuit<unknown>, now: number): void {
    const isTransition = next.generation !== entry.current.generation
    const previous = entry.current._tag
    entry.current = next
    if (isTransition && previous === "Closed") entry.leaveClosed()
    if (isTransition && this.holds(entry)) this.options.meters.moved(entry.series, previous, next._tag)
    if (entry === this.unkeyed) return
    if (entry.list === undefined) {
      this.insert(entry, now)
    } else if (isTransition) {
      entry.list.remove(entry)
      this.list(entry, this.listOf(next))
    }
  }

  /**
   * Reads all circuits, including idle ones. The result is an array, because visiting thousands of circuits through
   * generators takes several times as long.
   */
  every(): Array<CircuitEntry> {
    const all = this.unkeyed === undefined ? [] : [this.unkeyed]
    for (const { oldest } of [this.closed, this.recovering, this.others])
      for (let entry = oldest; entry !== undefined; entry = entry.newer) all.push(entry)
    return all
  }

  /** Takes the circuit that the latest insertion had to drop while it was not Closed, if there is one. */
  takeEvicted(): CircuitEntry | undefined {
    const { evicted } = this
    this.evicted = undefined
    return evicted
  }

  private makeUnkeyed(): CircuitEntry {
    this.unkeyed = this.make(defaultKey)
    this.options.meters.moved(this.unkeyed.series, undefined, this.initial._tag)
    return this.unkeyed
  }

  private make(key: string): CircuitEntry {
    const { meters, owner } = this.options
    return new CircuitEntry(owner, key, this.initial, meters.seriesOf(key))
  }

  private insertNew(key: string, now: number): CircuitEntry {
    const entry = this.make(key)
    this.insert(entry, now)
    return entry
  }

  private insert(entry: CircuitEntry, now: number): void {
    const victim = this.size < this.options.capacity ? undefined : this.leastNeeded()
    if (victim !== undefined) this.drop(victim)
    if (this.size >= this.shards.length * keysPerShard) this.splitShard()
    this.shard(entry.key).set(entry.key, entry)
    this.size++
    this.options.meters.moved(entry.series, undefined, entry.current._tag)
    entry.lastUsed = Math.ceil(now)
    this.list(entry, this.listOf(entry.current))
    if (victim !== undefined && !this.isClosed(victim, now)) this.evicted = victim
  }

  private leastNeeded(): CircuitEntry | undefined {
    return (
      this.leastRecentlyUsed(this.closed) ??
      this.leastRecentlyUsed(this.recovering) ??
      this.leastRecentlyUsed(this.others)
    )
  }

  /** Moves the circuits that were used since they were listed, instead of dropping one of them. */
  private leastRecentlyUsed(list: RecencyList): CircuitEntry | undefined {
    for (let moved = 0; moved < mostMovesAtOnce; moved++) {
      const { oldest } = list
      if (oldest === undefined || oldest.lastUsed === oldest.listedAt) return oldest
      list.remove(oldest)
      this.list(oldest, list)
    }
    return list.oldest
  }

  private list(entry: CircuitEntry, list: RecencyList): void {
    entry.listedAt = entry.lastUsed
    list.add(entry)
  }

  private listOf(circuit: Circuit<unknown>): RecencyList {
    switch (circuit._tag) {
      case "Closed":
        return this.closed
      case "Recovering":
        return this.recovering
      default:
        return this.others
    }
  }

  // A call adds at most one circuit and may drop two Closed ones, so idle circuits cannot accumulate.
  private dropIdle(now: number): void {
    this.dropIfIdle(this.closed.oldest, now)
    this.dropIfIdle(this.closed.oldest, now)
    this.dropIfIdle(this.recovering.oldest, now)
  }

  private dropIfIdle(entry: CircuitEntry | undefined, now: number): void {
    if (entry !== undefined && this.isIdle(entry, now)) this.drop(entry)
  }

  private drop(entry: CircuitEntry): void {
    // Only listed circuits are dropped.
    entry.list!.remove(entry)
    this.shard(entry.key).delete(entry.key)
    this.size--
    this.options.meters.moved(entry.series, entry.current._tag, undefined)
  }

  private isClosed(entry: CircuitEntry, now: number): boolean {
    return this.tagOf(entry, now) === "Closed"
  }

  /**
   * Finds the map of a key. The keys are spread over small maps, because a map is copied when it grows or shrinks,
   * which with a million keys would pause a call for many milliseconds. When the maps are full, one of them is split
   * into two.
   */
  private shard(key: string): Map<string, CircuitEntry> {
    if (this.shards.length === 1) return this.shards[0]!
    const hash = hashOf(key)
    const index = hash & this.shardMask
    return this.shards[index < this.shards.length ? index : hash & (this.shardMask >> 1)]!
  }

  private splitShard(): void {
    const { length } = this.shards
    if (length > this.shardMask) this.shardMask = this.shardMask * 2 + 1
    const old = this.shards[length & (this.shardMask >> 1)]!
    const added = new Map<string, CircuitEntry>()
    for (const [key, entry] of old) {
      if ((hashOf(key) & this.shardMask) !== length) continue
      added.set(key, entry)
      old.delete(key)
    }
    this.shards.push(added)
  }
}

/** A hash of at most 16 characters, which are spread evenly over the key. */
const hashOf = (key: string): number => {
  let hash = key.length
  for (let i = 0, step = (key.length >> 4) + 1; i < key.length; i += step) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
  }
  return hash ^ (hash >>> 15)
}

const keysPerShard = 4096

/** The number of circuits up to which the order of use is exact. */
const exactOrderUpTo = 1024

/** The number of circuits that an insertion moves at most, so that it does not take long. */
const mostMovesAtOnce = 1024
