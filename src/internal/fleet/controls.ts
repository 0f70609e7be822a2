import type { Control } from "../breaker/coordinator.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import { memberOf } from "./member.ts"
import type { Mirror } from "./mirror.ts"
import type { Step } from "./steps.ts"
import * as Steps from "./steps.ts"

/**
 * The change of a shared circuit that a control of this process asks for. `ahead` is by how much the store's clock is
 * ahead of the breaker's.
 *
 * @internal
 */
export const changeBy = (control: Control, entry: CircuitEntry, ahead: number, mirror: Mirror): Step => {
  switch (control) {
    case "Trip":
      return tripped(entry, ahead)
    case "Reset":
      return reset(entry, mirror)
    case "Isolate":
      return held(entry, "isolations", 1, mirror)
    case "Release":
      return held(entry, "isolations", -1, mirror)
    case "Disable":
      return held(entry, "disables", 1, mirror)
    case "Enable":
      return held(entry, "disables", -1, mirror)
  }
}

/** This process holds the circuit isolated, or disabled, once more or once less. */
const held = (entry: CircuitEntry, what: "isolations" | "disables", change: 1 | -1, mirror: Mirror): Step => {
  memberOf(entry)[what] += change
  return mirror.holding(entry)
}

const tripped = ({ current }: CircuitEntry, ahead: number): Step => {
  const openedAt = current._tag === "Open" ? current.openedAt : Infinity
  return Steps.trip(current.openMillis, openedAt + ahead)
}

/** A reset ends the isolations of all processes, also if it reaches them later. */
const reset = (entry: CircuitEntry, mirror: Mirror): Step => {
  const member = memberOf(entry)
  const { holdings } = member
  member.isolations = 0
  member.holdings = { ...holdings, keepers: {}, resets: holdings.resets + 1 }
  return Steps.reset(mirror.machineRules)
}
