import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import type { Change, CircuitStoreError, Entry, ExchangeRequest, Store } from "../../CircuitStore.ts"
import { announceOtherRules } from "../announce.ts"
import type { Breaker } from "../breaker.ts"
import type { Caller } from "../caller.ts"
import type { Held } from "../circuits.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Fork } from "./fleet.ts"
import { Line } from "./line.ts"
import { memberOf } from "./member.ts"
import type { Shared } from "./record.ts"
import * as Record from "./record.ts"
import { Rounds } from "./rounds.ts"
import type { Rules } from "./rules.ts"
import type { Step } from "./steps.ts"
import * as Steps from "./steps.ts"
import { Tally } from "./tally.ts"

/**
 * What a node knows of the others, and how it keeps its own circuits in step with theirs.
 *
 * @internal
 */
export class Mirror {
  /** Who this is among the breakers of its name. */
  readonly node = globalThis.crypto.randomUUID()
  readonly line: Line
  readonly tally: Tally
  readonly leaseMillis: number
  readonly rounds: Rounds
  private readonly breaker: Breaker
  private readonly store: Store
  private readonly rules: Rules
  private readonly fork: Fork
  private readonly push: (held: Held, step: Step) => void
  private readonly syncMillis: number
  private isListening = false
  private hasReportedRules = false

  /** `push` makes a change of this node's in the store. */
  constructor(
    breaker: Breaker,
    store: Store,
    rules: Rules,
    fork: Fork,
    push: (held: Held, step: Step) => void
  ) {
    this.breaker = breaker
    this.store = store
    this.rules = rules
    this.fork = fork
    this.push = push
    this.line = new Line(breaker, store.coordination.deadline, {
      lost: () => this.lost(),
      regained: () => this.forget()
    })
    this.tally = new Tally(rules, breaker.settings.rules, this.line, store.coordination.quorum)
    this.leaseMillis = Duration.toMillis(store.coordination.lease)
    this.syncMillis = Duration.toMillis(store.coordination.syncInterval)
    this.rounds = new Rounds(breaker, this.line, this.node, this.syncMillis)
  }

  // -------------------------------------------------------------------------------------------------------
  // Changes of other nodes

