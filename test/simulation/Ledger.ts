/** The record of everything that happens in a fleet: the truth that the invariants compare with. */
import type { CompareAndSet } from "../../src/CircuitStore.ts"
import type { Rules } from "../../src/internal/core/circuit.ts"
import { isCounting } from "../../src/internal/core/circuit.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import * as Replicas from "../../src/internal/core/replica/replica.ts"
import * as Slots from "../../src/internal/core/slots.ts"
import type { SharedCircuit } from "../../src/internal/core/wire/state.ts"
import { decode } from "../../src/internal/core/wire/state.ts"
import type { Counts } from "../../src/internal/core/windows/window.ts"
import { noCounts } from "../../src/internal/core/windows/window.ts"
import type { Fact } from "./Fact.ts"
import type { Disturbance, Fleet } from "./Fleet.ts"
import type { RulesSetup, Setup } from "./Setup.ts"
import { deadlineMillis, settingsFor } from "./Setup.ts"
import type { Stored } from "./VirtualStore.ts"
import type { VirtualNode } from "./VirtualNode.ts"
import { clockError } from "./views.ts"

/** A state as the store keeps it. */
export interface Read {
  readonly shared: SharedCircuit
  /** The rules of the state; a Closed state is valid under any. */
  readonly rules: Rules<unknown>
  readonly rulesName: string
  readonly setup: RulesSetup
}

/** A call that has a slot of the shared circuit. */
export interface Probe {
  readonly id: number
  readonly key: string
  readonly node: string
  readonly generation: number
  /** In the store's time. */
  readonly takenAt: number
  /** Whether its slot may have been granted again, because its lease had expired or the store has lost it. */
  isLost: boolean
}

export interface CallNote {
  readonly id: number
  readonly key: string
  readonly node: number
  readonly name: string
  readonly beganAt: number
  readonly isCall: boolean
  hasStarted: boolean
  hasSettled: boolean
  wasRejected: boolean
}

/** An outcome, bad or not, and when it was recorded. */
interface Outcome {
  readonly at: number
  readonly isBad: boolean
}

/** The counts of all outcomes that were recorded in a window. */
interface Recorded {
  readonly key: string
  readonly windowName: string
  readonly counts: Counts
}

interface Lineage {
  readonly counts: Counts
  readonly epoch: number
}

export class Ledger {
  readonly calls = new Map<number, CallNote>()
  readonly probes = new Map<number, Probe>()
  readonly outcomes = new Map<string, Array<Outcome>>()
  readonly revisions = new Map<string, string>()
  /** When a circuit was last reset, by key and by the rules of the process. */
  readonly latestResets = new Map<string, Readonly<Record<string, number>>>()
  /** The latest generation of the shared circuit in which each node has tripped. */
  readonly trips = new Map<string, number>()
  /** The generation of each circuit that each node last followed. */
  readonly followed = new Map<string, number>()
  /** The revision of the opening or the recovery that each node followed last. */
  readonly temporary = new Map<string, string>()
  /** When each node has isolated each circuit. */
  readonly isolated = new Map<string, ReadonlyArray<number>>()
  /** When each node was last frozen. */
  readonly frozenUntil: Array<number> = []
  /** When each process ended. */
  readonly goneAt = new Map<string, number>()
  /** The end of the last fault. */
  calmSince = 0
  /** The time of the last loss of data in the store. */
  keptSince = 0
  /** When the store was last written, by key. */
  readonly writtenAt = new Map<string, number>()
  /** The counts of all outcomes that were recorded in each window, by its epoch. */
  readonly truth = new Map<number, ReadonlyArray<Recorded>>()
  readonly lineages = new Map<string, Lineage>()
  readonly takenAt = new Map<string, number>()
  private readonly reads: Map<string, Read | undefined>
  private readonly setup: Setup

  constructor(setup: Setup, reads = new Map<string, Read | undefined>()) {
    this.setup = setup
    this.reads = reads
  }

  copy(): Ledger {
    const copy = new Ledger(this.setup, this.reads)
    for (const [id, call] of this.calls) copy.calls.set(id, { ...call })
    for (const [id, probe] of this.probes) copy.probes.set(id, { ...probe })
    for (const [key, outcomes] of this.outcomes) copy.outcomes.set(key, [...outcomes])
    for (const name of copiedMaps) for (const [key, value] of this[name]) copy[name].set(key, value as never)
    for (const [epoch, recorded] of this.truth) copy.truth.set(epoch, recorded)
    copy.frozenUntil.push(...this.frozenUntil)
    copy.calmSince = this.calmSince
    copy.keptSince = this.keptSince
    return copy
  }

