import type * as Exit from "effect/Exit"
import { CircuitRef } from "./circuitRef.ts"
import type { Circuit } from "../core/circuit.ts"
import type { Member } from "../fleet/member.ts"
import type { Meters, Series } from "../observe/meters.ts"
import type { Backoff } from "./openDuration.ts"

/**
 * A call that was judged a failure, `at` epoch milliseconds; a success may be, by a classifier, which may describe the
 * value in a line of text.
 *
 * @internal
 */
export interface Failed {
  readonly at: number
  readonly exit: Exit.Exit<unknown, unknown>
  readonly description: string | undefined
}

/**
 * A circuit as its breaker holds it: the `Ref` of its state, and beside it counters and a place in the order of use.
 * The counters lie outside of the state, so that a success that moves nothing allocates nothing.
 *
 * @internal
 */
export class Held extends CircuitRef {
  // What a healthy call touches comes first, so that it lies together in memory.

  /** When it was last asked for admission, in whole milliseconds, rounded up: small integers are stored in place. */
  lastUsed = 0
  /** When it was last put in its list. */
  listedAt = 0
  /** The list it is in; none once it has been dropped. */
  list: Recency | undefined = undefined
  succeeded = 0
  newer: Held | undefined = undefined
  older: Held | undefined = undefined
  failed = 0
  ignored = 0
  rejected = 0
  lastFailure: Failed | undefined = undefined
  /** The step of the backoff that its latest opening took. */
  backoff: Backoff | undefined = undefined
  /** What the fleet knows of it, where there is one. */
  member: Member | undefined = undefined
  readonly key: string
  readonly series: Series

  constructor(key: string, circuit: Circuit<unknown>, series: Series) {
    super(circuit)
    this.key = key
    this.series = series
  }
}

/**
 * Circuits in the order of their use: a list linked through the circuits themselves.
 */
class Recency {
  newest: Held | undefined = undefined
  oldest: Held | undefined = undefined

  add(held: Held): void {
    held.list = this
    held.older = this.newest
    if (this.newest === undefined) this.oldest = held
    else this.newest.newer = held
    this.newest = held
  }

  remove(held: Held): void {
    if (held.newer === undefined) this.newest = held.older
    else held.newer.older = held.older
    if (held.older === undefined) this.oldest = held.newer
    else held.older.newer = held.newer
    held.list = held.newer = held.older = undefined
  }

  *[Symbol.iterator](): Iterator<Held> {
    for (let held = this.oldest; held !== undefined; held = held.newer) yield held
  }
}

/** @internal */
export const defaultKey = "default"

/**
 * The circuits of one breaker, by key. Closed ones leave when they have been idle too long or when there are too many;
 * others leave only when there is nothing but them. Every call does a bounded part of that work: there is no sweep.
 *
 * The circuit of calls without a key is not part of that: it lives as long as its breaker.
 *
 * @internal
 */
export class Circuits<Caller> {
  private readonly initial: Circuit<unknown>
  private readonly capacity: number
  private readonly idleMillis: number
  private readonly meters: Meters
  private readonly orderMillis: number
  private readonly isClosed: (held: Held, now: number) => boolean
  private readonly onDrop: (held: Held, caller: Caller) => void
  /** Twice as many shards as a whole number of doublings has made, or fewer: the next ones are still to be split. */
  private readonly shards: Array<Map<string, Held>> = [new Map()]
  private shardMask = 1
  private readonly closed = new Recency()
  /** Time alone makes these Closed. */
  private readonly recovering = new Recency()
  private readonly others = new Recency()
  private unkeyed: Held | undefined = undefined
  private size = 0

  /** `onDrop` is told of a circuit that had to go although it was not Closed. */
  constructor(
    initial: Circuit<unknown>,
    capacity: number,
    idleMillis: number,
    meters: Meters,
    isClosed: (held: Held, now: number) => boolean,
    onDrop: (held: Held, caller: Caller) => void
  ) {
    this.initial = initial
    this.capacity = capacity
    this.idleMillis = idleMillis
    this.meters = meters
    this.orderMillis = idleMillis / 64
    this.isClosed = isClosed
    this.onDrop = onDrop
  }

  /** The circuit of calls without a key. */
  useUnkeyed(): Held {
    return this.unkeyed ?? this.makeUnkeyed()
  }

  /** The circuit of `key`, made if need be, for a call at `now`. */
  use(key: string, now: number, caller: Caller): Held {
    if (key === defaultKey) return this.useUnkeyed()
    this.dropIdle(now)
    const known = this.shard(key).get(key)
    if (known === undefined) return this.insertNew(key, now, caller)
    if (this.isIdle(known, now)) {
      this.drop(known)
      return this.insertNew(key, now, caller)
    }
    this.touch(known, now)
    return known
  }

  /**
   * Takes note that a circuit is in use. Putting it in front touches three circuits that lie anywhere in memory, which
   * among very many is most of a call's cost; there, the order of use is kept to a part of the idle time only.
   */
  touch(held: Held, now: number): void {
    const { list } = held
    if (list === undefined) return
    held.lastUsed = Math.ceil(now)
    if (list.newest === held || (this.size > exactOrderUpTo && now - held.listedAt < this.orderMillis)) return
    list.remove(held)
    this.list(held, list)
  }

