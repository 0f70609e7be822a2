/**
 * A node: a replica, its circuit, and the steps of its breaker and its driver. A message travels to or from the store only
 * when the test says so.
 */
import { assert } from "@effect/vitest"
import * as Machine from "../../../src/internal/core/circuit.ts"
import type { Control } from "../../../src/internal/core/manualControl.ts"
import * as ManualControl from "../../../src/internal/core/manualControl.ts"
import type { Decision } from "../../../src/internal/core/admission.ts"
import { ask, asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import type { Asked, Entry, Event, Of, CircuitRequest } from "../../../src/internal/core/replica/events.ts"
import type { Command, WriteCommand } from "../../../src/internal/core/replica/progress.ts"
import type { Replica } from "../../../src/internal/core/replica/replica.ts"
import * as Activities from "../../../src/internal/core/replica/activity.ts"
import * as Replicas from "../../../src/internal/core/replica/replica.ts"
import type { Settings, Situation } from "../../../src/internal/core/replica/situation.ts"
import { step } from "../../../src/internal/core/replica/step.ts"
import type { AnyCircuit, Tagged } from "../circuits.ts"
import { admitted, failure, frozen, inState, openMillis, success } from "../circuits.ts"
import type { Notified, VirtualStore } from "./VirtualStore.ts"

/** The store's time minus that of all nodes. */
export const clockOffset = 9_000_000

/** A request in flight. */
export interface Asking {
  readonly request: CircuitRequest
  readonly asked: Asked
}

type Outcome = Of<"Settled">["outcome"]["_tag"]

export class TestNode {
  readonly store: VirtualStore
  readonly settings: Settings
  replica: Replica
  circuit: AnyCircuit
  /** The error of its clock offset. */
  clockError = 0
  isListening = true
  isTimeKnown = true
  isFailing = false
  answeringSince = -Infinity
  /** The transitions by the replica: their origin and the new state. */
  transitions: ReadonlyArray<string> = []
  /** The commands of the replica so far. */
  commands: ReadonlyArray<Command> = []
  /** The writes that have not been sent yet. */
  writes: ReadonlyArray<WriteCommand> = []
  private requests = 0
  private made = 0

  constructor(store: VirtualStore, settings: Settings) {
    this.store = store
    this.settings = settings
    this.replica = Replicas.initial(settings)
    this.circuit = Machine.initial(settings.rules.policy)
  }

  /** The time by the node's own clock. */
  get now(): number {
    return this.store.now - clockOffset
  }

  get situation(): Situation {
    const { answeringSince, clockError, isFailing, isListening, isTimeKnown, now, settings } = this
    const revision = `${settings.node}-${this.made}`
    return {
      settings,
      now,
      clockOffset: clockOffset + clockError,
      isTimeKnown,
      isListening,
      isFailing,
      answeringSince,
      revision
    }
  }

  get here(): AnyCircuit {
    return Machine.at(this.circuit, this.settings.rules, this.now)
  }

  get standing(): Replicas.Standing["_tag"] {
    return this.replica.standing._tag
  }

  get dueAt(): number {
    return Activities.dueAt(this.replica, this.settings)
  }

  /** The generation of the shared circuit that its own circuit corresponds to. */
  get epoch(): number {
    return Replicas.epochOf(this.replica, this.circuit)
  }

  as<Tag extends AnyCircuit["_tag"]>(tag: Tag): Tagged<Tag> {
    return inState(this.circuit, tag)
  }

  commanded<Tag extends Command["_tag"]>(tag: Tag): ReadonlyArray<Extract<Command, { readonly _tag: Tag }>> {
    return this.commands.filter((it): it is Extract<Command, { readonly _tag: Tag }> => it._tag === tag)
  }

  fail(times = 1): void {
    for (let i = 0; i < times; i++) this.settle("Failure", 0)
  }

  succeed(elapsedMillis = 0): void {
    this.settle("Success", 0, { elapsedMillis })
  }

  /** Settles a call, with or without a slot, if the circuit still accepts its outcome. */
  settle(
    outcome: Outcome,
    slot: number,
    { elapsedMillis = 0 }: { readonly elapsedMillis?: number } = {}
  ): void {
    const { rules } = this.settings
    const { generation } = this.here
    this.roll()
    const before = this.circuit
    const ticket = { generation, slot }
    if (!Machine.stillCounts(before, rules, ticket, this.now)) return
    const call = outcome === "Success" ? success(this.now, elapsedMillis) : failure(this.now)
    this.circuit = Machine.settle(before, rules, ticket, { ...call, outcome: { _tag: outcome } })
    this.tripIfDue(before)
    this.take({ _tag: "Settled", before, slot, call, outcome: { _tag: outcome }, openMillis })
  }

  /** Takes a slot of the node's own circuit for a probe, and returns the slot. */
  probe(): number {
    this.roll()
    const [ticket, circuit] = admitted(this.circuit, this.settings.rules, this.now)
    this.circuit = circuit
    return ticket.slot
  }

  /** Requests a slot of the shared circuit, and returns the number of the request. */
  requestSlot(): number {
    this.roll()
    assert.isTrue(asksForSlot(this.replica, this.circuit, this.situation))
    this.take({ _tag: "SlotRequested", request: ++this.requests })
    return this.requests
  }

  /** The answer to a slot request; "Waiting" before there is one, "ByItself" if the node's own circuit decides. */
  decisionOn(request: number): Decision | "Waiting" | "ByItself" {
    const answer = this.commanded("Answer").find((it) => it.request === request)
    return answer === undefined ? "Waiting" : (answer.decision ?? "ByItself")
  }

  /** The slot that was granted to a request. */
  slotOf(request: number): number {
    const decision = this.decisionOn(request)
    if (typeof decision === "string" || decision._tag === "Rejected") throw new Error("no slot was granted")
    return decision.ticket.slot
  }

  control(control: Control): void {
    const { rules } = this.settings
    this.roll()
    const before = this.circuit
    this.circuit = controlled(before, control, { now: this.now, rules })
    if (this.circuit === before) return
    if (control === "Trip" && before._tag !== "Open") {
      this.take({ _tag: "Opened", before, reason: "Manual" })
    }
    this.take({ _tag: "Controlled", control })
  }

  ask(): Asking {
    const { asked, request, replica } = ask(frozen(this.replica), this.circuit, this.situation)
    this.replica = replica
    return { asked, request }
  }

  /** A request reaches the store, which answers. */
  put({ request }: Asking): Entry {
    return this.store.exchange(this.settings.node, request)
  }

  receive({ asked }: Asking, entry: Entry): void {
    this.take({ _tag: "Answered", asked, entry })
  }

  /** Asks the store, and receives the answer at once. */
  exchange(): CircuitRequest {
    const asking = this.ask()
    this.receive(asking, this.put(asking))
    return asking.request
  }

  /** The store cannot be asked. */
  lose({ request }: Asking): void {
    this.take({ _tag: "Unanswered", request })
  }

  /** The earliest write reaches the store; the test may withhold the answer. */
  sendWrite(): { readonly entry: Entry; readonly revision: string } {
    const [write, ...rest] = this.writes
    if (write === undefined) throw new Error("there is nothing to write")
    this.writes = rest
    return { entry: this.store.compareAndSet(this.settings.node, write), revision: write.revision }
  }

  /** All writes reach the store, and are answered. */
  write(): void {
    while (this.writes.length > 0) this.take({ _tag: "Written", ...this.sendWrite() })
  }

  /** A write does not reach the store. */
  loseWrite(): void {
    const [write, ...rest] = this.writes
    this.writes = rest
    this.take({ _tag: "WriteFailed", revision: write!.revision })
  }

  receiveChange(change: Notified = this.store.changes.at(-1)!): void {
    this.take({ _tag: "ChangeReceived", ...change })
  }

  loseStore(): void {
    this.isFailing = true
    this.take({ _tag: "StoreLost" })
  }

  findStore(): void {
    this.isFailing = false
    this.answeringSince = this.store.now
    this.take({ _tag: "ExchangeRequested" })
  }

  take(event: Event): void {
    const stepped = step(frozen(this.replica), frozen(this.circuit), event, this.situation)
    this.replica = stepped.replica
    const isOpening = stepped.commands.some(({ _tag }) => _tag === "Open")
    for (const command of stepped.commands) this.perform(command)
    if (!isOpening) assert.strictEqual(this.circuit, stepped.circuit)
  }

  private perform(command: Command): void {
    this.commands = [...this.commands, command]
    switch (command._tag) {
      case "Change":
        return this.change(command)
      case "Open":
        return this.open()
      case "Write":
        this.made++
        this.writes = [...this.writes, command]
        return
      default:
        return
    }
  }

  private change({ circuit, origin }: Extract<Command, { readonly _tag: "Change" }>): void {
    if (circuit.generation !== this.circuit.generation) {
      this.transitions = [...this.transitions, `${origin} ${circuit._tag}`]
    }
    this.circuit = circuit
  }

  /** A change by the passing of time alone is a transition of the breaker itself. */
  private roll(): void {
    this.circuit = this.here
  }

  private tripIfDue(before: AnyCircuit): void {
    if (this.circuit === before || this.circuit.generation !== before.generation) return
    const { rules } = this.settings
    if (this.circuit._tag === "HalfOpen") {
      if (Machine.trips(this.circuit, rules, this.now) !== undefined) this.open("ProbeFailed")
      return
    }
    const { at, circuit } = Replicas.merged(this.replica, this.circuit, this.situation)
    if (Machine.trips(circuit, rules, at) !== undefined) this.open()
  }

  private open(reason: "Tripped" | "ProbeFailed" = "Tripped"): void {
    const before = this.circuit
    const openings = Machine.nextOpening(before, this.now)
    this.circuit = Machine.open(before, before.generation, { openings, openMillis, openedAt: this.now })
    this.take({ _tag: "Opened", before, reason })
  }
}

const controlled = (
  circuit: AnyCircuit,
  control: Control,
  { now, rules }: { readonly now: number; readonly rules: Settings["rules"] }
): AnyCircuit => {
  switch (control) {
    case "Trip":
      if (circuit._tag === "Isolated" || circuit._tag === "Disabled") return circuit
      if (circuit._tag === "Open") return ManualControl.restart(circuit, now)
      return Machine.open(circuit, circuit.generation, {
        openings: Machine.nextOpening(circuit, now),
        openMillis,
        openedAt: now
      })
    case "Reset":
      return ManualControl.reset(circuit, rules, now)
    case "Isolate":
      return ManualControl.isolate(circuit)
    case "Release":
      return ManualControl.release(circuit, rules, circuit._tag === "Isolated" ? circuit.since : NaN, now)
    case "Disable":
      return ManualControl.disable(circuit)
    case "Enable":
      return ManualControl.enable(circuit, rules, now)
  }
}
