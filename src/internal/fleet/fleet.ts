import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import type { Change, Entry, ExchangeRequest, Store } from "../../CircuitStore.ts"
import * as Outcome from "../../Outcome.ts"
import { CircuitStoreError } from "../../CircuitStore.ts"
import { announceStore } from "../announce.ts"
import type { Breaker } from "../breaker.ts"
import type { Caller } from "../caller.ts"
import type { Held } from "../circuits.ts"
import type { Circuit, Decision, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Call } from "../core/policy.ts"
import type { Contribution, SharedPolicy } from "../core/share.ts"
import { Claim } from "./claim.ts"
import { Member } from "./member.ts"
import type { Shared } from "./record.ts"
import * as Record from "./record.ts"
import type { Step } from "./steps.ts"
import * as Steps from "./steps.ts"

/**
 * A breaker among others of its name on a store. Its circuits are its own, as ever: what they go through is told to the
 * store, and what others go through is taken over from there, in the background. Only the first call on a circuit and a
 * probe wait for the store.
 *
 * @internal
 */
export class Fleet {
  private readonly active = new Set<Held>()
  private readonly wakeUp = Effect.unsafeMakeLatch(false)
  private readonly leaseMillis: number
  private writes = 0
  /** By how much the store's clock is ahead of the breaker's. */
  private ahead = 0
  private shortestRoundTrip = Infinity
  private isFailing = false
  private readonly breaker: Breaker
  private readonly store: Store
  private readonly policy: SharedPolicy<unknown>
  private readonly policyName: string
  private readonly fork: (effect: Effect.Effect<void>) => void

  constructor(
    breaker: Breaker,
    store: Store,
    policy: SharedPolicy<unknown>,
    policyName: string,
    fork: (effect: Effect.Effect<void>) => void
  ) {
    this.breaker = breaker
    this.store = store
    this.policy = policy
    this.policyName = policyName
    this.fork = fork
    this.leaseMillis = Duration.toMillis(store.coordination.lease)
  }

  // -------------------------------------------------------------------------------------------------------
  // On the way of a call

  /** What a call waits for before it asks for admission: nothing, if its circuit is known. */
  beforeCall(held: Held): Effect.Effect<void> | undefined {
    const { isKnown } = this.memberOf(held)
    if (this.isFailing || (isKnown && !this.isWrittenThrough)) return undefined
    return Effect.suspend(() => Deferred.await(this.read(held)))
  }

  // Calls that come together read once.
  private read(held: Held): Deferred.Deferred<void> {
    const member = this.memberOf(held)
    if (member.reading !== undefined) return member.reading
    const reading = Deferred.unsafeMake<void>(FiberId.none)
    member.reading = reading
    this.fork(
      Effect.ensuring(
        this.exchange([held]),
        Effect.sync(() => {
          member.reading = undefined
          Deferred.unsafeDone(reading, Effect.void)
        })
      )
    )
    return reading
  }

  get isWrittenThrough(): boolean {
    return this.store.coordination.sync === "write-through"
  }

  /** What a call waits for after its outcome, where everything is written through. */
  afterCall(held: Held): Effect.Effect<void> {
    return Effect.suspend(() => (this.isFailing ? Effect.void : this.exchange([held])))
  }

  /** Whether calls are turned away because the store cannot be asked. */
  get turnsAway(): boolean {
    return this.isFailing && this.store.coordination.onStoreError === "reject"
  }

  /** When a call that was turned away may try again: the store is asked that often. */
  get retryMillis(): number {
    return Duration.toMillis(this.store.coordination.syncInterval)
  }

  /** Why a circuit has to open, if it has to: by what all nodes count together. */
  trips(held: Held, circuit: Circuit<unknown>, now: number): ReturnType<typeof Machine.trips> {
    return Machine.trips(this.merged(held, circuit, now), this.breaker.settings.rules, now)
  }

