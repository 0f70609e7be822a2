import * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Entry, Store } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../stores/error.ts"
import * as Outcome from "../../Outcome.ts"
import type { OpenReason } from "../../Transition.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { Coordinator, Opened, Settled, Step } from "../breaker/coordinator.ts"
import { openMillisOf } from "../breaker/opening.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Circuit, Decision, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Call } from "../core/policies/policy.ts"
import { encode } from "../core/wire.ts"
import { Claim } from "./claim.ts"
import { Contact, isFault } from "./contact.ts"
import { changeBy } from "./controls.ts"
import { memberOf } from "./member.ts"
import { Line } from "./line.ts"
import { Mirror } from "./mirror.ts"
import type { Fork, Parts } from "./parts.ts"
import * as SharedCircuit from "./sharedCircuit.ts"
import { Rounds } from "./rounds.ts"
import type { SharedCircuit as Shared } from "../core/wire.ts"
import type { Rules } from "./rules.ts"
import { shortestSpanOf } from "./rules.ts"
import type { Step as Change } from "./steps.ts"
import * as Steps from "./steps.ts"
import { Tally } from "./tally.ts"

/**
 * Shares a breaker's circuits with breakers of the same name in other processes. Each process runs its own circuits,
 * writes their changes to the store and applies those of others, in the background. Only the first call on a circuit and
 * a probe wait for the store: for one exchange and for two, neither longer than the deadline.
 *
 * @internal
 */
export class Fleet implements Coordinator {
  readonly contact: Contact
  private readonly mirror: Mirror
  /** Who this is among the breakers of its name. */
  private readonly node = globalThis.crypto.randomUUID()
  private readonly breaker: Breaker
  private readonly store: Store
  private readonly rules: Rules
  private readonly fork: Fork
  private readonly line: Line
  private readonly tally: Tally
  private readonly rounds: Rounds
  private writes = 0

  constructor(breaker: Breaker, store: Store, rules: Rules, fork: Fork) {
    const { deadline, quorum, syncInterval } = store.coordination
    this.breaker = breaker
    this.store = store
    this.rules = rules
    this.fork = fork
    this.line = new Line(breaker, deadline, {
      lost: (now) => this.contact.lost(now),
      // Changes were heard in the meantime, unless the subscription was lost, too.
      regained: () => this.mirror.isListening || this.mirror.forget()
    })
    this.tally = new Tally(rules, breaker.settings.rules, this.line, quorum)
    this.rounds = new Rounds(breaker, this.line, this.node, {
      syncMillis: Duration.toMillis(syncInterval),
      staleMillis: shortestSpanOf(breaker.policy) / 4
    })
    const { line, node, rounds, tally } = this
    const push = (held: CircuitEntry, step: Change) => this.push(held, step)
    const parts: Parts = { node, breaker, store, rules, line, tally, rounds, fork, push }
    this.mirror = new Mirror(parts)
    this.contact = new Contact(parts, this.mirror)
  }

  get isUncertain(): boolean {
    return this.writesThrough || this.line.isFailing || !this.mirror.isListening
  }

  ready(held: CircuitEntry, caller: Caller): Effect.Effect<void> | undefined {
    if (this.line.isFailing || (!this.writesThrough && this.mirror.isKnown(held, caller))) return undefined
    return Effect.suspend(() => {
      memberOf(held).isWarm ||= this.writesThrough
      return Deferred.await(this.contact.read(held))
    })
  }

  peek(key: string): Effect.Effect<Circuit<unknown> | undefined> {
    return this.line.isFailing ? Effect.succeed(undefined) : this.contact.peek(key)
  }

  get writesThrough(): boolean {
    return this.mirror.isWrittenThrough
  }

