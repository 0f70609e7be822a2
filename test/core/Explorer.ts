/**
 * Runs every order of the steps of a few calls and controls on one circuit, and checks what must hold in all of them.
 * The steps are the shell's: what it does in one go is one step here, and opening is a step of its own.
 *
 * Calls that stand alike are alike, so a situation is known by its calls in any order: each is explored once, and the
 * orders that lead through it are counted.
 */
import { setImmediate as nextTurn } from "node:timers/promises"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import type { AnyCircuit, Asked, Rules } from "./circuits.ts"
import { failure, frozen, ignored, interrupted, success } from "./circuits.ts"
import * as Invariants from "./invariants.ts"
import type { CallState, Event, Ledger, Move, Opening, Running } from "./Ledger.ts"
import { afterMove, isAnswered, isLive, ledgerOf, verdictOn } from "./Ledger.ts"
import type { Action, Control, Situation } from "./Situation.ts"
import { keyOf, keyOfCall } from "./Situation.ts"

/** The functions under test, so that a broken one can take the place of one that works. */
export interface Machine {
  at(circuit: AnyCircuit, rules: Rules, now: number): AnyCircuit
  admit(circuit: AnyCircuit, rules: Rules, now: number): Asked
  stillCounts(circuit: AnyCircuit, rules: Rules, ticket: Circuit.Ticket, now: number): boolean
  settle(circuit: AnyCircuit, rules: Rules, ticket: Circuit.Ticket, call: Call): AnyCircuit
  trips(circuit: AnyCircuit, rules: Rules, now: number): ReturnType<typeof Circuit.trips>
  nextOpening(circuit: AnyCircuit, now: number): number
  open(circuit: AnyCircuit, generation: number, opening: Circuit.Opening): AnyCircuit
  restart(circuit: Circuit.Open, now: number): AnyCircuit
  reset(circuit: AnyCircuit, rules: Rules, now: number): AnyCircuit
  isolate(circuit: AnyCircuit): Circuit.Isolated
  release(circuit: AnyCircuit, rules: Rules, since: number, now: number): AnyCircuit
  disable(circuit: AnyCircuit): AnyCircuit
  enable(circuit: AnyCircuit, rules: Rules, now: number): AnyCircuit
}

/** The functions of the source. */
export const realMachine: Machine = { ...Circuit, ...Admission, ...ManualControl }

export interface Scenario {
  readonly rules: Rules
  readonly openMillis: number
  /** With an empty window and no slot taken, and in its state since `now`. */
  readonly circuit: AnyCircuit
  readonly now: number
  /** The number of callers. */
  readonly calls: number
  /** The number of further callers, which call only when the circuit is HalfOpen. */
  readonly probes: number
  /** The number of the first callers that are streams: the first chunk settles a probe, which may fail later. */
  readonly streams: number
  /** The number of times that time may advance, and by how much. */
  readonly ticks: number
  readonly tickMillis: number
  /** The controls: each list in its own order, and the lists in any order. */
  readonly controls: ReadonlyArray<ReadonlyArray<Action>>
}

export interface Exploration {
  readonly situations: number
  readonly steps: number
  readonly endings: number
  readonly orders: number
  readonly states: ReadonlySet<AnyCircuit["_tag"]>
  /** The first invariant that was found broken, and the steps that broke it. */
  readonly broken: { readonly invariant: string; readonly by: string } | undefined
}

/** Explores a scenario until an invariant is broken; with `only`, until that one is. */
export const explore = (
  scenario: Scenario,
  machine: Machine = realMachine,
  only?: Invariants.Invariant
): Promise<Exploration> => new Explorer(scenario, machine, only).run()

/** A step, and how many calls that are alike could be the one to take it. */
type Step = readonly [name: string, step: () => Situation, times?: number]

class Broken extends Error {}

const over: CallState = { _tag: "Over" }

const idle: Control = { left: [], isolation: 0, opening: undefined }

/** All orders with the same first steps, this many, are explored in one turn of the event loop, of about half a second at most. */
const stepsBetweenTurns = 6

class Explorer {
  private readonly scenario: Scenario
  private readonly rules: Rules
  private readonly machine: Machine
  private readonly only: string | undefined
  private readonly ordersFrom = new Map<string, number>()
  private readonly states = new Set<AnyCircuit["_tag"]>()
  private readonly path: Array<string> = []
  private steps = 0
  private endings = 0

  constructor(scenario: Scenario, machine: Machine, only: string | undefined) {
    this.scenario = scenario
    this.rules = scenario.rules
    this.machine = machine
    this.only = only
  }

