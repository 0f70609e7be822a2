import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Hash from "effect/Hash"
import * as Stream from "effect/Stream"
import type { Change, Entry, ExchangeRequest, Store } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../../CircuitStore.ts"
import * as Outcome from "../../Outcome.ts"
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
 * probe wait for the store, and never longer than its deadline.
 *
 * @internal
 */
export class Fleet {
  /** Who this is among the breakers of its name. */
  readonly node = globalThis.crypto.randomUUID()
  private readonly breaker: Breaker
  private readonly store: Store
  private readonly policy: SharedPolicy<unknown>
  private readonly policyName: string
  private readonly policyHash: number
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly leaseMillis: number
  private readonly syncMillis: number
  /** The circuits that have to be kept in step with the others. */
  private readonly active = new Set<Held>()
  private readonly wakeUp = Effect.unsafeMakeLatch(false)
  private writes = 0
  /** By how much the store's clock is ahead of the breaker's, and how long the answer took that told it. */
  private ahead = 0
  private roundTrip = Infinity
  private isFailing = false
  private isListening = false
  private hasReportedRules = false

  constructor(
    breaker: Breaker,
    store: Store,
    policy: SharedPolicy<unknown>,
    policyName: string,
    fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  ) {
    this.breaker = breaker
    this.store = store
    this.policy = policy
    this.policyName = policyName
    this.policyHash = Hash.string(policyName)
    this.fork = fork
    this.leaseMillis = Duration.toMillis(store.coordination.lease)
    this.syncMillis = Duration.toMillis(store.coordination.syncInterval)
  }

  // -------------------------------------------------------------------------------------------------------
  // On the way of a call

  /** What a call waits for before it asks for admission: nothing, if its circuit is known. */
  beforeCall(held: Held, caller: Caller): Effect.Effect<void> | undefined {
    if (this.isFailing || (this.isKnown(held, caller) && !this.isWrittenThrough)) return undefined
    return Effect.suspend(() => Deferred.await(this.read(held)))
  }

  get isWrittenThrough(): boolean {
    return this.store.coordination.sync === "write-through"
  }

