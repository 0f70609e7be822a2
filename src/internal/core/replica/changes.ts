import type { Circuit, Decision, Rules, Ticket } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Call } from "../policies/policy.ts"
import * as Slots from "../slots.ts"
import type { Holdings, Holds, SharedCircuit } from "../wire.ts"
import type { Settings } from "./situation.ts"
import { heldBy } from "./shared.ts"

/**
 * A change that a node makes of a shared circuit, as data: it is made again, of the state that another node has written in
 * between, until the store has taken it. All times are the store's.
 *
 * @internal
 */
export type Change = Opens | TakesSlot | SettlesProbe | Trips | Resets | Keeps | Restores

/**
 * The node has tripped. When it opened counts, not when the others could know.
 *
 * @internal
 */
export interface Opens {
  readonly _tag: "Opens"
  /** The generation in which the failures were counted. */
  readonly generation: number
  readonly openMillis: number
  readonly openedAt: number
}

/**
 * A call asks for a slot.
 *
 * @internal
 */
export interface TakesSlot {
  readonly _tag: "TakesSlot"
  readonly request: number
}

/**
 * A probe has ended. If it opens the circuit, that lasts `openMillis`.
 *
 * @internal
 */
export interface SettlesProbe {
  readonly _tag: "SettlesProbe"
  readonly slot: number
  readonly generation: number
  readonly call: Call
  readonly openMillis: number
}

/** @internal */
export interface Trips {
  readonly _tag: "Trips"
  readonly openMillis: number
  readonly openedAt: number
}

/** @internal */
export interface Resets {
  readonly _tag: "Resets"
}

/**
 * The node isolates and disables the circuit so often.
 *
 * @internal
 */
export interface Keeps extends Kept {
  readonly _tag: "Keeps"
  /** How many resets the node knew of, and how many of its isolations the store had by then: a later reset ends those. */
  readonly resets: number
  readonly begun: number
}

/**
 * How often a node isolates a circuit, and how often it disables it.
 *
 * @internal
 */
export interface Kept {
  readonly isolations: number
  readonly disables: number
}

/**
 * The store is given back what it has lost, or never got.
 *
 * @internal
 */
export interface Restores extends Kept {
  readonly _tag: "Restores"
  /** The circuit as the node has it, in its shared generation. */
  readonly circuit: Circuit<unknown>
  readonly holdings: Holdings
  /** Up to this generation, what the store keeps is what the node has seen there. */
  readonly seen: number
  /** Whether the node has changed the circuit itself since the others last knew of it. */
  readonly isNews: boolean
  /** The generation of the window that the store keeps: its state was of that one at the least. */
  readonly epoch: number
}

/**
 * What a change makes of a shared circuit: the same object where it changes nothing. A call that asked for a slot gets a
 * decision.
 *
 * @internal
 */
export interface Applied {
  readonly shared: SharedCircuit
  readonly decision: Decision | undefined
}

/** @internal */
export const apply = (change: Change, shared: SharedCircuit, settings: Settings, now: number): Applied =>
  change._tag === "TakesSlot"
    ? takeSlot(shared, settings, now)
    : { shared: changed(change, shared, settings, now), decision: undefined }

const changed = (
  change: Exclude<Change, TakesSlot>,
  shared: SharedCircuit,
  settings: Settings,
  now: number
): SharedCircuit => {
  switch (change._tag) {
    case "Opens":
      return open(change, shared, settings.rules, now)
    case "SettlesProbe":
      return settleProbe(change, shared, settings, now)
    case "Restores":
      return restore(change, shared, settings, now)
    default:
      return byHand(change, shared, settings, now)
  }
}

/** What only time has decided comes first, because it has a generation of its own. */
const byHand = (
  change: Trips | Resets | Keeps,
  shared: SharedCircuit,
  settings: Settings,
  now: number
): SharedCircuit => {
  const before = rolled(shared, settings.rules, now)
  const after = controlled(change, before, settings, now)
  return after === before ? shared : after
}

const controlled = (
  change: Trips | Resets | Keeps,
  shared: SharedCircuit,
  settings: Settings,
  now: number
): SharedCircuit => {
  switch (change._tag) {
    case "Trips":
      return trip(change, shared, now)
    case "Resets":
      return reset(shared, settings.rules, now)
    case "Keeps":
      return keep(change, shared, settings, now)
  }
}

