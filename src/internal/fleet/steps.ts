import type { OpenReason } from "../../Transition.ts"
import type { Circuit, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Holdings, Shared } from "./record.ts"

/**
 * What becomes of a shared circuit at `now`, the store's time; nothing where it stays as it is.
 *
 * @internal
 */
export type Step = (shared: Shared, now: number) => Shared | undefined

/** @internal */
export const open = (shared: Shared, reason: OpenReason, openMillis: number, now: number): Shared => {
  const { circuit } = shared
  const openings = Machine.nextOpening(circuit, now)
  return { ...shared, reason, circuit: Machine.open(circuit, circuit.generation, openings, openMillis, now) }
}

/**
 * The circuit as a node has it, in the store's time. What is held by nobody else is held by this node.
 *
 * @internal
 */
export const restore =
  (circuit: Circuit<unknown>, known: Holdings, node: string): Step =>
  (shared, now) => {
    const { keepers, probers, reason } = known
    const slots = circuit._tag === "HalfOpen" ? circuit.slots : []
    const holders = circuit._tag === "Isolated" ? circuit.holders : 0
    const others = Object.entries(keepers).reduce((sum, [it, holds]) => (it === node ? sum : sum + holds), 0)
    return {
      ...shared,
      circuit,
      reason,
      probers: Object.fromEntries(slots.map(({ id }) => [id, probers[id] ?? node])),
      keepers: holders > 0 ? { ...keepers, [node]: holders - others } : {},
      restoredAt: now
    }
  }

/** @internal */
export const trip =
  (openMillis: number): Step =>
  (shared, now) => {
    switch (shared.circuit._tag) {
      case "Isolated":
        return undefined
      case "Open":
        return { ...shared, reason: "Manual", circuit: Machine.restart(shared.circuit, now) }
      default:
        return open(shared, "Manual", openMillis, now)
    }
  }

/** @internal */
export const reset =
  (rules: Rules<unknown>): Step =>
  (shared, now) => ({ ...shared, keepers: {}, circuit: Machine.reset(shared.circuit, rules, now) })

/** @internal */
export const isolate =
  (node: string): Step =>
  (shared) => ({
    ...shared,
    keepers: { ...shared.keepers, [node]: (shared.keepers[node] ?? 0) + 1 },
    circuit: Machine.isolate(shared.circuit)
  })

/** @internal */
export const release =
  (rules: Rules<unknown>, node: string): Step =>
  (shared, now) => {
    const { circuit, keepers } = shared
    const holds = keepers[node] ?? 0
    if (circuit._tag !== "Isolated" || holds === 0) return undefined
    return {
      ...shared,
      keepers: { ...keepers, [node]: holds - 1 },
      circuit: Machine.release(circuit, rules, circuit.since, now)
    }
  }