  /** The circuit of `key`, if there is one that has not been idle too long: a read. */
  find(key: string, now: number): Held | undefined {
    if (key === defaultKey) return this.unkeyed
    const held = this.shard(key).get(key)
    return held === undefined || this.isIdle(held, now) ? undefined : held
  }

  *all(now: number): Iterable<Held> {
    if (this.unkeyed !== undefined) yield this.unkeyed
    for (const held of this.closed) if (!this.isIdle(held, now)) yield held
    for (const held of this.recovering) if (!this.isIdle(held, now)) yield held
    yield* this.others
  }

  /** Whether a circuit has not been dropped. */
  holds(held: Held): boolean {
    return held.list !== undefined || held === this.unkeyed
  }

  /** Whether a circuit was dropped and its key has another one by now. */
  isSuperseded(held: Held): boolean {
    return !this.holds(held) && this.shard(held.key).has(held.key)
  }

  /** Gives a circuit its next value. One that was dropped while a call was in flight comes back with the outcome. */
  set(held: Held, next: Circuit<unknown>, now: (caller: Caller) => number, caller: Caller): void {
    const isTransition = next.generation !== held.current.generation
    const previous = held.current._tag
    held.current = next
    if (isTransition && this.holds(held)) this.meters.moved(held.series, previous, next._tag)
    if (held === this.unkeyed) return
    if (held.list === undefined) {
      this.insert(held, now(caller), caller)
    } else if (isTransition) {
      held.list.remove(held)
      this.list(held, this.listOf(next))
    }
  }

  /** Every circuit, idle or not. */
  *every(): Iterable<Held> {
    if (this.unkeyed !== undefined) yield this.unkeyed
    yield* this.closed
    yield* this.recovering
    yield* this.others
  }

  private makeUnkeyed(): Held {
    this.unkeyed = this.make(defaultKey)
    this.meters.moved(this.unkeyed.series, undefined, this.initial._tag)
    return this.unkeyed
  }

  private make(key: string): Held {
    return new Held(key, this.initial, this.meters.seriesOf(key))
  }

  private insertNew(key: string, now: number, caller: Caller): Held {
    const held = this.make(key)
    this.insert(held, now, caller)
    return held
  }

  private insert(held: Held, now: number, caller: Caller): void {
    const victim = this.size < this.capacity ? undefined : this.leastNeeded()
    if (victim !== undefined) this.drop(victim)
    if (this.size >= this.shards.length * keysPerShard) this.splitShard()
    this.shard(held.key).set(held.key, held)
    this.size++
    this.meters.moved(held.series, undefined, held.current._tag)
    held.lastUsed = Math.ceil(now)
    this.list(held, this.listOf(held.current))
    // Last, because whoever hears of it may use the breaker.
    if (victim !== undefined && !this.isClosed(victim, now)) this.onDrop(victim, caller)
  }

  private leastNeeded(): Held | undefined {
    return this.closed.oldest ?? this.recovering.oldest ?? this.others.oldest
  }

  private list(held: Held, list: Recency): void {
    held.listedAt = held.lastUsed
    list.add(held)
  }

  private listOf(circuit: Circuit<unknown>): Recency {
    switch (circuit._tag) {
      case "Closed":
        return this.closed
      case "Recovering":
        return this.recovering
      default:
        return this.others
    }
  }

  // Two a call of the Closed ones: one more than a call can add.
  private dropIdle(now: number): void {
    this.dropIfIdle(this.closed.oldest, now)
    this.dropIfIdle(this.closed.oldest, now)
    this.dropIfIdle(this.recovering.oldest, now)
  }

  private dropIfIdle(held: Held | undefined, now: number): void {
    if (held !== undefined && this.isIdle(held, now)) this.drop(held)
  }

  private drop(held: Held): void {
    held.list!.remove(held)
    this.shard(held.key).delete(held.key)
    this.size--
    this.meters.moved(held.series, held.current._tag, undefined)
  }

  private isIdle(held: Held, now: number): boolean {
    return now - held.lastUsed >= this.idleMillis && this.isClosed(held, now)
  }

  /**
   * The keys are spread over small maps, because a map that grows or shrinks copies itself: with a million keys that
   * would be a pause of many milliseconds in the middle of a call. There are as many as the keys need: when they are
   * full, one of them is split into two.
   */
  private shard(key: string): Map<string, Held> {
    if (this.shards.length === 1) return this.shards[0]!
    const hash = hashOf(key)
    const index = hash & this.shardMask
    return this.shards[index < this.shards.length ? index : hash & (this.shardMask >> 1)]!
  }

  private splitShard(): void {
    const { length } = this.shards
    if (length > this.shardMask) this.shardMask = this.shardMask * 2 + 1
    const old = this.shards[length & (this.shardMask >> 1)]!
    const added = new Map<string, Held>()
    for (const [key, held] of old) {
      if ((hashOf(key) & this.shardMask) !== length) continue
      added.set(key, held)
      old.delete(key)
    }
    this.shards.push(added)
  }
}

/** At most 16 characters, from all over the key. */
const hashOf = (key: string): number => {
  let hash = key.length
  for (let i = 0, step = (key.length >> 4) + 1; i < key.length; i += step) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
  }
  return hash ^ (hash >>> 15)
}

const keysPerShard = 4096

const exactOrderUpTo = 1024