  async run(): Promise<Exploration> {
    const { calls, circuit, controls, now, probes, streams, ticks } = this.scenario
    const callers = Array.from({ length: calls + probes }, (_, i): CallState => ({
      _tag: "Waiting",
      onlyHalfOpen: i >= calls,
      isStream: i < streams
    }))
    let orders = 0
    let broken: Exploration["broken"]
    try {
      const start: Situation = {
        circuit: frozen(circuit),
        now,
        calls: callers,
        controls: controls.map((left) => ({ ...idle, left })),
        ticksLeft: ticks,
        ledger: ledgerOf(circuit, now)
      }
      await this.exploreInTurns(start, stepsBetweenTurns)
      orders = this.ordersThrough(start)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      broken = { invariant: error.message, by: this.path.join(", ") }
    }
    const { endings, states, steps } = this
    return { situations: this.ordersFrom.size, steps, endings, orders, states, broken }
  }

  /** Explores what lies so many steps ahead, and lets the event loop have its turns. */
  private async exploreInTurns(situation: Situation, steps: number): Promise<void> {
    if (this.ordersFrom.has(keyOf(situation))) return
    if (steps > 0) {
      for (const [name, step] of this.stepsFrom(situation)) {
        this.path.push(name)
        await this.exploreInTurns(step(), steps - 1)
        this.path.pop()
      }
    }
    this.ordersThrough(situation)
    await nextTurn()
  }

  /** The number of orders of the remaining steps. */
  private ordersThrough(situation: Situation): number {
    const key = keyOf(situation)
    const known = this.ordersFrom.get(key)
    if (known !== undefined) return known
    this.states.add(situation.circuit._tag)
    this.demand(Invariants.ofSituations, (holds) => holds(situation, this.rules, this.machine))
    let orders = 0
    for (const [name, step, times = 1] of this.stepsFrom(situation)) {
      this.steps += times
      this.path.push(name)
      orders += times * this.ordersThrough(step())
      this.path.pop()
    }
    if (orders === 0) {
      this.demand(Invariants.ofEndings, (holds) => holds(situation, this.rules, this.machine))
      this.endings++
      orders = 1
    }
    this.ordersFrom.set(key, orders)
    return orders
  }

  private *stepsFrom(situation: Situation): Iterable<Step> {
    const { calls, circuit, controls, now, ticksLeft } = situation
    const alike = calls.map(keyOfCall)
    for (const [i, call] of calls.entries()) {
      if (alike.indexOf(alike[i]!) < i) continue
      const times = alike.filter((key) => key === alike[i]).length
      switch (call._tag) {
        case "Waiting":
          if (!call.onlyHalfOpen || this.machine.at(circuit, this.rules, now)._tag === "HalfOpen")
            yield [`${i} asks`, () => this.admit(situation, i, call.isStream), times]
          break
        case "Running":
          for (const [name, step] of this.stepsOf(situation, i, call)) yield [`${i} ${name}`, step, times]
          break
        case "Opening":
          yield [`${i} opens`, () => this.open({ ...situation, calls: calls.with(i, over) }, call), times]
      }
    }
    for (const [i, { left, opening }] of controls.entries()) {
      if (opening !== undefined) {
        const without = controls.with(i, { ...idle, left })
        yield ["a hand opens", () => this.open({ ...situation, controls: without }, opening)]
      } else if (left.length > 0) {
        yield [`a hand: ${left[0]}`, () => this.act(situation, i)]
      }
    }
    if (ticksLeft > 0) {
      const later = now + this.scenario.tickMillis
      yield [`the time is ${later}`, () => ({ ...situation, now: later, ticksLeft: ticksLeft - 1 })]
    }
  }

  private *stepsOf(situation: Situation, i: number, call: Running): Iterable<Step> {
    const { calls, now } = situation
    const elapsed = now - call.since
    if (isAnswered(call)) {
      yield ["goes on and fails", () => this.settle(situation, i, call, failure(now))]
      yield ["goes on and ends", () => ({ ...situation, calls: calls.with(i, over) })]
      return
    }
    if (call.isStream && call.isProbe)
      yield ["gets its first chunk", () => this.arrive(situation, i, call, success(now, elapsed))]
    const ends = [success(now, elapsed), failure(now, elapsed), ignored(now, elapsed)]
    if (this.rules.policy.countsInterrupted) ends.push(interrupted(now, elapsed))
    for (const end of ends) {
      const how = end.interrupted ? "is interrupted" : `ends with ${end.outcome._tag}`
      yield [how, () => this.settle(situation, i, call, end)]
    }
  }

  private admit(stored: Situation, i: number, isStream: boolean): Situation {
    const [decision, to] = this.machine.admit(stored.circuit, this.rules, stored.now)
    const seen = this.look(stored)
    const situation = this.move(seen, to, { _tag: "Admission", decision })
    const call: CallState =
      decision._tag === "Rejected"
        ? over
        : {
            _tag: "Running",
            ticket: decision.ticket,
            isProbe: to._tag === "HalfOpen",
            since: stored.now,
            isStream
          }
    return { ...situation, calls: situation.calls.with(i, call) }
  }

