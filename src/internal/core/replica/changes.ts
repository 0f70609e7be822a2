import type { Decision } from "../admission.ts"
import * as Admission from "../admission.ts"
import type { Circuit, Rules, Ticket } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import * as ManualControl from "../manualControl.ts"
import type { Call } from "../policies/policy.ts"
import * as Slots from "../slots.ts"
import type { Holdings, Holds, SharedCircuit } from "../wire/state.ts"
import type { Settings } from "./situation.ts"
import { withHolds } from "./shared.ts"

/**
 * A change of a shared circuit, as data. If another node has written first, the change is applied again to the newer
 * state, until the store accepts the write. All times are the store's.
 *
 * @internal
 */
export type Change = Opens | TakesSlot | SettlesProbe | Trips | Resets | SetsHolds | Restores

/**
 * The trip policy has opened the circuit on this node, at `openedAt`.
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
 * A call requests a slot.
 *
 * @internal
 */
export interface TakesSlot {
  readonly _tag: "TakesSlot"
  readonly request: number
  /** The lowest number for the slot: the node's own circuit may have used lower ones during an outage. */
  readonly firstSlot: number
}

/**
 * A probe has ended. `openMillis` applies if it reopens the circuit.
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
 * The node has begun or released a hold: the numbers are its current ones.
 *
 * @internal
 */
export interface SetsHolds extends OwnHolds {
  readonly _tag: "SetsHolds"
  /**
   * The number of resets that the node knew of, and of its isolations that the store had then: a later reset ends
   * those.
   */
  readonly resets: number
  readonly begun: number
}

/**
 * The numbers of isolations and disablings of a circuit by one node.
 *
 * @internal
 */
export interface OwnHolds {
  readonly isolations: number
  readonly disablings: number
}

/**
 * The node restores a state that the store has lost, or publishes one that it could not write.
 *
 * @internal
 */
export interface Restores extends OwnHolds {
  readonly _tag: "Restores"
  /** The node's own circuit, in its shared generation. */
  readonly circuit: Circuit<unknown>
  readonly holdings: Holdings
  /** The latest generation of the store's state that the node has seen. */
  readonly seen: number
  /** Whether the node has made changes that no other node has seen. */
  readonly isLocalChange: boolean
  /** Whether these include a reset by hand. */
  readonly isReset: boolean
  /** The generation of the window in the store: the lost state had this generation or a later one. */
  readonly epoch: number
}

/**
 * A shared circuit after a change, which is the same object if nothing changed, and the decision on a slot request.
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
    ? takeSlot(change, shared, settings, now)
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

/** Applies a control. A change of state that is due by time comes first, because it has a generation of its own. */
const byHand = (
  change: Trips | Resets | SetsHolds,
  shared: SharedCircuit,
  settings: Settings,
  now: number
): SharedCircuit => {
  const before = atTime(shared, settings.rules, now)
  const after = controlled(change, before, settings, now)
  return after === before ? shared : after
}

const controlled = (
  change: Trips | Resets | SetsHolds,
  shared: SharedCircuit,
  settings: Settings,
  now: number
): SharedCircuit => {
  switch (change._tag) {
    case "Trips":
      return trip(change, shared, now)
    case "Resets":
      return reset(shared, settings.rules, now)
    case "SetsHolds":
      return setHolds(change, shared, settings, now)
  }
}