  /** The part of the record that later steps are checked against. */
  get content(): unknown {
    const { calls, followed, isolated, latestResets, lineages, outcomes, probes } = this
    const { takenAt, temporary, trips, truth, writtenAt } = this
    const judged = [calls, followed, isolated, latestResets, lineages, outcomes, probes]
    const maps = [...judged, takenAt, temporary, trips, truth, writtenAt]
    return [
      this.calmSince,
      this.keptSince,
      ...maps.map((map) => [...map].sort(([a], [b]) => (a < b ? -1 : 1)))
    ]
  }

  /** The stored circuit, and its state if it can be decoded. */
  read(state: string): Read | undefined {
    const known = this.reads.get(state)
    if (known !== undefined || this.reads.has(state)) return known
    const read = this.decode(state)
    this.reads.set(state, read)
    return read
  }

  private decode(state: string): Read | undefined {
    // A state that is Closed under some rules may be another one under its own, which are tried first.
    const [before, after] = this.setup.rules
    const isAfter = after !== before && isUnder(state, after) && !isUnder(state, before)
    for (const setup of isAfter ? [after, before] : [before, after]) {
      const { longestOpenMillis, rules, rulesName } = settingsFor(setup)
      const read = decode(state, { rules, rulesName, longestOpenMillis, now: Infinity })
      if (read._tag === "State") return { shared: read.state, rules, rulesName, setup }
    }
    return undefined
  }

  stored(fleet: Fleet, key: string): { readonly stored: Stored; readonly read: Read | undefined } {
    const stored = fleet.store.find(key, fleet.storeNow)
    return { stored, read: this.read(stored.state) }
  }

  /** The time since the last write of a circuit. */
  writtenFor(fleet: Fleet, key: string): number {
    return fleet.now - (this.writtenAt.get(key) ?? -Infinity)
  }

  disturbed(fleet: Fleet, by: Disturbance): void {
    this.calmSince = Math.max(this.calmSince, fleet.now)
    switch (by._tag) {
      case "StoreLost":
        this.keptSince = fleet.now
        // If older data follow, nodes that have seen the empty store cannot know that they followed them before.
        if (fleet.store.circuits.size === 0) this.temporary.clear()
        for (const probe of this.probes.values()) probe.isLost = true
        return
      case "NodeGone":
        this.goneAt.set(by.name, fleet.now)
        this.dropNode(by.name)
        return
      case "NodeFrozen":
        this.frozenUntil[by.node] = fleet.now + by.millis
        this.calmSince = Math.max(this.calmSince, fleet.now + by.millis)
        return
      default:
        return
    }
  }

  private dropNode(name: string): void {
    for (const [id, call] of this.calls) if (call.name === name) this.calls.delete(id)
    for (const [id, probe] of this.probes) if (probe.node === name) this.probes.delete(id)
  }

  noted(fleet: Fleet, node: VirtualNode, fact: Fact): void {
    switch (fact._tag) {
      case "Began":
        this.calls.set(fact.activity.id, {
          id: fact.activity.id,
          key: fact.activity.key,
          node: node.birth.node,
          name: node.settings.node,
          beganAt: fleet.now,
          isCall: fact.activity._tag === "Call",
          hasStarted: false,
          hasSettled: false,
          wasRejected: false
        })
        return
      case "Started":
        this.calls.get(fact.call.id)!.hasStarted = true
        if (fact.isGranted) this.addProbe(fleet, node, fact)
        return
      case "Rejected":
        this.calls.get(fact.call.id)!.wasRejected = true
        return
      case "Settled":
        this.calls.get(fact.call.id)!.hasSettled = true
        this.probes.delete(fact.call.id)
        return
      case "Ended":
        this.calls.delete(fact.activity.id)
        return
      case "Recorded":
        return this.record(fleet, node, fact)
      case "Changed":
        return this.follow(node, fact)
      case "Stepped":
        this.trip(node, fact)
        return this.control(fleet, node, fact)
      default:
        return
    }
  }

  private follow({ members }: VirtualNode, { key, to }: Extract<Fact, { readonly _tag: "Changed" }>): void {
    const { name, replica } = members.get(key)!
    const { revision, shared } = replica.followed
    const endsByTime = to._tag === "Open" || to._tag === "Recovering"
    if (endsByTime && shared.circuit._tag === to._tag && replica.standing._tag === "InSync")
      this.temporary.set(name, revision)
  }

  private trip(node: VirtualNode, { event, key }: Extract<Fact, { readonly _tag: "Stepped" }>): void {
    if (event._tag !== "Opened" || event.reason !== "Tripped") return
    const { name, replica } = node.members.get(key)!
    const generation = event.before.generation + replica.generationOffset
    this.trips.set(name, Math.max(generation, this.trips.get(name) ?? 0))
  }