  /** Tells of an outcome that a circuit has taken in, which was `before`. */
  settled(
    held: Held,
    before: Circuit<unknown>,
    { slot }: Ticket,
    call: Call,
    outcome: Outcome.Outcome,
    caller: Caller
  ): void {
    if (before._tag === "HalfOpen") {
      const openMillis = this.breaker.openMillis(before.openings + 1, outcome, caller)
      return this.probed(held, slot, call, openMillis)
    }
    const isWorthTelling =
      outcome._tag === "Failure" ||
      (this.policy.measuresElapsed &&
        Machine.counts(held.current, this.breaker.settings.rules, call.at).slow > 0)
    if (!isWorthTelling) return
    const member = this.memberOf(held)
    member.announces ||= !member.isWarm
    member.isWarm = true
    this.sync(held)
  }

  /**
   * Asks for a place among the probes, which are those of all nodes. Nothing where the node has to decide for itself.
   */
  claim(held: Held, caller: Caller): Claim | undefined {
    const { rules } = this.breaker.settings
    const now = this.breaker.now(caller)
    if (this.isFailing || this.memberOf(held).isAlone) return undefined
    if (Machine.at(held.current, rules, now)._tag !== "HalfOpen") return undefined
    const claim = new Claim(({ slot }) => this.probed(held, slot, abandoned, 0))
    let decision: Decision | undefined
    const taken = this.update(held, (shared, now) => {
      const [made, circuit] = Machine.admit(shared.circuit, rules, now)
      decision = made
      if (circuit === shared.circuit) return undefined
      return made._tag === "Admitted"
        ? { ...shared, circuit, probers: { ...shared.probers, [made.ticket.slot]: this.breaker.node } }
        : { ...shared, circuit }
    })
    this.fork(
      Effect.map(taken, (isDone) =>
        // The slot is the shared one, the generation this node's own.
        claim.answer(isDone && decision !== undefined ? ownTicket(decision, held) : undefined)
      )
    )
    return claim
  }

  /** Tells how a probe ended. */
  private probed(held: Held, slot: number, call: Call, openMillis: number): void {
    const { rules } = this.breaker.settings
    this.push(held, (shared, now) => {
      const { circuit } = shared
      const ticket: Ticket = { generation: circuit.generation, slot }
      if (circuit._tag !== "HalfOpen" || !Machine.lands(circuit, rules, ticket, now)) return undefined
      const settled = Machine.settle(circuit, rules, ticket, { ...call, at: now })
      return Machine.trips(settled, rules, now) === undefined
        ? { ...shared, circuit: settled }
        : Steps.open({ ...shared, circuit: settled }, "ProbeFailed", openMillis, now)
    })
  }

  /** Tells that this node has tripped. */
  tripped(held: Held, now: number): void {
    const circuit = held.current
    if (circuit._tag !== "Open") return
    const member = this.memberOf(held)
    if (this.failingNodes(held, now) < this.store.coordination.quorum) {
      member.isAlone = true
      return
    }
    this.push(held, (shared, now) =>
      shared.circuit._tag === "Closed" || shared.circuit._tag === "Recovering"
        ? Steps.open(shared, "Tripped", circuit.openMillis, now)
        : undefined
    )
  }

  /** Tells of a control by hand, and waits until the others can know it. */
  controlled(held: Held, step: Step): Effect.Effect<void> {
    this.memberOf(held).isAlone = false
    return Effect.asVoid(this.update(held, step))
  }

  // -------------------------------------------------------------------------------------------------------
  // Changing what is shared

  /** Makes a change in the background. */
  private push(held: Held, step: Step): void {
    this.fork(Effect.asVoid(this.update(held, step)))
  }

