import type { Circuit, Rules } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import * as ManualControl from "../manualControl.ts"
import * as Slots from "../slots.ts"
import type { Holdings, Holds, SharedCircuit } from "../wire/state.ts"

/**
 * A shared circuit as read from the store, and its revision there, which is `""` if the store has no state.
 *
 * @internal
 */
export interface StoredCircuit {
  readonly revision: string
  readonly shared: SharedCircuit
  /** When it was read or written, in the store's time. */
  readonly at: number
  /** Whether expired slots or holds were left out. The next request then asks for the whole state. */
  readonly isPartial: boolean
  /** If this node wrote it, the revision that it has replaced. */
  readonly replaced: string | undefined
}

/**
 * A shared circuit as read from the store.
 *
 * @internal
 */
export const storedCircuit = (revision: string, shared: SharedCircuit, at: number): StoredCircuit => ({
  revision,
  shared,
  at,
  isPartial: false,
  replaced: undefined
})

/**
 * The nodes that hold a slot or a hold of a circuit, and when each last renewed its lease, in the store's time.
 *
 * @internal
 */
export type Leases = ReadonlyArray<{ readonly node: string; readonly at: number }>

/**
 * Whether a node holds a slot of the circuit.
 *
 * @internal
 */
export const hasProbe = ({ probers }: Pick<Holdings, "probers">, node: string): boolean => {
  for (const id in probers) if (probers[id] === node) return true
  return false
}

/**
 * A circuit as it is written: without the nodes of slots that are free. The first state of a circuit gets a generation
 * that is later than any it had before the store lost it.
 *
 * @internal
 */
export const asWritten = (after: SharedCircuit, isFirst: boolean, now: number): SharedCircuit => {
  const { circuit, probers } = after
  const slots = circuit._tag === "HalfOpen" ? Slots.toArray(circuit.slots) : []
  // No number in JSON is infinite.
  const openMillis = Math.min(circuit.openMillis, Number.MAX_VALUE)
  const generation =
    isFirst && circuit.generation < longAgo ? Math.floor(now) + circuit.generation : circuit.generation
  return {
    ...after,
    circuit: { ...circuit, generation, openMillis },
    probers: Object.fromEntries(slots.flatMap(({ id }) => (id in probers ? [[id, probers[id]!]] : [])))
  }
}

/** The first generation in a store is its time in milliseconds. A smaller number has been counted from zero. */
const longAgo = 1_000_000

/**
 * Drops the slots and holds of nodes whose lease has expired. Every node has a new lease from the time when a lost
 * state was restored.
 *
 * @internal
 */
export const withoutExpired = (
  shared: SharedCircuit,
  rules: Rules<unknown>,
  leased: Leased,
  leaseMillis: number
): SharedCircuit => {
  const { circuit } = shared
  const { now } = leased
  const areAllLeased = now - shared.restoredAt < leaseMillis
  switch (circuit._tag) {
    case "HalfOpen": {
      if (areAllLeased || circuit.slots.count === 0) return shared
      const taken = Slots.toArray(circuit.slots)
      const living = taken.filter(({ id }) => hasLease(shared.probers[id], leased, leaseMillis))
      if (living.length === taken.length) return shared
      return { ...shared, circuit: { ...circuit, slots: Slots.from(living) } }
    }
    case "Isolated":
    case "Disabled": {
      const isolators = areAllLeased ? shared.isolators : livingOf(shared.isolators, leased, leaseMillis)
      const disablers = areAllLeased ? shared.disablers : livingOf(shared.disablers, leased, leaseMillis)
      const held = withHolds(circuit, rules, { isolators, disablers }, now)
      return held === circuit ? shared : { ...shared, isolators, disablers, circuit: held }
    }
    default:
      return shared
  }
}

interface Leased {
  readonly leases: Leases
  readonly now: number
}

const hasLease = (node: string | undefined, { leases, now }: Leased, leaseMillis: number): boolean =>
  leases.some((it) => it.node === node && now - it.at < leaseMillis)

/** The holds of nodes that have a lease: the same object where all have. */
const livingOf = (holds: Holds, leased: Leased, leaseMillis: number): Holds => {
  const all = Object.entries(holds)
  const living = all.filter(([node]) => hasLease(node, leased, leaseMillis))
  return living.length === all.length ? holds : Object.fromEntries(living)
}

/**
 * The circuit with the holds of all nodes: isolated if a node isolates it, or else disabled if a node disables it.
 *
 * @internal
 */
export const withHolds = (
  circuit: Circuit<unknown>,
  rules: Rules<unknown>,
  { disablers, isolators }: Pick<Holdings, "disablers" | "isolators">,
  now: number
): Circuit<unknown> => {
  const isolations = totalOf(isolators)
  const disablings = totalOf(disablers)
  if (isolations > 0) return isolatedBy(circuit, isolations, disablings)
  if (disablings > 0) return disabledBy(circuit, rules, disablings, now)
  return circuit._tag === "Isolated" || circuit._tag === "Disabled"
    ? Machine.close(circuit, rules, now)
    : circuit
}

const totalOf = (holds: Holds): number => {
  let total = 0
  for (const node in holds) total += holds[node]!
  return total
}

const isolatedBy = (circuit: Circuit<unknown>, holders: number, disablers: number): Machine.Isolated => {
  const isolated = circuit._tag === "Isolated" ? circuit : ManualControl.isolate(circuit)
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
    return ManualControl.release(last, rules, last.since, now)
  }
  const disabled = circuit._tag === "Disabled" ? circuit : ManualControl.disable(circuit)
  return disabled.disablers === disablers ? disabled : { ...disabled, disablers }
}

/**
 * The circuit in the time of another clock, which is `clockOffset` milliseconds ahead.
 *
 * @internal
 */
export const shift = (circuit: Circuit<unknown>, clockOffset: number): Circuit<unknown> => {
  switch (circuit._tag) {
    case "Closed":
      return { ...circuit, closedAt: circuit.closedAt + clockOffset }
    case "Open":
      return { ...circuit, openedAt: circuit.openedAt + clockOffset }
    case "HalfOpen":
      return {
        ...circuit,
        slots: Slots.from(
          Slots.toArray(circuit.slots).map(({ id, takenAt }) => ({ id, takenAt: takenAt + clockOffset }))
        )
      }
    case "Recovering":
      return { ...circuit, startedAt: circuit.startedAt + clockOffset }
    case "Isolated":
    case "Disabled":
      return circuit
  }
}
