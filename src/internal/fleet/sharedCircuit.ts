import type { Entry } from "../../CircuitStore.ts"
import type { Circuit, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import { yearMillis } from "../core/millis.ts"
import * as Slots from "../core/slots.ts"
import type { Holdings, Holds, SharedCircuit } from "../core/wire.ts"

/**
 * What is to be written: without the nodes of slots that are no more, and in a generation that is later than any the
 * circuit had before the store forgot it, if it did.
 *
 * @internal
 */
export const successor = (after: SharedCircuit, isFirst: boolean, now: number): SharedCircuit => {
  const { circuit, probers } = after
  const slots = circuit._tag === "HalfOpen" ? Slots.toArray(circuit.slots) : []
  // No number in JSON is infinite.
  const openMillis = Math.min(circuit.openMillis, yearMillis)
  const generation =
    isFirst && circuit.generation < longAgo ? Math.floor(now) + circuit.generation : circuit.generation
  return {
    ...after,
    circuit: { ...circuit, generation, openMillis },
    probers: Object.fromEntries(slots.flatMap(({ id }) => (id in probers ? [[id, probers[id]!]] : [])))
  }
}

/** Generations are counted from the time of the first one, in milliseconds; what is less was counted from zero. */
const longAgo = 1_000_000

/**
 * Drops the slots and holds of nodes that have not contributed for a lease. After the store has lost its data, every
 * node has a lease from then on.
 *
 * @internal
 */
export const withoutLost = (
  shared: SharedCircuit,
  rules: Rules<unknown>,
  { contributions, now }: Entry,
  leaseMillis: number
): SharedCircuit => {
  const isAlive = (node: string | undefined) =>
    now - shared.restoredAt < leaseMillis ||
    contributions.some((it) => it.node === node && now - it.at < leaseMillis)
  const { circuit } = shared
  switch (circuit._tag) {
    case "HalfOpen": {
      const slots = Slots.from(Slots.toArray(circuit.slots).filter(({ id }) => isAlive(shared.probers[id])))
      return slots.count === circuit.slots.count ? shared : { ...shared, circuit: { ...circuit, slots } }
    }
    case "Isolated":
    case "Disabled": {
      const living = (keepers: Holds): Holds =>
        Object.fromEntries(Object.entries(keepers).filter(([node]) => isAlive(node)))
      const holds = { keepers: living(shared.keepers), disablers: living(shared.disablers) }
      const held = heldBy(circuit, rules, holds, now)
      return held === circuit ? shared : { ...shared, ...holds, circuit: held }
    }
    default:
      return shared
  }
}

/**
 * The circuit, isolated or else disabled while some node keeps it so.
 *
 * @internal
 */
export const heldBy = (
  circuit: Circuit<unknown>,
  rules: Rules<unknown>,
  { disablers, keepers }: Pick<Holdings, "disablers" | "keepers">,
  now: number
): Circuit<unknown> => {
  const isolations = totalOf(keepers)
  const disables = totalOf(disablers)
  if (isolations > 0) return isolatedBy(circuit, isolations, disables)
  if (disables > 0) return disabledBy(circuit, rules, disables, now)
  return circuit._tag === "Isolated" || circuit._tag === "Disabled"
    ? Machine.close(circuit, rules, now)
    : circuit
}

const totalOf = (keepers: Holds): number => Object.values(keepers).reduce((sum, holds) => sum + holds, 0)

const isolatedBy = (circuit: Circuit<unknown>, holders: number, disablers: number): Machine.Isolated => {
  const isolated = circuit._tag === "Isolated" ? circuit : Machine.isolate(circuit)
  return isolated.holders === holders && isolated.disablers === disablers
    ? isolated
    : { ...isolated, holders, disablers }
}

const disabledBy = (
  circuit: Circuit<unknown>,
  rules: Rules<unknown>,
  disablers: number,
  now: number
): Circuit<unknown> => {
  if (circuit._tag === "Isolated") {
    const last = isolatedBy(circuit, 1, disablers)
    return Machine.release(last, rules, last.since, now)
  }
  const disabled = circuit._tag === "Disabled" ? circuit : Machine.disable(circuit)
  return disabled.disablers === disablers ? disabled : { ...disabled, disablers }
}

/**
 * Whether a circuit that a node changed on its own stands against one that others have changed since: a node that found
 * it failing is not overruled by one that did not.
 *
 * @internal
 */
export const overrules = (own: Circuit<unknown>, shared: Circuit<unknown>): boolean =>
  own._tag === "Open" && shared._tag === "Closed"

/**
 * The same circuit by another clock, which is ahead by so much.
 *
 * @internal
 */
export const shift = (circuit: Circuit<unknown>, ahead: number): Circuit<unknown> => {
  switch (circuit._tag) {
    case "Closed":
      return { ...circuit, closedAt: circuit.closedAt + ahead }
    case "Open":
      return { ...circuit, openedAt: circuit.openedAt + ahead }
    case "HalfOpen":
      return {
        ...circuit,
        slots: Slots.from(
          Slots.toArray(circuit.slots).map(({ id, takenAt }) => ({ id, takenAt: takenAt + ahead }))
        )
      }
    case "Recovering":
      return { ...circuit, startedAt: circuit.startedAt + ahead }
    case "Isolated":
    case "Disabled":
      return circuit
  }
}