  /** Keeps in touch with the other nodes until it is interrupted. */
  get keepingInTouch(): Effect.Effect<void> {
    const syncing = this.rounds.running((due) => this.exchange(due))
    return Effect.zipRight(this.listening, syncing, { concurrent: true })
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
      this.forget()
      for (const held of this.rounds) this.rounds.hurry(held)
      return
    }
    const held = this.breaker.circuits.find(change.key, this.breaker.now(caller))
    if (held === undefined) return
    const member = memberOf(held)
    if (change._tag === "Failing") {
      this.warm(held)
    } else if (member.hasDiverged) {
      this.rounds.hurry(held)
    } else if (member.pending === 0) {
      const kept = this.decode(change, caller)
      // What comes late is no news.
      if (kept === undefined || kept.circuit.generation < member.generation) return
      this.takeOver(held, kept, change.revision, caller)
    }
  }

  // What may have been missed has to be asked for.
  forget(): void {
    for (const held of this.breaker.circuits.every()) memberOf(held).askedAt = -Infinity
  }

  /** Takes in how a circuit stands with the others. */
  private takeIn(held: Held, entry: Entry, caller: Caller): void {
    const { circuits, settings } = this.breaker
    if (circuits.isSuperseded(held)) return
    const { rules } = settings
    const member = memberOf(held)
    const now = this.breaker.now(caller)
    member.askedAt = now
    const { contributions } = entry
    member.crowd = contributions.length
    const kept = this.decode(entry, caller)
    if (kept === undefined) return
    if (member.pending === 0) this.follow(held, entry, kept, now, caller)
    member.countedIn = Machine.at(held.current, rules, now)._tag
    member.others = contributions
      .filter(({ node }) => node !== this.node)
      .flatMap(({ value }) => this.tally.decode(held, value, now))
    member.isNew = false
    if (member.pending > 0) return
    this.decide(held, now, caller)
    this.warmOrRest(held, now, caller)
  }

  /** Opens a circuit if what all nodes count asks for it. */
  decide(held: Held, now: number, caller: Caller): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const outcome = member.undecided
    member.undecided = undefined
    const circuit = Machine.at(held.current, rules, now)
    const reason = Machine.trips(this.tally.merged(held, circuit, now), rules, now)
    if (reason === "Tripped") this.breaker.open(held, reason, outcome, caller, now)
  }

  private follow(
    held: Held,
    { contributions, ...entry }: Entry,
    kept: Shared,
    now: number,
    caller: Caller
  ): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const here = Machine.at(held.current, rules, now)
    const isLost = kept.circuit.generation < member.generation
    const isLatest = isLost || entry.revision === member.revision
    const isNews = member.hasDiverged && (isLatest || Record.overrules(here, kept.circuit))
    if (isNews || (isLost && (here._tag !== "Closed" || here.openings > 0))) {
      this.restore(held, kept)
    } else {
      const known = Record.withoutLost(kept, rules, contributions, entry.now, this.leaseMillis)
      this.takeOver(held, known, entry.revision, caller)
      member.hasDiverged = false
    }
  }

  /** Gives back to the store what it has lost, or never got: the circuit as it is here. */
  private restore(held: Held, kept: Shared): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const { generation, hasDiverged, holdings } = member
    const current = Record.shift(held.current, this.line.ahead)
    this.push(held, (shared, now) => {
      const isFirst = shared.circuit.generation <= Machine.at(kept.circuit, rules, now).generation
      if (!isFirst && !(hasDiverged && Record.overrules(current, shared.circuit))) return undefined
      // What the nodes know in this generation is no news to them.
      const next = hasDiverged ? Math.max(shared.circuit.generation, generation) + 1 : generation
      return Steps.restore(
        { ...current, generation: next },
        holdings,
        this.node,
        member.isolations
      )(shared, now)
    })
  }

  /** This node's isolations, for the others. */
  holding(held: Held): Step {
    return Steps.hold(this.breaker.settings.rules, this.node, () => memberOf(held).isolations)
  }

  /** Makes the node's own circuit what the shared one is. */
  takeOver(held: Held, shared: Shared, revision: string, caller: Caller): void {
    if (this.breaker.circuits.isSuperseded(held)) return
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const there = Record.shift(shared.circuit, -this.line.ahead)
    const isReset = shared.resets > member.holdings.resets
    if (member.pending === 0) {
      if (isReset && !member.isNew) member.isolations = 0
      if (member.isolations !== (shared.keepers[this.node] ?? 0)) {
        // Others took this node for dead, or its change was lost.
        this.push(held, this.holding(held))
        if (member.isolations > 0 && there._tag !== "Isolated") return
      }
    }
    member.holdings = shared
    if (
      revision === member.revision &&
      there.generation === member.generation &&
      isAlike(held.current, there)
    )
      return
    if (member.isAlone && there.generation === member.generation) return
    const here = Machine.at(held.current, rules, this.breaker.now(caller))
    this.breaker.move(held, here, caller)
    // What came to the same here, or was forgotten there, is no transition, and nor is what was missed on the way to it.
    // By hand, a circuit gets from Closed to Closed and from Open to Open, and an isolation ends by a reset only.
    const isExpected =
      member.pending > 0 ||
      member.isAlone ||
      member.isNew ||
      member.hasDiverged ||
      there.generation <= member.generation
    const isNext = !isExpected && there.generation === member.generation + 1
    const isOther =
      here._tag !== there._tag || (here._tag === "Isolated" ? isReset : isNext && isRenewable(here))
    // What was counted in another window is over.
    if (there.generation !== member.generation) member.others = []
    member.revision = revision
    member.generation = there.generation
    member.countedAlone = undefined
    const next = isOther ? successor(here, there) : renewed(here, there, isExpected)
    this.breaker.move(held, next, caller, shared.reason)
    if (next._tag !== "Closed") this.rounds.keep(held)
  }

  /**
   * A circuit that nobody sees failing, and of which nobody holds anything, costs the store nothing. It rests when that
   * has been so for two intervals: by then everybody warm knows, and tells anew of the next failure.
   */
  private warmOrRest(held: Held, now: number, caller: Caller): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const circuit = Machine.at(held.current, rules, now)
    if (circuit._tag !== "Closed") return
    const { failures, slow } = Machine.counts(this.tally.merged(held, circuit, now), rules, now)
    if (failures + slow > 0) return this.warm(held)
    if (!this.rounds.has(held)) return
    member.quietSince = Math.min(member.quietSince, now)
    // What others make of it has to be heard.
    const mayRest = this.isListening && member.pending === 0 && !member.hasDiverged && !this.isWrittenThrough
    if (!mayRest || now - member.quietSince < 2 * this.rounds.intervalMillis(held)) return
    // A streak that a success elsewhere has ended is not to go on when that is forgotten.
    if (Machine.counts(circuit, rules, now).failures > 0) {
      this.breaker.move(held, { ...circuit, window: rules.policy.initial }, caller)
    }
    member.isWarm = false
    member.others = []
    this.rounds.drop(held)
  }

  /** Somebody sees failures: this node tells of its successes, too. */
  private warm(held: Held): void {
    const member = memberOf(held)
    member.quietSince = Infinity
    if (member.isWarm) return
    member.isWarm = true
    this.rounds.hurry(held)
  }

  // -------------------------------------------------------------------------------------------------------
  // Asking the store

  // Calls that come together ask once.
  read(held: Held): Deferred.Deferred<void> {
    const member = memberOf(held)
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

  exchange(all: ReadonlyArray<Held>): Effect.Effect<void> {
    return this.askAbout(all).pipe(
      Effect.flatMap((entries) =>
        Effect.withFiberRuntime<void>((caller) =>
          Effect.succeed(entries.forEach((entry, i) => this.takeIn(all[i]!, entry, caller)))
        )
      ),
      Effect.ignore
    )
  }

  askAbout(all: ReadonlyArray<Held>): Effect.Effect<ReadonlyArray<Entry>, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const now = this.breaker.now(caller)
      const requests = all.map((held) => this.requestFor(held, now))
      return this.line.ask(this.store.exchange(requests))
    })
  }

  private requestFor(held: Held, now: number): ExchangeRequest {
    const member = memberOf(held)
    const announce = member.announces
    member.announces = false
    this.rounds.exchanged(held, now)
    // The others answer at once: what they count is to be had by the time of the next exchange, so that comes soon.
    if (announce) this.rounds.hurry(held)
    return {
      circuit: this.idOf(held),
      node: this.node,
      contribution: this.hasPart(held) ? this.tally.contribution(held, now) : undefined,
      announce,
      keepMillis: this.keepMillis(held)
    }
  }

  /** Whether the others have to know what this node counts, or that it lives. */
  private hasPart(held: Held): boolean {
    return this.rounds.has(held) && (memberOf(held).isWarm || held.current._tag !== "Closed")
  }

  private lost(): void {
    for (const held of this.rounds) {
      const member = memberOf(held)
      member.others = []
      member.announces = member.isWarm
    }
    this.rounds.wakeUp()
  }

  get isWrittenThrough(): boolean {
    return this.store.coordination.sync === "write-through"
  }

  isKnown(held: Held, caller: Caller): boolean {
    const { askedAt } = memberOf(held)
    // While nobody tells of changes, what was asked for holds as long as it does for the circuits in step.
    return this.isListening ? askedAt > -Infinity : this.breaker.now(caller) - askedAt < this.syncMillis
  }

  // -------------------------------------------------------------------------------------------------------
  // What is told

  decode({ state }: { readonly state: string }, caller: Caller): Shared | undefined {
    try {
      return Record.decode(state, this.rules.name, this.breaker.settings.rules)
    } catch (error) {
      if (!this.hasReportedRules) {
        this.hasReportedRules = true
        announceOtherRules(caller, this.breaker.settings.name, error)
      }
      return undefined
    }
  }

  idOf(held: Held) {
    return { breaker: this.breaker.settings.name, key: held.key }
  }

  /** Outlives the window, the opening, and the time after which the backoff starts over. */
  keepMillis(held: Held): number {
    const { idleMillis, rules } = this.breaker.settings
    return Math.min(idleMillis, dayMillis) + 3 * held.current.openMillis + rules.probeTimeoutMillis
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

const isRenewable = ({ _tag }: Circuit<unknown>): boolean => _tag === "Closed" || _tag === "Open"

const successor = (here: Circuit<unknown>, there: Circuit<unknown>): Circuit<unknown> => {
  const generation = here.generation + 1
  return there._tag === "Isolated" ? { ...there, generation, since: generation } : { ...there, generation }
}

/**
 * The same state, as the store has it. A window is the node's own, if it is still the same one, and so are its share of
 * a recovery and its holds.
 */
const renewed = (
  here: Circuit<unknown>,
  there: Circuit<unknown>,
  isSameWindow: boolean
): Circuit<unknown> => {
  const { generation } = here
  if (here._tag === "Isolated" && there._tag === "Isolated")
    return { ...there, generation, since: here.since }
  if (isSameWindow && here._tag === "Closed" && there._tag === "Closed")
    return { ...there, generation, window: here.window }
  if (isSameWindow && here._tag === "Recovering" && there._tag === "Recovering") {
    const { admitted, arrivals, window } = here
    return { ...there, generation, admitted, arrivals, window }
  }
  return { ...there, generation }
}

const dayMillis = 86_400_000