/** A circuit that has been opened or reset since stays as it is: one opening counts once. */
const open = (change: Opens, shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => {
  const { _tag, generation } = shared.circuit
  return (_tag === "Closed" || _tag === "Recovering") && generation <= change.generation
    ? opened(rolled(shared, rules, now), now, { ...change, reason: "Tripped" })
    : shared
}

/** With what only time has decided. */
const rolled = (shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => {
  const circuit = Machine.at(shared.circuit, rules, now)
  return circuit === shared.circuit ? shared : { ...shared, circuit }
}

const opened = (
  shared: SharedCircuit,
  now: number,
  { openedAt, openMillis, reason }: Pick<Opens, "openedAt" | "openMillis"> & Pick<Holdings, "reason">
): SharedCircuit => {
  const { circuit } = shared
  const opening = {
    openings: Machine.nextOpening(circuit, now),
    openMillis,
    openedAt: Math.min(openedAt, now)
  }
  return { ...shared, reason, circuit: Machine.open(circuit, circuit.generation, opening) }
}

const takeSlot = (shared: SharedCircuit, { node, rules }: Settings, now: number): Applied => {
  const [decision, circuit] = Machine.admit(shared.circuit, rules, now)
  if (circuit === shared.circuit) return { shared, decision }
  return decision._tag === "Admitted" && decision.ticket.slot > 0
    ? {
        shared: { ...shared, circuit, probers: { ...shared.probers, [decision.ticket.slot]: node } },
        decision
      }
    : { shared: { ...shared, circuit }, decision }
}

/** A slot that the store does not know as this node's was one of its own making, or has been lost. */
const settleProbe = (
  { call, generation, openMillis, slot }: SettlesProbe,
  shared: SharedCircuit,
  { node, rules }: Settings,
  now: number
): SharedCircuit => {
  const { circuit } = shared
  // A probe that has given its slot back is known by the generation alone.
  const isKnown =
    slot === Machine.spentSlot ? circuit.generation === generation : shared.probers[slot] === node
  const ticket: Ticket = { generation: circuit.generation, slot }
  if (!isKnown || circuit._tag !== "HalfOpen" || !Machine.lands(circuit, rules, ticket, now)) return shared
  const settled = { ...shared, circuit: Machine.settle(circuit, rules, ticket, { ...call, at: now }) }
  return Machine.trips(settled.circuit, rules, now) === undefined
    ? settled
    : opened(settled, now, { openMillis, openedAt: call.at, reason: "ProbeFailed" })
}

const trip = ({ openedAt, openMillis }: Trips, shared: SharedCircuit, now: number): SharedCircuit => {
  switch (shared.circuit._tag) {
    case "Isolated":
    case "Disabled":
      return shared
    case "Open":
      return {
        ...shared,
        reason: "Manual",
        circuit: Machine.restart(shared.circuit, Math.min(openedAt, now))
      }
    default:
      return opened(shared, now, { openedAt, openMillis, reason: "Manual" })
  }
}

const reset = (shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => ({
  ...shared,
  keepers: {},
  resets: shared.resets + 1,
  circuit: Machine.reset(shared.circuit, rules, now)
})

/**
 * How often a node isolates and disables the circuit, whatever others have made of that.
 *
 * @internal
 */
export const keep = (
  { begun, disables, isolations, resets }: Omit<Keeps, "_tag">,
  shared: SharedCircuit,
  { node, rules }: Settings,
  now: number
): SharedCircuit => {
  const standing = shared.resets > resets ? Math.max(0, isolations - begun) : isolations
  const keepers = keptBy(shared.keepers, node, standing)
  const disablers = keptBy(shared.disablers, node, disables)
  const circuit = heldBy(shared.circuit, rules, { keepers, disablers }, now)
  const isSame = keepers[node] === shared.keepers[node] && disablers[node] === shared.disablers[node]
  return isSame && circuit === shared.circuit ? shared : { ...shared, keepers, disablers, circuit }
}

const keptBy = (holds: Holds, node: string, times: number): Holds => {
  const { [node]: _, ...others } = holds
  return times > 0 ? { ...others, [node]: times } : others
}

/** What other nodes have written since stays, unless it overrules nothing less than a circuit that was found failing. */
const restore = (change: Restores, shared: SharedCircuit, settings: Settings, now: number): SharedCircuit => {
  const { node, rules } = settings
  const { circuit, holdings, isNews, seen } = change
  const isUnchanged = shared.circuit.generation <= seen
  if (!isUnchanged && !(isNews && overrules(circuit, shared.circuit))) {
    // What this node keeps still stands, unless a reset has ended it.
    const { disables, isolations } = change
    return isolations + disables > 0
      ? keep({ isolations, disables, resets: holdings.resets, begun: isolations }, shared, settings, now)
      : shared
  }
  // What the nodes know in this generation is no news to them. What is Closed was opened before.
  const steps = circuit._tag === "Closed" ? 2 : 1
  const generation = isNews
    ? Math.max(shared.circuit.generation, circuit.generation, change.epoch) + steps
    : circuit.generation
  const keepers = circuit._tag === "Isolated" ? keptBy(holdings.keepers, node, change.isolations) : {}
  const disablers =
    Machine.disablersOf(circuit) === 0 ? {} : keptBy(holdings.disablers, node, change.disables)
  return {
    ...holdings,
    keepers,
    disablers,
    // The circuit may still count here what this node has given back since, or not yet what it holds.
    circuit: heldBy({ ...circuit, generation }, rules, { keepers, disablers }, now),
    probers: probersOf(circuit, holdings, node),
    restoredAt: now
  }
}

/** A slot that no other node holds is held by this node. */
const probersOf = (circuit: Circuit<unknown>, { probers }: Holdings, node: string): Holdings["probers"] =>
  circuit._tag === "HalfOpen"
    ? Object.fromEntries(Slots.toArray(circuit.slots).map(({ id }) => [id, probers[id] ?? node]))
    : {}

/**
 * Whether a circuit that a node changed on its own stands against one that others have changed since: a node that found
 * it failing is not overruled by one that did not.
 *
 * @internal
 */
export const overrules = (own: Circuit<unknown>, shared: Circuit<unknown>): boolean =>
  own._tag === "Open" && shared._tag === "Closed"
