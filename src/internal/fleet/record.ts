import type { Entry } from "../../CircuitStore.ts"
import type { OpenReason } from "../../Transition.ts"
import type { Circuit, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"

/**
 * A circuit as the nodes share it: the machine's state without its window, in the store's time, and who holds its probes
 * and isolations.
 *
 * @internal
 */
export interface Shared {
  readonly circuit: Circuit<unknown>
  /** Why it opened, if it did. */
  readonly reason: OpenReason
  /** The node of each slot, by the slot's id. */
  readonly probers: Readonly<Record<string, string>>
  /** How many holds each node has on an isolated circuit. */
  readonly keepers: Readonly<Record<string, number>>
}

const version = 1

/** @internal */
export const encode = (shared: Shared, policy: string): string => {
  const { circuit, keepers, probers, reason } = shared
  const { window: _, ...state } = { window: undefined, ...circuit }
  return JSON.stringify({ version, policy, state, reason, probers, keepers })
}

/**
 * What the store keeps, or none where it keeps nothing. Throws where it was written by another version of this library,
 * or under another policy.
 *
 * @internal
 */
export const decode = (state: string, policy: string, window: unknown): Shared | undefined => {
  if (state === "") return undefined
  const kept = JSON.parse(state)
  if (kept.version !== version) {
    throw new Error(`the store's circuits are of version ${kept.version}, this library's of ${version}`)
  }
  if (kept.policy !== policy) {
    throw new Error(`the store's circuits are under the policy ${kept.policy}, this breaker under ${policy}`)
  }
  const { keepers, probers, reason } = kept
  return { circuit: { ...kept.state, window }, reason, probers, keepers }
}

/**
 * The circuit at `now`, the store's time, without what nodes hold that have not been heard of for a lease.
 *
 * @internal
 */
export const current = (
  shared: Shared,
  rules: Rules<unknown>,
  contributions: Entry["contributions"],
  now: number,
  leaseMillis: number
): Shared => {
  const living = new Set(contributions.filter(({ at }) => now - at < leaseMillis).map(({ node }) => node))
  const circuit = Machine.at(shared.circuit, rules, now)
  switch (circuit._tag) {
    case "HalfOpen": {
      const isHeld = ({ id }: { readonly id: number }) => living.has(shared.probers[id] ?? "")
      return { ...shared, circuit: { ...circuit, slots: circuit.slots.filter(isHeld) } }
    }
    case "Isolated": {
      const keepers = Object.fromEntries(Object.entries(shared.keepers).filter(([node]) => living.has(node)))
      const holders = Object.values(keepers).reduce((sum, holds) => sum + holds, 0)
      return holders > 0
        ? { ...shared, keepers, circuit: { ...circuit, holders } }
        : { ...shared, keepers: {}, circuit: Machine.close(circuit, rules, now) }
    }
    default:
      return { ...shared, circuit }
  }
}

/**
 * The same circuit on another clock, which is ahead by so much.
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
      return { ...circuit, slots: circuit.slots.map(({ id, takenAt }) => ({ id, takenAt: takenAt + ahead })) }
    case "Recovering":
      return { ...circuit, startedAt: circuit.startedAt + ahead }
    case "Isolated":
      return circuit
  }
}