  private control(
    fleet: Fleet,
    { members, settings }: VirtualNode,
    { event, key }: Extract<Fact, { readonly _tag: "Stepped" }>
  ): void {
    if (event._tag !== "Controlled") return
    if (event.control === "Reset")
      this.latestResets.set(key, { ...this.latestResets.get(key), [settings.rulesName]: fleet.now })
    if (event.control !== "Isolate") return
    const { name } = members.get(key)!
    this.isolated.set(name, [...(this.isolated.get(name) ?? []), fleet.now])
  }

  private addProbe(
    fleet: Fleet,
    node: VirtualNode,
    { call, generation, slot }: Extract<Fact, { readonly _tag: "Started" }>
  ): void {
    const takenAt = this.takenAt.get(`${call.key} ${generation} ${slot}`)
    if (takenAt === undefined) return
    this.probes.set(call.id, {
      id: call.id,
      key: call.key,
      node: node.settings.node,
      generation,
      takenAt,
      isLost: fleet.storeNow - takenAt > 2_000
    })
  }

  private record(fleet: Fleet, node: VirtualNode, fact: Extract<Fact, { readonly _tag: "Recorded" }>): void {
    const { call, epoch, key } = fact
    const counts = countsOf(call, node.rules)
    const outcomes = this.outcomes.get(key) ?? []
    outcomes.push({ at: fleet.storeNow, isBad: counts.failures + counts.slow > 0 })
    this.outcomes.set(key, outcomes)
    const { name } = node.members.get(key)!
    const lineage = this.lineages.get(name) ?? { counts: noCounts, epoch }
    this.addTruth(key, node, epoch, counts)
    this.lineages.set(name, { counts: plus(lineage.counts, counts), epoch: lineage.epoch })
  }

  /** The content of a window moves with it into another epoch. */
  followWindows(node: VirtualNode): void {
    for (const { circuit, key, name, replica } of node.members.values()) {
      const lineage = this.lineages.get(name)
      const isAlone = replica.standing._tag === "LocallyOpen"
      if (lineage === undefined || !(isCounting(circuit) || isAlone)) continue
      const epoch = isAlone ? replica.standing.epoch : Replicas.epochOf(replica, circuit)
      if (isCounting(circuit) && circuit.window === node.rules.policy.initial) this.lineages.delete(name)
      else if (lineage.epoch !== epoch) {
        this.addTruth(key, node, epoch, lineage.counts)
        this.lineages.set(name, { ...lineage, epoch })
      }
    }
  }

  private addTruth(key: string, { settings }: VirtualNode, epoch: number, counts: Counts): void {
    const all = this.truth.get(epoch) ?? []
    const known = all.find((it) => it.key === key && it.windowName === settings.windowName)
    const next = { key, windowName: settings.windowName, counts: plus(known?.counts ?? noCounts, counts) }
    this.truth.set(epoch, [...all.filter((it) => it !== known), next])
  }

  /** The counts of all outcomes that were recorded in a window of an epoch. */
  recordedIn(key: string, windowName: string, epoch: number): Counts {
    for (const it of this.truth.get(epoch) ?? [])
      if (it.key === key && it.windowName === windowName) return it.counts
    return noCounts
  }

  written(fleet: Fleet, request: CompareAndSet, after: Stored): void {
    const { key } = request.circuit
    if (after.revision !== request.revision) return
    this.writtenAt.set(key, fleet.now)
    const circuit = this.read(after.state)?.shared.circuit
    if (circuit?._tag !== "HalfOpen") return
    // A node takes a slot when it sends the write, at most a deadline before the write arrives.
    const earliest = fleet.storeNow - deadlineMillis - clockError
    for (const { id, takenAt } of Slots.toArray(circuit.slots)) {
      const slot = `${key} ${circuit.generation} ${id}`
      if (!this.takenAt.has(slot)) this.takenAt.set(slot, Math.max(takenAt, earliest))
    }
  }
}

const isUnder = (state: string, rules: RulesSetup): boolean =>
  state.includes(JSON.stringify(settingsFor(rules).rulesName))

const copiedMaps = [
  "revisions",
  "goneAt",
  "writtenAt",
  "lineages",
  "takenAt",
  "latestResets",
  "isolated",
  "followed",
  "temporary",
  "trips"
] as const

const plus = (a: Counts, b: Counts): Counts => ({
  calls: a.calls + b.calls,
  failures: a.failures + b.failures,
  slow: a.slow + b.slow
})

const countsOf = ({ elapsedMillis, outcome }: Call, { policy }: Rules<unknown>): Counts => ({
  calls: 1,
  failures: Number(outcome._tag === "Failure"),
  slow: Number(elapsedMillis >= policy.slowerThanMillis)
})
