import type { OpenReason } from "../../Transition.ts"
import type { Circuit, Rules } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import * as Slots from "../core/slots.ts"
import type { Holdings, Holds as HoldsByNode, SharedCircuit as Shared } from "../core/wire.ts"
import * as SharedCircuit from "./sharedCircuit.ts"

/**
 * Changes a shared circuit at `now`, the store's time; `undefined` where it stays as it is.
 *
 * @internal
 */
export type Step = (shared: Shared, now: number) => Shared | undefined

/**
 * Opened at `openedAt`: when it was on the node that opens it counts, not when the others could know.
 *
 * @internal
 */
export const open = (shared: Shared, now: number, { openedAt, openMillis, reason }: Opening): Shared => {
  const { circuit } = shared
  const openings = Machine.nextOpening(circuit, now)
  const opened = Machine.open(circuit, circuit.generation, {
    openings,
    openMillis,
    openedAt: Math.min(openedAt, now)
  })
  return { ...shared, reason, circuit: opened }
}

interface Opening {
  readonly reason: OpenReason
  readonly openMillis: number
  readonly openedAt: number
}

/**
 * Writes the circuit of a node, in the store's time. A slot that no other node holds is held by this node.
 *
 * @internal
 */
export const restore =
  (circuit: Circuit<unknown>, known: Holdings, node: string, holds: Holds): Step =>
  (_, now) => ({
    ...known,
    circuit,
    probers: Object.fromEntries(
      (circuit._tag === "HalfOpen" ? Slots.toArray(circuit.slots) : []).map(({ id }) => [
        id,
        known.probers[id] ?? node
      ])
    ),
    keepers: circuit._tag === "Isolated" ? keptBy(known.keepers, node, holds.isolations) : {},
    disablers: Machine.disablersOf(circuit) === 0 ? {} : keptBy(known.disablers, node, holds.disables),
    restoredAt: now
  })

/** @internal */
export const trip =
  (openMillis: number, openedAt: number): Step =>
  (shared, now) => {
    switch (shared.circuit._tag) {
      case "Isolated":
      case "Disabled":
        return undefined
      case "Open":
        return {
          ...shared,
          reason: "Manual",
          circuit: Machine.restart(shared.circuit, Math.min(openedAt, now))
        }
      default:
        return open(shared, now, { reason: "Manual", openMillis, openedAt })
    }
  }

/** @internal */
export const reset =
  (rules: Rules<unknown>): Step =>
  (shared, now) => ({
    ...shared,
    keepers: {},
    resets: shared.resets + 1,
    circuit: Machine.reset(shared.circuit, rules, now)
  })

/**
 * How often a node keeps a circuit isolated, and how often disabled.
 *
 * @internal
 */
export interface Holds {
  readonly isolations: number
  readonly disables: number
}

/**
 * Writes how often a node keeps the circuit isolated and disabled.
 *
 * @internal
 */
export const hold =
  (rules: Rules<unknown>, node: string, holds: () => Holds): Step =>
  (shared, now) => {
    const { disables, isolations } = holds()
    const keepers = keptBy(shared.keepers, node, isolations)
    const disablers = keptBy(shared.disablers, node, disables)
    const circuit = SharedCircuit.heldBy(shared.circuit, rules, { keepers, disablers }, now)
    const isSame = keepers[node] === shared.keepers[node] && disablers[node] === shared.disablers[node]
    return isSame && circuit === shared.circuit ? undefined : { ...shared, keepers, disablers, circuit }
  }

const keptBy = (keepers: HoldsByNode, node: string, isolations: number): HoldsByNode => {
  const { [node]: _, ...others } = keepers
  return isolations > 0 ? { ...others, [node]: isolations } : others
}
