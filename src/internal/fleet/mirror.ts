import * as Duration from "effect/Duration"
import type { Change, Coordination, Entry } from "../../CircuitStore.ts"
import { logStoreContent } from "../observe/log.ts"
import type { Breaker } from "../breaker/breaker.ts"
import { open } from "../breaker/opening.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Circuit } from "../core/circuit.ts"
import { yearMillis } from "../core/millis.ts"
import * as Machine from "../core/circuit.ts"
import type { Line } from "./line.ts"
import type { Member } from "./member.ts"
import { memberOf, noContributions } from "./member.ts"
import type { Parts } from "./parts.ts"
import type { SharedCircuit as Shared } from "../core/wire.ts"
import { decode, holdingsOf, initial } from "../core/wire.ts"
import * as SharedCircuit from "./sharedCircuit.ts"
import type { Rounds } from "./rounds.ts"
import type { Rules } from "./rules.ts"
import type { Step } from "./steps.ts"
import * as Steps from "./steps.ts"
import type { Tally } from "./tally.ts"

/** How a node stood when it asked the store about a circuit. */
interface Asked {
  /** How many of its outcomes were to be judged: the answer takes account of them. */
  readonly outcomes: number
  /** The shared generation that it knew. */
  readonly generation: number
}

/**
 * Applies what the store reports to this process's circuits.
 *
 * @internal
 */
export class Mirror {
  /** The subscription to changes is up. */
  isListening = false
  private readonly node: string
  private readonly breaker: Breaker
  private readonly coordination: Coordination
  private readonly rules: Rules
  private readonly line: Line
  private readonly tally: Tally
  private readonly rounds: Rounds
  private readonly push: Parts["push"]
  /** The longest that an opening may last by the options of this process. */
  private readonly longestOpenMillis: number
  private hasReported = false

  constructor({ breaker, line, node, push, rounds, rules, store, tally }: Parts) {
    this.node = node
    this.breaker = breaker
    this.coordination = store.coordination
    this.rules = rules
    this.line = line
    this.tally = tally
    this.rounds = rounds
    this.push = push
    const { maxOpenMillis, openDuration } = breaker.settings
    this.longestOpenMillis =
      typeof openDuration === "number" ? Math.max(openDuration, maxOpenMillis) : yearMillis
  }

  hear(change: Exclude<Change, { readonly _tag: "Listening" }>, caller: Caller): void {
    const now = this.breaker.now(caller)
    const held = this.breaker.circuits.find(change.key, now)
    if (held === undefined) return
    const member = memberOf(held)
    if (change._tag === "Failing") {
      member.crowd = Math.max(member.crowd, change.listeners ?? 0)
      this.warm(held, this.rounds.answerAt(held, now))
    } else if (member.hasDiverged) {
      this.rounds.hurry(held)
    } else if (member.pending > 0) {
      // The answer that is on its way may be older than the change.
      member.hasMissedChange = true
    } else {
      const kept = this.decode(change, caller)
      // What comes late is no news.
      if (kept === undefined || kept.circuit.generation < member.generation) return
      this.takeOver(held, kept, change.revision, caller)
    }
  }

  /** Has every circuit asked for before its next call. */
  forget(): void {
    for (const held of this.breaker.circuits.every()) memberOf(held).askedAt = -Infinity
  }

  isKnown(held: CircuitEntry, caller: Caller): boolean {
    const { askedAt } = memberOf(held)
    // Without the subscription, an answer is valid for one interval, as it is for circuits that are exchanged.
    return this.isListening
      ? askedAt > -Infinity
      : this.breaker.now(caller) - askedAt < Duration.toMillis(this.coordination.syncInterval)
  }

  get machineRules(): Machine.Rules<unknown> {
    return this.breaker.settings.rules
  }

  get isWrittenThrough(): boolean {
    return this.coordination.sync === "write-through"
  }

  /** Takes in how a circuit stands with the others, by an answer to a question that was asked some time ago. */
  takeIn(held: CircuitEntry, entry: Entry, asked: Asked, caller: Caller): void {
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
    // A change that was heard after the question may be missing from the answer.
    if (asked.generation <= kept.circuit.generation && kept.circuit.generation < member.generation) return
    if (member.pending === 0) this.follow(held, entry, kept, caller)
    member.countedIn = Machine.at(held.current, rules, now)._tag
    const others = contributions
      .filter(({ node }) => node !== this.node)
      .flatMap(({ value }) =>
        this.tally.decode(held, value, now, (why) =>
          this.report(`A text in the circuit store is not used: ${why}`, caller)
        )
      )
    member.others = others.length === 0 ? noContributions : others
    member.isNew = false
    if (member.pending > 0) return
    this.decide(held, now, caller)
    if (asked.outcomes === member.outcomes) member.undecided = undefined
    this.warmOrRest(held, now, caller)
  }