  /** A stream settles before it ends: what has counted as a success may still fail. */
  private arrive(situation: Situation, i: number, call: Running, chunk: Call): Situation {
    const { circuit, now } = situation
    const counts =
      isLive(call, circuit, now, this.rules) && verdictOn(chunk, circuit._tag, this.rules) === "good"
    const settled = this.settle(situation, i, call, chunk)
    if (!counts || settled.calls[i]!._tag !== "Over") return settled
    const answered: Running = { ...call, ticket: { ...call.ticket, slot: Circuit.answeredSlot } }
    return { ...settled, calls: settled.calls.with(i, answered) }
  }

  private settle(situation: Situation, i: number, call: Running, end: Call): Situation {
    const { calls, circuit, ledger, now } = situation
    const { machine, rules } = this
    const { ticket } = call
    const stillCounts = machine.stillCounts(circuit, rules, ticket, now)
    const to = stillCounts ? machine.settle(circuit, rules, ticket, end) : circuit
    const trips =
      stillCounts && to.generation === circuit.generation && machine.trips(to, rules, now) !== undefined
    const next = this.move(situation, to, {
      _tag: "Outcome",
      call: end,
      isAnswered: isAnswered(call),
      // A recovery that is over has a new generation, whether or not anybody has noticed.
      isLive: isLive(call, circuit, now, rules) && !this.isOver(circuit, ledger, now),
      stillCounts,
      trips
    })
    return { ...next, calls: calls.with(i, trips ? this.opening(to, now) : over) }
  }

  private isOver(circuit: AnyCircuit, ledger: Ledger, now: number): boolean {
    return circuit._tag === "Recovering" && now >= ledger.since + this.rules.recovery!.durationMillis
  }

  private opening(circuit: AnyCircuit, now: number): Opening {
    const openings = this.machine.nextOpening(circuit, now)
    return { _tag: "Opening", generation: circuit.generation, openings, since: now }
  }

  private open(situation: Situation, opening: Opening): Situation {
    const { generation, openings, since } = opening
    const { openMillis } = this.scenario
    const to = this.machine.open(situation.circuit, generation, { openings, openMillis, openedAt: since })
    return this.move(situation, to, { _tag: "Opening", opening })
  }

  private act(stored: Situation, i: number): Situation {
    const { machine, rules } = this
    const situation = this.look(stored)
    const { circuit, controls, now } = situation
    const [action, ...left] = controls[i]!.left
    const { isolation } = controls[i]!
    const after = (next: Situation, change: Partial<Control> = {}): Situation => ({
      ...next,
      controls: next.controls.with(i, { left, isolation, opening: undefined, ...change })
    })
    switch (action!) {
      case "trip":
        if (circuit._tag === "Isolated" || circuit._tag === "Disabled") return after(situation)
        return circuit._tag === "Open"
          ? after(this.move(situation, machine.restart(circuit, now), { _tag: "Restart" }))
          : after(situation, { opening: this.opening(circuit, now) })
      case "reset":
        return after(this.move(situation, machine.reset(circuit, rules, now), { _tag: "Reset" }))
      case "isolate": {
        const to = machine.isolate(circuit)
        return after(this.move(situation, to, { _tag: "Isolate" }), { isolation: to.since })
      }
      case "release": {
        const to = machine.release(circuit, rules, isolation, now)
        return after(this.move(situation, to, { _tag: "Release", isolation }))
      }
      case "disable":
        return after(this.move(situation, machine.disable(circuit), { _tag: "Disable" }))
      case "enable":
        return after(this.move(situation, machine.enable(circuit, rules, now), { _tag: "Enable" }))
    }
  }

  /** A change by the passing of time comes first, as a change of its own. */
  private look(situation: Situation): Situation {
    const to = this.machine.at(situation.circuit, this.rules, situation.now)
    return this.move(situation, to, { _tag: "Look" })
  }

  private move(situation: Situation, to: AnyCircuit, event: Event): Situation {
    const { circuit: from, ledger, now } = situation
    const move: Move = { event, from, to: frozen(to), now, ledger }
    this.demand(Invariants.ofMoves, (holds) => holds(move, this.rules))
    return { ...situation, circuit: to, ledger: afterMove(move, this.rules, this.scenario.openMillis) }
  }

  private demand<Holds>(invariants: Record<string, Holds>, isKept: (holds: Holds) => boolean): void {
    for (const name in invariants) {
      if (this.only !== undefined && this.only !== name) continue
      if (!isKept(invariants[name]!)) throw new Broken(name)
    }
  }
}