  /** Writes an outcome to the store before its call returns. */
  private write(held: CircuitEntry): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const member = memberOf(held)
      this.rounds.keep(held)
      const written = this.line.isFailing ? Effect.void : this.contact.exchange([held])
      return Effect.flatMap(written, () => {
        // Without an answer it is judged by what is known.
        this.mirror.decide(held, this.breaker.now(caller), caller)
        member.undecided = undefined
        return member.writing === undefined ? Effect.void : Fiber.await(member.writing)
      })
    })
  }

  /** Calls may be rejected while the store cannot be asked; they may try again as soon as it is asked again. */
  get outageMillis(): number | undefined {
    const { onStoreError, syncInterval } = this.store.coordination
    return this.line.isFailing && onStoreError === "reject" ? Duration.toMillis(syncInterval) : undefined
  }

  /** Where everything is written through, that is known only after the outcome has been written. */
  judged(held: CircuitEntry, circuit: Circuit<unknown>, now: number): Circuit<unknown> | undefined {
    const isCounted = circuit._tag === "Closed" || circuit._tag === "Recovering"
    return isCounted && this.writesThrough ? undefined : this.tally.merged(held, circuit, now)
  }

  after(held: CircuitEntry, step: Step, caller: Caller): Effect.Effect<void> | undefined {
    switch (step._tag) {
      case "Settled": {
        this.settled(held, step, caller)
        return this.writesThrough ? this.write(held) : undefined
      }
      case "Opened": {
        if (step.reason === "Tripped") this.tripped(held, step)
        this.opened(held, step.reason)
        return undefined
      }
      case "Controlled":
        return this.controlled(held, changeBy(step.control, held, this.line.ahead, this.mirror))
    }
  }

  /** Reports an outcome that a circuit has recorded. */
  private settled(held: CircuitEntry, { before, call, outcome, slot }: Settled, caller: Caller): void {
    const { rules } = this.breaker.settings
    if (before._tag === "HalfOpen") {
      return this.probed(held, slot, call, this.openMillisAfter(held, before, outcome, caller))
    }
    this.keepUndecided(held, before, outcome)
    const isWorthTelling =
      outcome._tag === "Failure" ||
      (rules.policy.measuresElapsed && Machine.counts(held.current, rules, call.at).slow > 0)
    if (!isWorthTelling) return
    const member = memberOf(held)
    // Those who rest have to know.
    member.announces ||= !member.isWarm || member.quietSince < Infinity
    member.quietSince = Infinity
    member.isWarm = true
    this.rounds.hurry(held)
  }

  /** What is known now may be old: an outcome is judged again when there is an answer. */
  private keepUndecided(held: CircuitEntry, before: Circuit<unknown>, outcome: Outcome.Outcome): void {
    const isRecorded = held.current !== before && (before._tag === "Closed" || before._tag === "Recovering")
    const member = memberOf(held)
    if (!isRecorded || !(member.isWarm || outcome._tag === "Failure")) return
    member.undecided = outcome
    member.outcomes++
  }

  /**
   * Asks for a place among the probes, which are those of all nodes, after those who ask already. Nothing where the node
   * can decide for itself, or has to.
   */
  requestSlot(held: CircuitEntry, caller: Caller): Claim | undefined {
    const { rules } = this.breaker.settings
    const member = memberOf(held)
    const admission = () => Machine.admit(held.current, rules, this.breaker.now(caller))
    const isOffered = () => {
      const [decision, circuit] = admission()
      return decision._tag === "Admitted" && circuit._tag === "HalfOpen"
    }
    if (this.line.isFailing || member.isAlone || !isOffered()) return undefined
    const claim = new Claim(this.store.coordination.deadline, ({ slot }) =>
      this.probed(held, slot, abandoned, 0)
    )
    const previous = member.claiming
    member.claiming = claim
    let decision: Decision | undefined
    const taken = this.update(held, (shared, now) => {
      const [made, circuit] = Machine.admit(shared.circuit, rules, now)
      decision = made
      if (circuit === shared.circuit) return undefined
      return made._tag === "Admitted"
        ? { ...shared, circuit, probers: { ...shared.probers, [made.ticket.slot]: this.node } }
        : { ...shared, circuit }
    })
    const inTurn =
      previous === undefined
        ? taken
        : Effect.zipRight(
            previous.end,
            Effect.suspend(() => {
              if (isOffered()) return taken
              decision = admission()[0]
              return Effect.succeed(decision._tag === "Rejected")
            })
          )
    const answered = Effect.matchCause(Effect.zipLeft(inTurn, this.quiet(held)), {
      onFailure: () => claim.answer(undefined),
      onSuccess: (isDone) => claim.answer(isDone ? this.ownDecision(held, decision, caller) : undefined)
    })
    this.fork(
      Effect.ensuring(
        answered,
        Effect.sync(() => {
          claim.answer(undefined)
          if (member.claiming === claim) member.claiming = undefined
        })
      )
    )
    return claim
  }

  /** The slot is the shared one, the generation this node's own. */
  private ownDecision(
    held: CircuitEntry,
    decision: Decision | undefined,
    caller: Caller
  ): Decision | undefined {
    if (decision?._tag !== "Admitted") return decision
    const ticket: Ticket = { ...decision.ticket, generation: held.current.generation }
    if (Machine.lands(held.current, this.breaker.settings.rules, ticket, this.breaker.now(caller)))
      return { ...decision, ticket }
    // The circuit went on in the meantime.
    this.probed(held, ticket.slot, abandoned, 0)
    return undefined
  }

  /** Waits until no change of this node's is on its way. */
  private quiet(held: CircuitEntry): Effect.Effect<void> {
    const member = memberOf(held)
    return Effect.suspend(() =>
      member.pending === 0
        ? Effect.void
        : member.changes
            .withPermits(1)(Effect.void)
            .pipe(
              // Those who wait for their turn go first.
              Effect.zipRight(Effect.yieldNow()),
              Effect.zipRight(this.quiet(held))
            )
    )
  }

  /** This node has tripped, for itself alone where too few nodes see failures. */
  private tripped(held: CircuitEntry, { before, now }: Opened): void {
    const member = memberOf(held)
    member.countedAlone = undefined
    if (!this.tally.isFleetMatter(held, before, now)) {
      member.countedAlone = this.tally.contribution(held, now, before)
      this.rounds.hurry(held)
    }
  }

  /** Writes that this node has tripped. A failed probe and a control write their openings themselves. */
  private opened(held: CircuitEntry, reason: OpenReason): void {
    const circuit = held.current
    const member = memberOf(held)
    member.holdings = { ...member.holdings, reason }
    if (reason !== "Tripped" || circuit._tag !== "Open" || member.isAlone) return
    this.push(held, (shared, now) =>
      shared.circuit._tag === "Closed" || shared.circuit._tag === "Recovering"
        ? Steps.open(shared, now, {
            reason: "Tripped",
            openMillis: circuit.openMillis,
            openedAt: circuit.openedAt + this.line.ahead
          })
        : undefined
    )
  }

  /** Writes a control after the changes before it, and waits until other processes can read it. */
  private controlled(held: CircuitEntry, step: Change): Effect.Effect<void> {
    return Effect.suspend(() => {
      memberOf(held).countedAlone = undefined
      // The change is written even if the fiber that waits for it is interrupted.
      return Effect.asVoid(Fiber.await(this.fork(Effect.asVoid(this.update(held, step)))))
    })
  }

  /** How long the fleet's opening lasts if this probe opens it: as long as that of this node, if it has opened. */
  private openMillisAfter(
    held: CircuitEntry,
    { openings }: Circuit<unknown>,
    outcome: Outcome.Outcome,
    caller: Caller
  ): number {
    const { breaker } = this
    return held.current._tag === "Open"
      ? held.current.openMillis
      : openMillisOf(breaker, held, { openings: openings + 1, outcome }, caller)
  }

  private probed(held: CircuitEntry, slot: number, call: Call, openMillis: number): void {
    const { rules } = this.breaker.settings
    const { generation } = memberOf(held)
    this.push(held, (shared, now) => {
      const { circuit } = shared
      const ticket: Ticket = { generation: circuit.generation, slot }
      // Where the store could not be asked, the slot was one of this node's own making. A probe that has given its slot
      // back is known by the generation alone.
      const isKnown =
        slot === Machine.spentSlot ? circuit.generation === generation : shared.probers[slot] === this.node
      if (!isKnown) return undefined
      if (circuit._tag !== "HalfOpen" || !Machine.lands(circuit, rules, ticket, now)) return undefined
      const settled = { ...shared, circuit: Machine.settle(circuit, rules, ticket, { ...call, at: now }) }
      return Machine.trips(settled.circuit, rules, now) === undefined
        ? settled
        : Steps.open(settled, now, { reason: "ProbeFailed", openMillis, openedAt: call.at + this.line.ahead })
    })
  }

  private push(held: CircuitEntry, step: Change): void {
    memberOf(held).writing = this.fork(Effect.asVoid(this.update(held, step)))
  }

  /**
   * Replaces the stored state by compare-and-set, again until no other write comes in between, and applies the result.
   * Of several changes under way, which run one after the other, it applies that of the last. Answers whether the store
   * answered.
   */
  private update(held: CircuitEntry, step: Change): Effect.Effect<boolean> {
    const member = memberOf(held)
    const asked = Effect.suspend(() =>
      this.line.isFailing
        ? Effect.fail(unanswered)
        : Effect.flatMap(this.contact.askAbout([held]), ([answer = unanswered]) =>
            isFault(answer) ? Effect.fail(answer) : this.change(held, step, answer)
          )
    )
    return Effect.suspend(() => {
      member.pending++
      this.rounds.keep(held)
      return member.changes.withPermits(1)(asked)
    }).pipe(
      Effect.map((isWritten) => {
        if (isWritten) member.hasDiverged = false
        return true
      }),
      Effect.catchAll(() => {
        member.hasDiverged = true
        return Effect.succeed(false)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          member.pending--
          if (member.pending > 0 || !member.hasMissedChange) return
          member.hasMissedChange = false
          this.rounds.hurry(held)
        })
      )
    )
  }

  /** Answers whether it has changed something. */
  private change(held: CircuitEntry, step: Change, entry: Entry): Effect.Effect<boolean, CircuitStoreError> {
    return Effect.withFiberRuntime((caller) => {
      const { rules } = this.breaker.settings
      const kept = this.mirror.decode(entry, caller)
      if (kept === undefined) return Effect.fail(otherRules)
      const isFirst = kept.circuit.generation === 0
      const known = this.mirror.withoutLost(kept, entry)
      const takeOver = (shared: Shared, revision: string) => {
        if (memberOf(held).pending === 1) this.mirror.takeOver(held, shared, revision, caller)
        return Effect.succeed(shared !== known)
      }
      const stepped = step({ ...known, circuit: Machine.at(known.circuit, rules, entry.now) }, entry.now)
      const after = stepped && SharedCircuit.successor(stepped, isFirst, entry.now)
      if (after === undefined) return takeOver(known, entry.revision)
      const revision = `${this.node}-${++this.writes}`
      const written = this.store.compareAndSet({
        circuit: this.contact.idOf(held),
        expected: entry.revision,
        revision,
        state: encode(after, this.rules.name),
        keepMillis: this.contact.keepMillis(held)
      })
      return Effect.flatMap(this.line.ask(written), (entry) =>
        entry.revision === revision ? takeOver(after, revision) : this.change(held, step, entry)
      )
    })
  }
}

const abandoned: Call = { outcome: Outcome.ignored, interrupted: true, at: 0, elapsedMillis: 0 }

const unanswered = new CircuitStoreError({ message: "the store does not answer" })

const otherRules = new CircuitStoreError({ message: "the circuit is under other rules" })
