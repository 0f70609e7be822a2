import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Coordinator, Decided, Merged, Settled, Step } from "../breaker/coordinator.ts"
import { openMillisOf } from "../breaker/opening.ts"
import type { Circuit } from "../core/circuit.ts"
import type { SharedPolicy } from "../core/policies/policy.ts"
import * as Activities from "../core/replica/activity.ts"
import * as Replicas from "../core/replica/replica.ts"
import { asksForSlot } from "../core/replica/asking.ts"
import { asksFirst, storeLost, storeRecovered } from "../core/replica/freshness.ts"
import { readOnly } from "../core/replica/reading.ts"
import type { Caller, Restore } from "../fiber/caller.ts"
import type { Admitting } from "./admission.ts"
import { decide } from "./admission.ts"
import { Claim } from "./claim.ts"
import { Exchanges } from "./exchanges.ts"
import type { LocalReplica } from "./localReplica.ts"
import type { Fork } from "./node.ts"
import { Node } from "./node.ts"
import { Reads } from "./reads.ts"
import { Subscription } from "./subscription.ts"

/**
 * Shares a breaker's circuits with breakers of the same name in other processes. Each process runs its own circuits,
 * writes their changes to the store and follows those of others, in the background. While notifications arrive, only the
 * first call on a circuit and a probe wait for the store: the former for one request, the latter for two at most. Without
 * notifications, a call waits once per interval; under write-through, every call waits; and a control waits for its write.
 *
 * @internal
 */
export class Fleet implements Coordinator, Admitting {
  private readonly node: Node
  private readonly exchanges: Exchanges
  private readonly reads: Reads
  private readonly subscription: Subscription
  readonly breaker: Breaker
  private readonly store: Store
  /** The number of the latest slot request. */
  private lastRequest = 0

  constructor(breaker: Breaker, store: Store, policy: SharedPolicy<unknown>, fork: Fork) {
    this.breaker = breaker
    this.store = store
    this.node = new Node(
      { breaker, store, policy, fork },
      {
        exchange: (local) => this.exchanges.request(local),
        scheduled: () => this.exchanges.wakeUp(),
        lost: (caller) => this.storeFailed(caller),
        found: (caller) => this.node.react(storeRecovered(this.node.isListening), caller)
      }
    )
    this.exchanges = new Exchanges(this.node)
    this.reads = new Reads(this.node)
    this.subscription = new Subscription(this.node, this.exchanges)
  }

  /** Shares the circuits until it is interrupted. */
  get running(): Effect.Effect<void> {
    return Effect.zipRight(this.subscription.running, this.exchanges.running, {
      concurrent: true
    })
  }

  end(): void {
    this.exchanges.end()
    this.reads.end()
    this.node.connection.end()
  }

  get isUncertain(): boolean {
    return this.writesThrough || this.isFailing || !this.node.isListening
  }

  get writesThrough(): boolean {
    return this.node.settings.writesThrough
  }

  /** While the store fails, `onStoreError` may reject calls; they may retry when the store is asked again. */
  get outageMillis(): number | undefined {
    const { onStoreError, syncInterval } = this.store.coordination
    return this.isFailing && onStoreError === "reject" ? Duration.toMillis(syncInterval) : undefined
  }

  ready(entry: CircuitEntry, caller: Caller): Effect.Effect<void> | undefined {
    const local = this.node.replicaOf(entry)
    if (!asksFirst(local, this.node.situation(caller))) return undefined
    return Effect.async((resume) => {
      if (this.writesThrough) this.node.set(local, Activities.startExchanging(local.replica))
      this.exchanges.read(local).add(resume)
    })
  }

  decide(key: string | undefined, caller: Caller, restore: Restore): Effect.Effect<Decided> {
    return decide(this, key, caller, restore)
  }

  requestSlot(entry: CircuitEntry, caller: Caller): Claim | undefined {
    const local = this.node.replicaOf(entry)
    if (!asksForSlot(local.replica, entry.current, this.node.situation(caller))) return undefined
    const request = ++this.lastRequest
    const claim = new Claim(this.store.coordination.deadline, ({ slot }) =>
      this.node.step(local, { _tag: "SlotAbandoned", slot }, caller)
    )
    local.claims ??= new Map()
    local.claims.set(request, claim)
    this.node.step(local, { _tag: "SlotRequested", request }, caller)
    return claim
  }

  merged(entry: CircuitEntry, circuit: Circuit<unknown>, caller: Caller): Merged {
    return Replicas.merged(this.node.replicaOf(entry).replica, circuit, this.node.situation(caller))
  }

  after(entry: CircuitEntry, step: Step, caller: Caller): Effect.Effect<void> | undefined {
    const local = this.node.replicaOf(entry)
    switch (step._tag) {
      case "Settled": {
        const openMillis = this.openMillisAfter(entry, step, caller)
        this.node.step(local, { ...step, openMillis }, caller)
        return this.writesThrough ? this.writtenThrough(local) : undefined
      }
      case "Opened":
        this.node.step(local, step, caller)
        return undefined
      case "Controlled":
        this.node.step(local, step, caller)
        // The change is written even if the fiber that waits for it is interrupted.
        return this.node.written(local)
    }
  }

  /** Reads a shared circuit that this node does not hold, in this breaker's time. */
  peek(key: string): Effect.Effect<Merged | undefined> {
    if (this.isFailing) return Effect.succeed(undefined)
    return Effect.withFiberRuntime((caller) =>
      Effect.map(this.reads.entryOf(key), (entry) => entry && readOnly(entry, this.node.situation(caller)))
    )
  }

  get isFailing(): boolean {
    return this.node.connection.link.isFailing
  }

  /**
   * Reports an outcome to the store before its call returns. Nothing can be reported while changes are being written.
   */
  private writtenThrough(local: LocalReplica): Effect.Effect<void> {
    const reported = Effect.suspend(() => (this.isFailing ? Effect.void : this.exchanges.request(local).end))
    return this.node.written(local).pipe(Effect.zipRight(reported), Effect.zipRight(this.node.written(local)))
  }

  /** The duration of the opening if a probe reopens the circuit: that of this node's own circuit if it has reopened. */
  private openMillisAfter(entry: CircuitEntry, { before, outcome }: Settled, caller: Caller): number {
    const { current } = entry
    if (before._tag !== "HalfOpen") return 0
    return current._tag === "Open"
      ? current.openMillis
      : openMillisOf(this.breaker, entry, { openings: before.openings + 1, outcome }, caller)
  }

  private storeFailed(caller: Caller): void {
    this.node.react(storeLost, caller)
    this.exchanges.wakeUp()
  }
}
