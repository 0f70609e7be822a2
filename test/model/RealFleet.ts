/** Breakers of one name on one store, driven like a single one: each command goes to the node that is chosen. */
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { CircuitStore } from "effect-circuit-breaker"
import type { CallForm, Key } from "./Command.ts"
import { RealBreaker, type RealCall } from "./RealBreaker.ts"
import type { Setup } from "./Setup.ts"
import type { ManualClock } from "../kit/ManualClock.ts"
import type { World } from "./World.ts"

export class RealFleet {
  readonly nodes: ReadonlyArray<RealBreaker>
  readonly clock: ManualClock
  /** The keys that each node has used. */
  readonly used: ReadonlyArray<Set<Key>>
  chosen = 0
  private readonly world: World
  private readonly owners = new Map<RealCall | Scope.CloseableScope, number>()

  /** The nodes begin one after the other, `apart` milliseconds between them. */
  constructor(
    setup: Setup,
    keys: ReadonlyArray<Key>,
    world: World,
    stores: ReadonlyArray<CircuitStore.Store>,
    apart: number
  ) {
    this.world = world
    this.clock = world.clock
    this.used = stores.map(() => new Set<Key>())
    this.nodes = stores.map((store) => {
      this.advance(apart)
      return new RealBreaker(setup, keys, world, store)
    })
  }

  start(key: Key, how: CallForm, atOnce?: Exit.Exit<unknown, unknown>): RealCall {
    const call = this.use(key).start(key, how, atOnce)
    this.owners.set(call, this.chosen)
    return call
  }

  trip(key: Key): void {
    this.use(key).trip(key)
  }

  reset(key: Key): void {
    this.use(key).reset(key)
  }

  isolate(key: Key): Scope.CloseableScope {
    return this.owned(this.use(key).isolate(key))
  }

  disable(key: Key): Scope.CloseableScope {
    return this.owned(this.use(key).disable(key))
  }

  private owned(hold: Scope.CloseableScope): Scope.CloseableScope {
    this.owners.set(hold, this.chosen)
    return hold
  }

  /** By the node that holds it, whichever is chosen. */
  release(hold: Scope.CloseableScope): void {
    this.nodes[this.nodeOf(hold)]?.release(hold)
  }

  get place(): number {
    return this.chosen % this.nodes.length
  }

  nodeOf(started: RealCall | Scope.CloseableScope): number {
    return this.owners.get(started) ?? 0
  }

  /** Whatever the nodes do by themselves in the meantime is done in time. */
  advance(millis: number): void {
    const until = this.clock.monotonicMillis + millis
    while (this.clock.ringNext(until)) this.settleDown()
    this.clock.advance(until - this.clock.monotonicMillis)
  }

  settleDown(): void {
    this.world.settleDown()
  }

  close(): void {
    for (const node of this.nodes) node.close()
  }

  private use(key: Key): RealBreaker {
    const node = this.nodes[this.chosen % this.nodes.length]
    if (node === undefined) throw new Error("a fleet has at least one node")
    this.used[this.chosen % this.nodes.length]?.add(key)
    return node
  }
}