  /**
   * Makes a change to what the store keeps, again and again until nobody comes in between, and takes the result over.
   * Answers whether the store could be asked.
   */
  private update(held: Held, step: Step): Effect.Effect<boolean> {
    const member = this.memberOf(held)
    return Effect.withFiberRuntime<ReadonlyArray<Entry>, CircuitStoreError>((caller) => {
      member.pending++
      this.sync(held)
      return this.ask(this.store.exchange([this.requestFor(held, this.breaker.now(caller))]))
    }).pipe(
      Effect.flatMap(([entry]) => this.change(held, step, entry!)),
      Effect.zipRight(Effect.succeed(true)),
      Effect.catchAll(() => {
        member.hasDiverged = true
        return Effect.succeed(false)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          member.pending--
        })
      )
    )
  }

  private change(held: Held, step: Step, entry: Entry): Effect.Effect<void, CircuitStoreError> {
    return Effect.suspend(() => {
      const { rules } = this.breaker.settings
      const kept = this.decode(entry)
      const before = Record.current(kept, rules, entry.contributions, entry.now, this.leaseMillis)
      const after = step(before, entry.now)
      if (after === undefined) return this.takingOver(held, kept, entry)
      const revision = `${this.breaker.node}-${++this.writes}`
      const write = {
        circuit: this.idOf(held),
        expected: entry.revision,
        revision,
        state: Record.encode(after, this.policyName),
        keepMillis: this.keepMillis(held)
      }
      return Effect.flatMap(this.ask(this.store.compareAndSet(write)), (entry) =>
        entry.revision === revision ? this.takingOver(held, after, entry) : this.change(held, step, entry)
      )
    })
  }

  private takingOver(held: Held, shared: Shared, entry: Entry): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) =>
      Effect.succeed(this.takeOver(held, shared, entry.revision, caller))
    )
  }

  /** Makes the node's own circuit what the shared one is. */
  private takeOver(held: Held, shared: Shared, revision: string, caller: Caller): void {
    const member = this.memberOf(held)
    member.isKnown = true
    member.hasDiverged = false
    if (revision === member.revision) return
    const here = held.current
    const there = Record.shift(shared.circuit, -this.ahead)
    const isSame =
      here._tag === there._tag && (shared.circuit.generation === member.generation || member.pending > 0)
    member.revision = revision
    member.generation = shared.circuit.generation
    if (member.isAlone && there._tag === "Closed") return
    member.isAlone = false
    if (isSame && (there._tag === "Closed" || there._tag === "Recovering")) return
    const generation = isSame ? here.generation : here.generation + 1
    const since = here._tag === "Isolated" && isSame ? here.since : generation
    const next = there._tag === "Isolated" ? { ...there, generation, since } : { ...there, generation }
    this.breaker.move(held, next, caller, shared.reason)
    this.sync(held)
  }

  // -------------------------------------------------------------------------------------------------------
  // In the background

  /** Keeps in touch with the others until it is interrupted. */
  get keepingInTouch(): Effect.Effect<void> {
    return Effect.zipRight(this.listening, this.syncing, { concurrent: true })
  }

  private get syncing(): Effect.Effect<never> {
    const { syncInterval } = this.store.coordination
    return Effect.suspend(() => {
      const isIdle = this.active.size === 0 && !this.isFailing
      const pause = isIdle ? this.wakeUp.await : Effect.timeoutOption(this.wakeUp.await, syncInterval)
      return Effect.zipRight(pause, Effect.zipRight(this.wakeUp.close, this.syncAll))
    }).pipe(Effect.forever)
  }

  private get syncAll(): Effect.Effect<void> {
    return Effect.suspend(() => this.exchange([...this.active]))
  }

  private get listening(): Effect.Effect<void> {
    const { name } = this.breaker.settings
    const { syncInterval } = this.store.coordination
    return Effect.suspend(() => {
      // What was missed until now has to be asked for.
      for (const held of this.breaker.circuits.every()) this.memberOf(held).isKnown = false
      return Stream.runForEach(this.store.changes(name), (change) => this.heard(change))
    }).pipe(Effect.ignore, Effect.zipRight(Effect.sleep(syncInterval)), Effect.forever)
  }

  private heard(change: Change): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const held = this.breaker.circuits.find(change.key, this.breaker.now(caller))
      if (held === undefined) return Effect.void
      if (change._tag === "Failing") {
        this.memberOf(held).isWarm = true
        this.sync(held)
      } else if (change.revision !== this.memberOf(held).revision && this.memberOf(held).pending === 0) {
        const kept = this.decode(change)
        this.takeOver(held, kept, change.revision, caller)
      }
      return Effect.void
    })
  }

  private sync(held: Held): void {
    if (!this.active.has(held) || this.memberOf(held).announces) this.wakeUp.unsafeOpen()
    this.active.add(held)
  }

  /** Contributes to circuits and takes in how they stand. Never fails: that the store cannot be asked is noted. */
  private exchange(all: ReadonlyArray<Held>): Effect.Effect<void> {
    return Effect.withFiberRuntime<ReadonlyArray<Entry>, CircuitStoreError>((caller) => {
      const now = this.breaker.now(caller)
      return this.ask(this.store.exchange(all.map((held) => this.requestFor(held, now))))
    }).pipe(
      Effect.flatMap((entries) =>
        Effect.withFiberRuntime<void>((caller) => {
          entries.forEach((entry, i) => this.takeIn(all[i]!, entry, caller))
          return Effect.void
        })
      ),
      Effect.ignore
    )
  }

  private requestFor(held: Held, now: number): ExchangeRequest {
    const member = this.memberOf(held)
    const announce = member.announces
    member.announces = false
    return {
      circuit: this.idOf(held),
      node: this.breaker.node,
      contribution: this.active.has(held) ? this.contributionOf(held, now) : undefined,
      announce,
      keepMillis: this.keepMillis(held)
    }
  }

  private takeIn(held: Held, entry: Entry, caller: Caller): void {
    const member = this.memberOf(held)
    const { rules } = this.breaker.settings
    const fresh = entry.contributions.filter(
      ({ at, node }) => node !== this.breaker.node && entry.now - at < this.keepMillis(held)
    )
    member.others = fresh.flatMap(({ value }) => this.decodeContribution(value))
    member.isKnown = true
    const kept = this.decode(entry)
    const now = this.breaker.now(caller)
    const here = Machine.at(held.current, rules, now)
    const isLost = kept.circuit.generation < member.generation
    if (
      here._tag !== "Closed" &&
      (isLost || member.hasDiverged) &&
      (isLost || entry.revision === member.revision)
    ) {
      this.restore(held)
    } else if (member.pending === 0 && entry.revision !== member.revision) {
      this.takeOver(
        held,
        Record.current(kept, rules, entry.contributions, entry.now, this.leaseMillis),
        entry.revision,
        caller
      )
    }
    if (held.current._tag === "Closed" || held.current._tag === "Recovering") {
      const reason = this.trips(held, held.current, now)
      if (reason !== undefined) this.breaker.open(held, reason, undefined, caller, now)
    }
    this.rest(held, now)
  }

  /** A circuit that nobody sees failing, and of which this node holds nothing, costs the store nothing. */
  private rest(held: Held, now: number): void {
    const member = this.memberOf(held)
    const circuit = Machine.at(held.current, this.breaker.settings.rules, now)
    if (circuit._tag !== "Closed" || member.pending > 0 || member.hasDiverged) return
    const { failures, slow } = Machine.counts(
      this.merged(held, circuit, now),
      this.breaker.settings.rules,
      now
    )
    if (failures + slow > 0) return
    member.isWarm = false
    member.others = []
    this.active.delete(held)
  }

  /** Gives back to the store what it has lost, or never got: this node's circuit as it stands. */
  private restore(held: Held): void {
    const circuit = held.current
    this.push(held, (shared) => ({
      ...shared,
      circuit: {
        ...Record.shift(circuit, this.ahead),
        generation: Math.max(shared.circuit.generation, this.memberOf(held).generation) + 1
      }
    }))
  }

  // -------------------------------------------------------------------------------------------------------
  // The store

  private ask<A extends Entry | ReadonlyArray<Entry>>(
    question: Effect.Effect<A, CircuitStoreError>
  ): Effect.Effect<A, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const sentAt = this.breaker.now(caller)
      return question.pipe(
        Effect.timeoutFail({
          duration: this.store.coordination.deadline,
          onTimeout: () => new CircuitStoreError({ message: "no answer within the deadline" })
        }),
        Effect.tapBoth({
          onFailure: (error) => Effect.sync(() => this.failed(error, caller)),
          onSuccess: (answer) => Effect.sync(() => this.answered(answer, sentAt, caller))
        })
      )
    })
  }

  private answered(answer: Entry | ReadonlyArray<Entry>, sentAt: number, caller: Caller): void {
    const entry = Array.isArray(answer) ? answer[0] : answer
    const now = this.breaker.now(caller)
    const roundTrip = now - sentAt
    // The quickest answer tells the time best; what it told wears out.
    if (entry !== undefined && roundTrip <= this.shortestRoundTrip) {
      this.shortestRoundTrip = roundTrip
      this.ahead = entry.now - (sentAt + now) / 2
    } else {
      this.shortestRoundTrip = this.shortestRoundTrip * 1.1 + 0.1
    }
    if (!this.isFailing) return
    this.isFailing = false
    for (const held of this.breaker.circuits.every()) this.memberOf(held).isKnown = false
    announceStore(caller, this.breaker.settings.name, undefined)
  }

  private failed(error: CircuitStoreError, caller: Caller): void {
    if (this.isFailing) return
    this.isFailing = true
    for (const held of this.active) this.memberOf(held).others = []
    this.wakeUp.unsafeOpen()
    announceStore(caller, this.breaker.settings.name, error)
  }

  private decode({ state }: { readonly state: string }): Shared {
    const { policy } = this.breaker.settings.rules
    return Record.decode(state, this.policyName, policy.initial) ?? this.nothing
  }

  private get nothing(): Shared {
    const { policy } = this.breaker.settings.rules
    return { circuit: Machine.initial(policy), reason: "Manual", probers: {}, keepers: {} }
  }

  private memberOf(held: Held): Member {
    return (held.member ??= new Member())
  }

  private idOf(held: Held) {
    return { breaker: this.breaker.settings.name, key: held.key }
  }

  /** Outlives the window, the opening, and the time after which the backoff starts over. */
  private keepMillis(held: Held): number {
    const { idleMillis, rules } = this.breaker.settings
    const { openMillis } = held.current
    return Math.min(idleMillis, dayMillis) + 3 * openMillis + rules.probeTimeoutMillis
  }

  private contributionOf(held: Held, now: number): string {
    const circuit = held.current
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? JSON.stringify([this.policyName, this.policy.contribution(circuit.window, now, this.ahead)])
      : "[]"
  }

  private decodeContribution(value: string): ReadonlyArray<Contribution> {
    const [policy, contribution] = JSON.parse(value)
    return policy === this.policyName ? [contribution] : []
  }

  /** The circuit with the window of all nodes. */
  private merged(held: Held, circuit: Circuit<unknown>, now: number): Circuit<unknown> {
    const { others } = this.memberOf(held)
    return others.length > 0 && (circuit._tag === "Closed" || circuit._tag === "Recovering")
      ? { ...circuit, window: this.policy.merge(circuit.window, others, now, this.ahead) }
      : circuit
  }

  private failingNodes(held: Held, now: number): number {
    const sees = (contribution: Contribution) => {
      const { failures, slow } = this.policy.counts(
        this.policy.merge(this.policy.initial, [contribution], now, this.ahead),
        now
      )
      return failures + slow > 0
    }
    return 1 + this.memberOf(held).others.filter(sees).length
  }
}

const abandoned: Call = { outcome: Outcome.ignored, interrupted: true, at: 0, elapsedMillis: 0 }

const ownTicket = (decision: Decision, held: Held): Decision =>
  decision._tag === "Admitted"
    ? { ...decision, ticket: { ...decision.ticket, generation: held.current.generation } }
    : decision

const dayMillis = 86_400_000
