import type { Circuit, Rules } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { yearMillis } from "../millis.ts"
import * as Slots from "../slots.ts"
import type { Holdings, Holds, SharedCircuit } from "../wire.ts"

/**
 * A shared circuit and the revision under which the store keeps it, `""` where it keeps none.
 *
 * @internal
 */
export interface Known {
  readonly revision: string
  readonly shared: SharedCircuit
  /** When the store kept it so, in its own time. */
  readonly at: number
  /** Whether something was left out that a node holds which is not heard of. The store is then asked for the whole. */
  readonly isPartial: boolean
}

/**
 * Who holds something of a circuit, and when each last said so, in the store's time.
 *
 * @internal
 */
export type Leases = ReadonlyArray<{ readonly node: string; readonly at: number }>

/**
 * A circuit as it is written: without the nodes of slots that are no more, and in a generation that is later than any it
 * had before the store forgot it, if it did.
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
 * Drops the slots and holds of nodes whose lease has ended. After the store has lost its data, every node has a lease from
 * then on.
 *
 * @internal
 */
export const withoutLost = (
  shared: SharedCircuit,
  rules: Rules<unknown>,
  { leases, now }: { readonly leases: Leases; readonly now: number },
  leaseMillis: number
): SharedCircuit => {
  const isAlive = (node: string | undefined) =>
    now - shared.restoredAt < leaseMillis ||
    leases.some((it) => it.node === node && now - it.at < leaseMillis)
  const { circuit } = shared
  switch (circuit._tag) {
    case "HalfOpen": {
      const slots = Slots.from(Slots.toArray(circuit.slots).filter(({ id }) => isAlive(shared.probers[id])))
      return slots.count === circuit.slots.count ? shared : { ...shared, circuit: { ...circuit, slots } }
    }
    case "Isolated":
    case "Disabled": {
      const living = (holds: Holds): Holds =>
        Object.fromEntries(Object.entries(holds).filter(([node]) => isAlive(node)))
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

const totalOf = (holds: Holds): number => Object.values(holds).reduce((sum, some) => sum + some, 0)

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
 * The circuit by another clock, which is ahead by so much.
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
