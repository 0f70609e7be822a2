import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Coordinator, Judged, Settled, Step } from "../breaker/coordinator.ts"
import { openMillisOf } from "../breaker/opening.ts"
import type { Circuit } from "../core/circuit.ts"
import type { SharedPolicy } from "../core/policies/policy.ts"
import * as Replicas from "../core/replica/replica.ts"
import { shift } from "../core/replica/shared.ts"
import { asksForSlot } from "../core/replica/asking.ts"
import { decode } from "../core/wire.ts"
import type { Caller } from "../fiber/caller.ts"
import { Claim } from "./claim.ts"
import { Exchanges } from "./exchanges.ts"
import type { Member } from "./member.ts"
import type { Fork } from "./node.ts"
import { isFault, Node } from "./node.ts"
import { Subscription } from "./subscription.ts"

/**
 * Shares a breaker's circuits with breakers of the same name in other processes. Each process runs its own circuits,
 * writes their changes to the store and follows those of others, in the background. Only the first call on a circuit and
 * a probe wait for the store, for one exchange and at most for two.
 *
 * @internal
 */
export class Fleet implements Coordinator {
  private readonly node: Node
  private readonly exchanges: Exchanges
  private readonly subscription: Subscription
  private readonly breaker: Breaker
  private readonly store: Store
  private requests = 0

  constructor(breaker: Breaker, store: Store, policy: SharedPolicy<unknown>, fork: Fork) {
    this.breaker = breaker
    this.store = store
    this.node = new Node(
      { breaker, store, policy, fork },
      {
        exchange: (member) => this.exchanges.request(member),
        scheduled: () => this.exchanges.wakeUp(),
        lost: (caller) => this.lost(caller),
        found: (caller) => this.found(caller)
      }
    )
    this.exchanges = new Exchanges(this.node)
    this.subscription = new Subscription(this.node, this.exchanges)
  }

  /** Takes part until it is interrupted. */
  get running(): Effect.Effect<void> {
    return Effect.zipRight(this.subscription.running, this.node.sound(this.exchanges.running), {
      concurrent: true
    })
  }

  end(): void {
    this.exchanges.end()
  }

  get isUncertain(): boolean {
    return this.writesThrough || this.isFailing || !this.node.isListening
  }

  get writesThrough(): boolean {
    return this.node.settings.writesThrough
  }

  /** Calls may be rejected while the store cannot be asked; they may try again as soon as it is asked again. */
  get outageMillis(): number | undefined {
    const { onStoreError, syncInterval } = this.store.coordination
    return this.isFailing && onStoreError === "reject" ? Duration.toMillis(syncInterval) : undefined
  }

  ready(entry: CircuitEntry, caller: Caller): Effect.Effect<void> | undefined {
    const member = this.node.memberOf(entry)
    if (this.isFailing || (!this.writesThrough && this.isKnown(member, caller))) return undefined
    return Effect.suspend(() => {
      if (this.writesThrough) this.node.set(member, Replicas.attended(member.replica))
      return Deferred.await(this.exchanges.read(member))
    })
  }

  requestSlot(entry: CircuitEntry, caller: Caller): Claim | undefined {
    const member = this.node.memberOf(entry)
    if (!asksForSlot(member.replica, entry.current, this.node.situation(caller))) return undefined
    const request = ++this.requests
    const claim = new Claim(this.store.coordination.deadline, ({ slot }) =>
      this.node.step(member, { _tag: "SlotAbandoned", slot }, caller)
    )
    member.claims ??= new Map()
    member.claims.set(request, claim)
    this.node.step(member, { _tag: "SlotRequested", request }, caller)
    return claim
  }

  /** Where everything is written through, that is known only after the outcome has been written. */
  judged(entry: CircuitEntry, circuit: Circuit<unknown>, caller: Caller): Judged | undefined {
    const isCounted = circuit._tag === "Closed" || circuit._tag === "Recovering"
    return isCounted && this.writesThrough
      ? undefined
      : Replicas.merged(this.node.memberOf(entry).replica, circuit, this.node.situation(caller))
  }

  after(entry: CircuitEntry, step: Step, caller: Caller): Effect.Effect<void> | undefined {
    const member = this.node.memberOf(entry)
    switch (step._tag) {
      case "Settled": {
        const openMillis = this.openMillisAfter(entry, step, caller)
        this.node.step(member, { ...step, openMillis }, caller)
        return this.writesThrough ? this.writtenThrough(member) : undefined
      }
      case "Opened":
        this.node.step(member, step, caller)
        return undefined
      case "Controlled":
        this.node.step(member, step, caller)
        // The change is written even if the fiber that waits for it is interrupted.
        return this.node.written(member)
    }
  }

  /** Reads a circuit of the others, in this breaker's time, without taking part in it. */
  peek(key: string): Effect.Effect<Circuit<unknown> | undefined> {
    if (this.isFailing) return Effect.succeed(undefined)
    const { connection, settings } = this.node
    return Effect.match(connection.ask(this.store.exchange([this.node.reading(key)])), {
      onFailure: () => undefined,
      onSuccess: ([entry]) => {
        if (entry === undefined || isFault(entry)) return undefined
        const read = decode(entry.state ?? "", { ...settings, now: entry.now })
        return read._tag === "State" ? shift(read.state.circuit, -connection.link.ahead) : undefined
      }
    })
  }

  private get isFailing(): boolean {
    return this.node.connection.link.isFailing
  }

  private isKnown({ answeredAt, isFaulty }: Member, caller: Caller): boolean {
    // Without the subscription, an answer is valid for one interval, as it is for circuits that are exchanged.
    return this.node.isListening && !isFaulty
      ? answeredAt > -Infinity
      : this.breaker.now(caller) - answeredAt < this.node.settings.syncMillis
  }

  /** Writes an outcome to the store before its call returns. While changes are on their way, nothing is reported. */
  private writtenThrough(member: Member): Effect.Effect<void> {
    const reported = Effect.suspend(() =>
      this.isFailing ? Effect.void : Deferred.await(this.exchanges.request(member))
    )
    return this.node
      .written(member)
      .pipe(Effect.zipRight(reported), Effect.zipRight(this.node.written(member)))
  }

  /** How long the fleet's opening lasts if a probe opens it: as long as that of this node, if it has opened. */
  private openMillisAfter(entry: CircuitEntry, { before, outcome }: Settled, caller: Caller): number {
    const { current } = entry
    if (before._tag !== "HalfOpen") return 0
    return current._tag === "Open"
      ? current.openMillis
      : openMillisOf(this.breaker, entry, { openings: before.openings + 1, outcome }, caller)
  }

  private lost(caller: Caller): void {
    for (const member of this.node.schedule.members) this.node.step(member, { _tag: "StoreLost" }, caller)
    this.exchanges.wakeUp()
  }

  /** Changes were heard in the meantime, unless the subscription was lost, too. */
  private found(caller: Caller): void {
    if (!this.node.isListening) this.node.forget(caller)
    for (const member of this.node.schedule.members) this.node.step(member, { _tag: "Hurried" }, caller)
  }
}