  /** The store has a fault with this circuit alone: it goes by itself here, as it does without a store. */
  goByItself(held: CircuitEntry, { message }: Error, caller: Caller): void {
    memberOf(held).askedAt = this.breaker.now(caller)
    this.report(
      `Circuit "${held.key}" is not shared, because the store has a fault with it: ${message}`,
      caller
    )
  }

  /** Judges the latest outcome of this node, if that is still to be done, by what all nodes count. */
  decide(held: CircuitEntry, now: number, caller: Caller): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const outcome = member.undecided
    if (outcome === undefined) return
    const circuit = Machine.at(held.current, rules, now)
    const trip = this.breaker.tripOf(this.tally.merged(held, circuit, now), now)
    if (trip?.reason !== "Tripped") return
    this.breaker.change(held, circuit, caller)
    open(this.breaker, held, { ...trip, outcome, now }, caller)
  }

  /**
   * What the store keeps, without what is held by nodes that are not heard of. Who could not hear anybody for a while
   * gives all of them a lease from then on.
   */
  withoutLost(kept: Shared, entry: Entry): Shared {
    const leaseMillis = Duration.toMillis(this.coordination.lease)
    return entry.now - this.line.answeringSince < leaseMillis
      ? kept
      : SharedCircuit.withoutLost(kept, this.breaker.settings.rules, entry, leaseMillis)
  }

  private follow(held: CircuitEntry, entry: Entry, kept: Shared, caller: Caller): void {
    const member = memberOf(held)
    const here = Machine.at(held.current, this.breaker.settings.rules, this.breaker.now(caller))
    const isLost = kept.circuit.generation < member.generation
    const isLatest = isLost || entry.revision === member.revision
    const isNews = isOwn(here, member) && (isLatest || SharedCircuit.overrules(here, kept.circuit))
    if (isNews || (isLost && (here._tag !== "Closed" || here.openings > 0))) {
      this.restore(held, kept)
    } else {
      this.takeOver(held, this.withoutLost(kept, entry), entry.revision, caller)
      member.hasDiverged = false
    }
  }

  /** Gives back to the store what it has lost, or never got: the circuit as it is here. */
  private restore(held: CircuitEntry, kept: Shared): void {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const { generation, hasDiverged, holdings } = member
    const current = SharedCircuit.shift(held.current, this.line.ahead)
    this.push(held, (shared, now) => {
      const isFirst = shared.circuit.generation <= Machine.at(kept.circuit, rules, now).generation
      if (!isFirst && !(hasDiverged && SharedCircuit.overrules(current, shared.circuit))) return undefined
      // What the nodes know in this generation is no news to them. What is Closed was opened before.
      const steps = current._tag === "Closed" ? 2 : 1
      const next = hasDiverged ? Math.max(shared.circuit.generation, generation) + steps : generation
      const own = { ...current, generation: next }
      const restored = Steps.restore(own, holdings, this.node, member)(shared, now)
      if (restored === undefined) return undefined
      // The circuit may still count here what this node has given back since, or not yet what it holds.
      return { ...restored, circuit: SharedCircuit.heldBy(own, rules, restored, now) }
    })
  }

  /** How often this node keeps the circuit isolated and disabled, for the others. */
  holding(held: CircuitEntry): Step {
    return Steps.hold(this.breaker.settings.rules, this.node, () => memberOf(held))
  }

  /**
   * Sees to it that the others know how often this node keeps the circuit isolated and disabled. Answers whether the
   * circuit stays so, whatever the others have made of it: they took this node for dead, or its change was lost.
   */
  private isHeldAgain(held: CircuitEntry, { circuit, disablers, keepers }: Shared): boolean {
    const { disables, isolations } = memberOf(held)
    if (isolations === (keepers[this.node] ?? 0) && disables === (disablers[this.node] ?? 0)) return false
    this.push(held, this.holding(held))
    if (circuit._tag === "Isolated") return false
    return isolations > 0 || (disables > 0 && circuit._tag !== "Disabled")
  }

  /** Makes the node's own circuit what the shared one is. */
  takeOver(held: CircuitEntry, shared: Shared, revision: string, caller: Caller): void {
    if (this.breaker.circuits.isSuperseded(held)) return
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const there = SharedCircuit.shift(shared.circuit, -this.line.ahead)
    const isReset = shared.resets > member.holdings.resets
    if (member.pending === 0 && isReset && !member.isNew) member.isolations = 0
    if (member.pending === 0 && this.isHeldAgain(held, shared)) return
    member.holdings = holdingsOf(shared)
    const now = this.breaker.now(caller)
    const { generation } = held.current
    const here = Machine.at(held.current, rules, now)
    const isKnown = there.generation === member.generation && (revision === member.revision || member.isAlone)
    // What this node has made of it is on its way to the others, or will be given back to them.
    const isAhead = member.isAlone || member.pending > 0 || member.hasDiverged
    const isExpected = isAhead || member.isNew || there.generation <= member.generation
    // Clocks are compared to some milliseconds: what was over here a moment ago does not begin again.
    const isOver =
      (isKnown || isExpected) &&
      here.openings === there.openings &&
      isAlike(here, Machine.at(there, rules, now + clockMillis))
    if (isKnown && (isAhead || isOver || isAlike(here, Machine.at(there, rules, now)))) return
    this.breaker.change(held, here, caller)
    // What came to the same here, or was forgotten there, is no transition, and nor is what was missed on the way to it:
    // only by hand does a circuit get from Closed to Closed, by a reset, and from Open to Open. A reset ends isolations,
    // too: the next one is another one.
    const known = member.generation + here.generation - generation
    const isOther =
      here._tag !== there._tag ||
      (isReset && (here._tag === "Isolated" || !isExpected)) ||
      (!isExpected && here._tag === "Open" && there.generation === known + 1)
    // What was counted in another window is over.
    if (there.generation !== member.generation) member.others = noContributions
    member.revision = revision
    member.generation = there.generation
    member.countedAlone = undefined
    if (isOver && here._tag !== there._tag) return
    const next = isOther ? successor(here, there) : renewed(here, there, isExpected)
    this.breaker.change(held, next, caller, { reason: shared.reason, origin: "Fleet" })
    if (next._tag !== "Closed") this.rounds.keep(held)
  }

  /**
   * A circuit without failures, slots and holds costs the store nothing. It is no longer exchanged once that has been so
   * for two intervals: by then every process that exchanges it knows, and announces the next failure again.
   */
  private warmOrRest(held: CircuitEntry, now: number, caller: Caller): void {
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
      this.breaker.change(held, { ...circuit, window: rules.policy.initial }, caller)
    }
    member.isWarm = false
    member.others = noContributions
    this.rounds.drop(held)
  }

  /** Some process reported failures, so this node reports its counts, too. */
  private warm(held: CircuitEntry, at?: number): void {
    const member = memberOf(held)
    member.quietSince = Infinity
    if (member.isWarm) return
    member.isWarm = true
    this.rounds.hurry(held, at)
  }

  /** Logs, once, that the store has something that this process cannot use. */
  report(message: string, caller: Caller): void {
    if (this.hasReported) return
    this.hasReported = true
    logStoreContent(caller, this.breaker.settings.name, message)
  }

  /**
   * The state that the store keeps; nothing where it is one under other rules. A text that is no state of a circuit is as
   * good as none: the next change overwrites it.
   */
  decode(
    { now, state }: { readonly now: number; readonly state: string },
    caller: Caller
  ): Shared | undefined {
    const { rules } = this.breaker.settings
    const { longestOpenMillis } = this
    const decoded = decode(state, { rules, rulesName: this.rules.name, longestOpenMillis, now })
    switch (decoded._tag) {
      case "State":
        return decoded.state
      case "Invalid":
        this.report(
          `A text in the circuit store is no state of a circuit and is not used: ${decoded.why}`,
          caller
        )
        return initial(rules)
      case "OtherRules":
        this.report(
          `A circuit in the store is left alone, this process goes by its own circuits: ${decoded.why}`,
          caller
        )
        return undefined
    }
  }
}

/** Whether a node may give back to the store what it has changed itself. Only its holders give back a hold. */
const isOwn = (here: Circuit<unknown>, member: Member): boolean =>
  member.hasDiverged &&
  !(here._tag === "Isolated" && member.isolations === 0) &&
  !(here._tag === "Disabled" && member.disables === 0)

/** The same state, and as much of it held. */
const isAlike = (here: Circuit<unknown>, there: Circuit<unknown>): boolean => {
  if (here._tag === "HalfOpen" && there._tag === "HalfOpen") return here.slots.count === there.slots.count
  if (here._tag === "Isolated" && there._tag === "Isolated")
    return here.holders === there.holders && here.disablers === there.disablers
  if (here._tag === "Disabled" && there._tag === "Disabled") return here.disablers === there.disablers
  return here._tag === there._tag
}

const successor = (here: Circuit<unknown>, there: Circuit<unknown>): Circuit<unknown> => {
  const generation = here.generation + 1
  return there._tag === "Isolated" ? { ...there, generation, since: generation } : { ...there, generation }
}

/**
 * The same state, as the store has it. A window is the node's own, if it is still the same one, and so are its share of
 * a recovery and its isolation.
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

const clockMillis = 50