/** One opening counts once: a circuit that was opened or reset in a later generation stays as it is. */
const open = (change: Opens, shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => {
  const { _tag, generation } = shared.circuit
  return (_tag === "Closed" || _tag === "Recovering") && generation <= change.generation
    ? opened(atTime(shared, rules, now), now, { ...change, reason: "Tripped" })
    : shared
}

/** The circuit after the changes of state that are due by time. */
const atTime = (shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => {
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

const takeSlot = (
  { firstSlot }: TakesSlot,
  shared: SharedCircuit,
  { node, rules }: Settings,
  now: number
): Applied => {
  const [decision, circuit] = admitAbove(firstSlot, shared.circuit, rules, now)
  if (circuit === shared.circuit) return { shared, decision }
  return decision._tag === "Admitted" && decision.ticket.slot > 0
    ? {
        shared: { ...shared, circuit, probers: { ...shared.probers, [decision.ticket.slot]: node } },
        decision
      }
    : { shared: { ...shared, circuit }, decision }
}

const admitAbove = (
  firstSlot: number,
  stored: Circuit<unknown>,
  rules: Rules<unknown>,
  now: number
): readonly [decision: Decision, circuit: Circuit<unknown>] => {
  const admitted = Admission.admit(stored, rules, now)
  const circuit = Machine.at(stored, rules, now)
  return admitted[0]._tag === "Admitted" && circuit._tag === "HalfOpen" && circuit.nextSlot < firstSlot
    ? Admission.admit({ ...circuit, nextSlot: firstSlot }, rules, now)
    : admitted
}

/** Settles a probe, if the store has its slot as this node's: otherwise the slot was local, or it has expired. */
const settleProbe = (
  { call, generation, openMillis, slot }: SettlesProbe,
  shared: SharedCircuit,
  { node, rules }: Settings,
  now: number
): SharedCircuit => {
  const { circuit } = shared
  // A probe whose slot was given back is recognized by its generation.
  const isKnown =
    slot === Machine.answeredSlot ? circuit.generation === generation : shared.probers[slot] === node
  const ticket: Ticket = { generation: circuit.generation, slot }
  if (!isKnown || circuit._tag !== "HalfOpen" || !Machine.stillCounts(circuit, rules, ticket, now))
    return shared
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
        circuit: ManualControl.restart(shared.circuit, Math.min(openedAt, now))
      }
    default:
      return opened(shared, now, { openedAt, openMillis, reason: "Manual" })
  }
}

const reset = (shared: SharedCircuit, rules: Rules<unknown>, now: number): SharedCircuit => ({
  ...shared,
  isolators: {},
  resets: shared.resets + 1,
  circuit: ManualControl.reset(shared.circuit, rules, now)
})

/**
 * Sets the number of isolations and disablings of this node, less the isolations that a reset has ended.
 *
 * @internal
 */
export const setHolds = (
  { begun, disablings, isolations, resets }: Omit<SetsHolds, "_tag">,
  shared: SharedCircuit,
  { node, rules }: Settings,
  now: number
): SharedCircuit => {
  const standing = shared.resets > resets ? Math.max(0, isolations - begun) : isolations
  const isKnown = (shared.isolators[node] ?? 0) === standing && (shared.disablers[node] ?? 0) === disablings
  if (isKnown && withHolds(shared.circuit, rules, shared, now) === shared.circuit) return shared
  const isolators = withHold(shared.isolators, node, standing)
  const disablers = withHold(shared.disablers, node, disablings)
  return {
    ...shared,
    isolators,
    disablers,
    circuit: withHolds(shared.circuit, rules, { isolators, disablers }, now)
  }
}

const withHold = (holds: Holds, node: string, times: number): Holds => {
  const { [node]: _, ...others } = holds
  return times > 0 ? { ...others, [node]: times } : others
}

/** Restores or publishes a circuit, unless it gives way to later changes of other nodes. */
const restore = (change: Restores, shared: SharedCircuit, settings: Settings, now: number): SharedCircuit => {
  const { node, rules } = settings
  const { circuit, holdings, isLocalChange } = change
  if (givesWay(change, shared.circuit)) {
    // The node's own holds stay, unless a reset has ended them.
    const { disablings, isolations } = change
    return isolations + disablings > 0
      ? setHolds(
          { isolations, disablings, resets: holdings.resets, begun: isolations },
          shared,
          settings,
          now
        )
      : shared
  }
  // A state that other nodes have seen keeps its generation. A local one is new to them, and a
  // Closed one follows an opening that they have not seen either.
  const steps = circuit._tag === "Closed" ? 2 : 1
  const generation = isLocalChange
    ? Math.max(shared.circuit.generation, circuit.generation, change.epoch) + steps
    : circuit.generation
  const isolators = circuit._tag === "Isolated" ? withHold(holdings.isolators, node, change.isolations) : {}
  const disablers =
    ManualControl.disablersOf(circuit) === 0 ? {} : withHold(holdings.disablers, node, change.disablings)
  return {
    ...holdings,
    isolators,
    disablers,
    // The node's circuit may not have its latest holds yet.
    circuit: withHolds({ ...circuit, generation }, rules, { isolators, disablers }, now),
    probers: probersOf(circuit, holdings, node),
    restoredAt: now
  }
}

/**
 * Whether other nodes have changed the circuit since. An opening by this node takes precedence over such a change, and a
 * lost state over an older one that another node has restored.
 */
const givesWay = ({ circuit, isLocalChange, seen }: Restores, shared: Circuit<unknown>): boolean =>
  isLocalChange
    ? shared.generation > seen && !takesPrecedence(circuit, shared)
    : shared.generation >= circuit.generation

/** The nodes of the slots. A slot that no other node holds is this node's. */
const probersOf = (circuit: Circuit<unknown>, { probers }: Holdings, node: string): Holdings["probers"] =>
  circuit._tag === "HalfOpen"
    ? Object.fromEntries(Slots.toArray(circuit.slots).map(({ id }) => [id, probers[id] ?? node]))
    : {}

/**
 * Whether a node's own state takes precedence over later changes of other nodes: an opening does over Closed, because
 * the node has seen failures that the others have not.
 *
 * @internal
 */
export const takesPrecedence = (own: Circuit<unknown>, shared: Circuit<unknown>): boolean =>
  own._tag === "Open" && shared._tag === "Closed"