  /** What a call waits for after its outcome has been taken in, where everything is written through. */
  afterCall(held: Held): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isFailing) return Effect.void
      this.active.add(held)
      const { writing } = this.memberOf(held)
      return Effect.zipRight(
        writing === undefined ? Effect.void : Fiber.await(writing),
        this.exchange([held])
      )
    })
  }

  /** Whether calls are turned away because the store cannot be asked. */
  get turnsAway(): boolean {
    return this.isFailing && this.store.coordination.onStoreError === "reject"
  }

  /** When a call that was turned away may try again: as soon as the store is asked again. */
  get retryMillis(): number {
    return this.syncMillis
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
    const { rules } = this.breaker.settings
    if (before._tag === "HalfOpen") {
      return this.probed(held, slot, call, this.breaker.openMillis(before.openings + 1, outcome, caller))
    }
    const isWorthTelling =
      outcome._tag === "Failure" ||
      (rules.policy.measuresElapsed && Machine.counts(held.current, rules, call.at).slow > 0)
    if (!isWorthTelling) return
    const member = this.memberOf(held)
    member.announces ||= !member.isWarm
    member.isWarm = true
    this.active.add(held)
    this.wakeUp.unsafeOpen()
  }

  /**
   * Asks for a place among the probes, which are those of all nodes. Nothing where the node has to decide for itself.
   */
  claim(held: Held, caller: Caller): Claim | undefined {
    const { rules } = this.breaker.settings
    if (this.isFailing || this.memberOf(held).isAlone) return undefined
    if (Machine.at(held.current, rules, this.breaker.now(caller))._tag !== "HalfOpen") return undefined
    const claim = new Claim(({ slot }) => this.probed(held, slot, abandoned, 0))
    let decision: Decision | undefined
    const taken = this.update(held, (shared, now) => {
      const [made, circuit] = Machine.admit(shared.circuit, rules, now)
      decision = made
      if (circuit === shared.circuit) return undefined
      return made._tag === "Admitted"
        ? { ...shared, circuit, probers: { ...shared.probers, [made.ticket.slot]: this.node } }
        : { ...shared, circuit }
    })
    const answered = Effect.matchCause(taken, {
      onFailure: () => claim.answer(undefined),
      // The slot is the shared one, the generation this node's own.
      onSuccess: (isDone) =>
        claim.answer(isDone && decision !== undefined ? ownTicket(decision, held) : undefined)
    })
    this.fork(
      Effect.ensuring(
        answered,
        Effect.sync(() => claim.answer(undefined))
      )
    )
    return claim
  }

  // -------------------------------------------------------------------------------------------------------
  // Changes of this node

  /** Tells that this node trips, before it does. */
  tripping(held: Held, now: number): void {
    const member = this.memberOf(held)
    if (this.failingNodes(held, now) < this.store.coordination.quorum) {
      member.countedAlone = this.contributionOf(held, now)
      this.active.add(held)
      this.wakeUp.unsafeOpen()
    }
  }

  /** Tells that this node has tripped. */
  tripped(held: Held): void {
    const circuit = held.current
    if (circuit._tag !== "Open" || this.memberOf(held).isAlone) return
    this.push(held, (shared, now) =>
      shared.circuit._tag === "Closed" || shared.circuit._tag === "Recovering"
        ? Steps.open(shared, "Tripped", circuit.openMillis, now)
        : undefined
    )
  }

  /** Tells of a control by hand, and waits until the others can know it. */
  controlled(held: Held, step: Step): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.memberOf(held).countedAlone = undefined
      return Effect.asVoid(this.update(held, step))
    })
  }

  private probed(held: Held, slot: number, call: Call, openMillis: number): void {
    const { rules } = this.breaker.settings
    this.push(held, (shared, now) => {
      const { circuit } = shared
      const ticket: Ticket = { generation: circuit.generation, slot }
      if (circuit._tag !== "HalfOpen" || !Machine.lands(circuit, rules, ticket, now)) return undefined
      const settled = { ...shared, circuit: Machine.settle(circuit, rules, ticket, { ...call, at: now }) }
      return Machine.trips(settled.circuit, rules, now) === undefined
        ? settled
        : Steps.open(settled, "ProbeFailed", openMillis, now)
    })
  }

  private push(held: Held, step: Step): void {
    this.memberOf(held).writing = this.fork(Effect.asVoid(this.update(held, step)))
  }

  /**
   * Makes a change to what the store keeps, again until nobody comes in between, and takes the result over. Answers
   * whether the store could be asked.
   */
  private update(held: Held, step: Step): Effect.Effect<boolean> {
    const member = this.memberOf(held)
    return Effect.suspend(() => {
      member.pending++
      this.active.add(held)
      return Effect.flatMap(this.askAbout([held]), ([entry]) => this.change(held, step, entry!))
    }).pipe(
      Effect.as(true),
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
    return Effect.withFiberRuntime((caller) => {
      const { rules } = this.breaker.settings
      const kept = this.decode(entry, caller)
      if (kept === undefined) return Effect.fail(otherRules)
      const known = Record.withoutLost(kept, rules, entry.contributions, entry.now, this.leaseMillis)
      const after = step({ ...known, circuit: Machine.at(known.circuit, rules, entry.now) }, entry.now)
      if (after === undefined) return Effect.succeed(this.takeOver(held, known, entry.revision, caller))
      const revision = `${this.node}-${++this.writes}`
      const written = this.store.compareAndSet({
        circuit: this.idOf(held),
        expected: entry.revision,
        revision,
        state: Record.encode(after, this.policyName),
        keepMillis: this.keepMillis(held)
      })
      return Effect.flatMap(this.ask(written), (entry) =>
        entry.revision === revision
          ? Effect.succeed(this.takeOver(held, after, revision, caller))
          : this.change(held, step, entry)
      )
    })
  }

  // -------------------------------------------------------------------------------------------------------
  // Changes of other nodes

  /** Keeps in touch with the other nodes until it is interrupted. */
  get keepingInTouch(): Effect.Effect<void> {
    return Effect.zipRight(this.listening, this.syncing, { concurrent: true })
  }

  private get syncing(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isIdle = this.active.size === 0 && !this.isFailing
      // However many failures there are, the store is not asked more often than this.
      const pauseMillis = Math.min(leastPauseMillis, this.syncMillis)
      const awake = isIdle
        ? this.wakeUp.await
        : Effect.timeoutOption(this.wakeUp.await, this.syncMillis - pauseMillis)
      return awake.pipe(
        Effect.zipRight(this.wakeUp.close),
        Effect.zipRight(Effect.suspend(() => this.exchange([...this.active]))),
        Effect.zipRight(Effect.sleep(pauseMillis))
      )
    }).pipe(Effect.forever)
  }

  private get listening(): Effect.Effect<void> {
    const heard = Stream.runForEach(this.store.changes(this.breaker.settings.name), (change) =>
      Effect.withFiberRuntime<void>((caller) => Effect.succeed(this.hear(change, caller)))
    )
    return heard.pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.isListening = false
        })
      ),
      Effect.ignore,
      Effect.zipRight(Effect.sleep(this.syncMillis)),
      Effect.forever
    )
  }

  private hear(change: Change, caller: Caller): void {
    if (change._tag === "Listening") {
      this.isListening = true
      return this.forget()
    }
    const held = this.breaker.circuits.find(change.key, this.breaker.now(caller))
    if (held === undefined) return
    const member = this.memberOf(held)
    if (change._tag === "Failing") {
      if (!member.isWarm) this.wakeUp.unsafeOpen()
      member.isWarm = true
      this.active.add(held)
    } else if (member.pending === 0) {
      const kept = this.decode(change, caller)
      if (kept !== undefined) this.takeOver(held, kept, change.revision, caller)
    }
  }

  // What may have been missed has to be asked for.
  private forget(): void {
    for (const held of this.breaker.circuits.every()) this.memberOf(held).askedAt = -Infinity
  }

  /** Takes in how a circuit stands with the others. */
  private takeIn(held: Held, entry: Entry, caller: Caller): void {
    const { rules } = this.breaker.settings
    const member = this.memberOf(held)
    const now = this.breaker.now(caller)
    member.askedAt = now
    const { contributions } = entry
    member.others = contributions
      .filter(({ node }) => node !== this.node)
      .flatMap(({ value }) => this.counted(value))
    const kept = this.decode(entry, caller)
    if (kept === undefined || member.pending > 0) return
    const isLost = kept.circuit.generation < member.generation
    const isOurs = isLost || (member.hasDiverged && entry.revision === member.revision)
    if (isOurs && Machine.at(held.current, rules, now)._tag !== "Closed") {
      this.restore(held, kept)
    } else {
      member.hasDiverged = false
      const known = Record.withoutLost(kept, rules, contributions, entry.now, this.leaseMillis)
      this.takeOver(held, known, entry.revision, caller)
    }
    const reason = this.trips(held, held.current, now)
    if (reason === "Tripped") this.breaker.open(held, reason, undefined, caller, now)
    this.rest(held, now)
  }

  /** Makes the node's own circuit what the shared one is. */
  private takeOver(held: Held, shared: Shared, revision: string, caller: Caller): void {
    const member = this.memberOf(held)
    const here = held.current
    const there = Record.shift(shared.circuit, -this.ahead)
    if (revision === member.revision && there.generation === member.generation && isAlike(here, there)) return
    if (member.isAlone && there.generation === member.generation) return
    const isExpected = member.pending > 0 || member.isAlone || there.generation === member.generation
    member.revision = revision
    member.generation = there.generation
    member.countedAlone = undefined
    const isSame = isExpected && here._tag === there._tag
    // A window is a node's own, and so is its share of a recovery.
    if (isSame && (there._tag === "Closed" || there._tag === "Recovering")) return
    const generation = isSame ? here.generation : here.generation + 1
    const since = isSame && here._tag === "Isolated" ? here.since : generation
    const next = there._tag === "Isolated" ? { ...there, generation, since } : { ...there, generation }
    this.breaker.move(held, next, caller, shared.reason)
    if (next._tag !== "Closed") this.active.add(held)
  }

  /** Gives back to the store what it has lost, or never got: the circuit as it is here. */
  private restore(held: Held, kept: Shared): void {
    const { current } = held
    const generation = Math.max(kept.circuit.generation, this.memberOf(held).generation) + 1
    const reason = kept.reason
    this.push(held, (shared) =>
      shared.circuit.generation > kept.circuit.generation
        ? undefined
        : { ...shared, reason, circuit: { ...Record.shift(current, this.ahead), generation } }
    )
  }

  // A circuit that nobody sees failing, and of which nobody holds anything, costs the store nothing.
  private rest(held: Held, now: number): void {
    const { rules } = this.breaker.settings
    const member = this.memberOf(held)
    const circuit = Machine.at(held.current, rules, now)
    if (circuit._tag !== "Closed" || member.pending > 0 || member.hasDiverged) return
    const { failures, slow } = Machine.counts(this.merged(held, circuit, now), rules, now)
    if (failures + slow > 0) return
    member.isWarm = false
    member.others = []
    this.active.delete(held)
  }

  // -------------------------------------------------------------------------------------------------------
  // Asking the store

  // Calls that come together ask once.
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

  private exchange(all: ReadonlyArray<Held>): Effect.Effect<void> {
    return this.askAbout(all).pipe(
      Effect.flatMap((entries) =>
        Effect.withFiberRuntime<void>((caller) =>
          Effect.succeed(entries.forEach((entry, i) => this.takeIn(all[i]!, entry, caller)))
        )
      ),
      Effect.ignore
    )
  }

  private askAbout(all: ReadonlyArray<Held>): Effect.Effect<ReadonlyArray<Entry>, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const now = this.breaker.now(caller)
      const requests = all.map((held) => this.requestFor(held, now))
      return this.ask(this.store.exchange(requests))
    })
  }

  private requestFor(held: Held, now: number): ExchangeRequest {
    const member = this.memberOf(held)
    const announce = member.announces
    member.announces = false
    return {
      circuit: this.idOf(held),
      node: this.node,
      contribution: this.active.has(held) ? this.contributionOf(held, now) : undefined,
      announce,
      keepMillis: this.keepMillis(held)
    }
  }

  private ask<A extends Entry | ReadonlyArray<Entry>>(
    question: Effect.Effect<A, CircuitStoreError>
  ): Effect.Effect<A, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const sentAt = this.breaker.now(caller)
      return question.pipe(
        Effect.timeoutFail({ duration: this.store.coordination.deadline, onTimeout: () => tooLate }),
        Effect.tapBoth({
          onFailure: (error) => Effect.sync(() => this.failed(error, caller)),
          onSuccess: (answer) =>
            Effect.sync(() => this.answered(Array.isArray(answer) ? answer[0] : answer, sentAt, caller))
        })
      )
    })
  }

  private answered(entry: Entry | undefined, sentAt: number, caller: Caller): void {
    const now = this.breaker.now(caller)
    // The quickest answer tells the time best; what it told wears out.
    if (entry !== undefined && now - sentAt <= this.roundTrip) {
      this.roundTrip = now - sentAt
      this.ahead = entry.now - (sentAt + now) / 2
    } else {
      this.roundTrip = this.roundTrip * 1.1 + 0.1
    }
    if (!this.isFailing) return
    this.isFailing = false
    this.forget()
    announceStore(caller, this.breaker.settings.name, undefined)
  }

  private failed(error: CircuitStoreError, caller: Caller): void {
    if (this.isFailing) return
    this.isFailing = true
    for (const held of this.active) {
      const member = this.memberOf(held)
      member.others = []
      member.announces = member.isWarm
    }
    this.wakeUp.unsafeOpen()
    announceStore(caller, this.breaker.settings.name, error)
  }

  private isKnown(held: Held, caller: Caller): boolean {
    const { askedAt } = this.memberOf(held)
    // While nobody tells of changes, what was asked for holds as long as it does for the circuits in step.
    return this.isListening ? askedAt > -Infinity : this.breaker.now(caller) - askedAt < this.syncMillis
  }

  // -------------------------------------------------------------------------------------------------------
  // What is told

  private decode({ state }: { readonly state: string }, caller: Caller): Shared | undefined {
    try {
      return Record.decode(state, this.policyName, this.breaker.settings.rules)
    } catch (error) {
      if (!this.hasReportedRules) {
        this.hasReportedRules = true
        announceStore(caller, this.breaker.settings.name, error)
      }
      return undefined
    }
  }

  private contributionOf(held: Held, now: number): string {
    const { countedAlone } = this.memberOf(held)
    const circuit = held.current
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? JSON.stringify([this.policyHash, this.policy.contribution(circuit.window, now, this.ahead)])
      : (countedAlone ?? "[]")
  }

  private counted(value: string): ReadonlyArray<Contribution> {
    const [policy, contribution] = JSON.parse(value)
    return policy === this.policyHash ? [contribution] : []
  }

  /** The circuit with the window of all nodes. */
  private merged(held: Held, circuit: Circuit<unknown>, now: number): Circuit<unknown> {
    const { others } = this.memberOf(held)
    return others.length > 0 && (circuit._tag === "Closed" || circuit._tag === "Recovering")
      ? { ...circuit, window: this.policy.merge(circuit.window, others, now, this.ahead) }
      : circuit
  }

  private failingNodes(held: Held, now: number): number {
    const isFailing = (other: Contribution) => {
      const window = this.policy.merge(this.policy.initial, [other], now, this.ahead)
      const { failures, slow } = this.policy.counts(window, now)
      return failures + slow > 0
    }
    return 1 + this.memberOf(held).others.filter(isFailing).length
  }

  private idOf(held: Held) {
    return { breaker: this.breaker.settings.name, key: held.key }
  }

  /** Outlives the window, the opening, and the time after which the backoff starts over. */
  private keepMillis(held: Held): number {
    const { idleMillis, rules } = this.breaker.settings
    return Math.min(idleMillis, dayMillis) + 3 * held.current.openMillis + rules.probeTimeoutMillis
  }

  private memberOf(held: Held): Member {
    return (held.member ??= new Member())
  }
}

// A node's own circuit may be what a shared one was made of; then only what others hold can differ.
const isAlike = (here: Circuit<unknown>, there: Circuit<unknown>): boolean =>
  here._tag !== there._tag ||
  (here._tag === "HalfOpen" && there._tag === "HalfOpen"
    ? here.slots.length === there.slots.length
    : here._tag === "Isolated" && there._tag === "Isolated"
      ? here.holders === there.holders
      : true)

const ownTicket = (decision: Decision, held: Held): Decision =>
  decision._tag === "Admitted"
    ? { ...decision, ticket: { ...decision.ticket, generation: held.current.generation } }
    : decision

const abandoned: Call = { outcome: Outcome.ignored, interrupted: true, at: 0, elapsedMillis: 0 }

const tooLate = new CircuitStoreError({ message: "no answer within the deadline" })

const otherRules = new CircuitStoreError({ message: "the circuit is under other rules" })

const leastPauseMillis = 10

const dayMillis = 86_400_000
