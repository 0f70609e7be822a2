import * as Machine from "../circuit.ts"
import type { SharedCircuit } from "../wire.ts"
import { decode, initial } from "../wire.ts"
import type { Entry } from "./events.ts"
import type { Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Known } from "./shared.ts"
import { withoutLost } from "./shared.ts"
import type { Settings, Situation } from "./situation.ts"

/**
 * What the store keeps; nothing where it is a state under other rules that still says something. A text that is no state
 * of a circuit is as good as none: the next change overwrites it.
 *
 * @internal
 */
export const decoded = (
  node: Stepped,
  entry: Pick<Entry, "now" | "revision" | "state"> & Partial<Pick<Entry, "leases">>,
  asked: Known,
  { settings }: Situation
): { readonly node: Stepped; readonly known: Known | undefined } => {
  const { now, revision, state } = entry
  const knowing = (shared: SharedCircuit): Known => ({ revision, shared, at: now, isPartial: false })
  // Most circuits have no state, and one object stands for all of them.
  if (state === "" && asked.revision === "" && revision === "") return { node, known: asked }
  if (state === undefined) return { node, known: knowing(asked.shared) }
  const read = decode(state, { ...settings, now })
  switch (read._tag) {
    case "State":
      return { node, known: knowing(read.state) }
    case "Invalid": {
      const message = `A text in the circuit store is no state of a circuit and is not used: ${read.why}`
      return { node: reporting(node, message), known: knowing(initial(settings.rules)) }
    }
    case "OtherRules": {
      const over = ended(read.state, { now, leases: entry.leases }, settings)
      if (over !== undefined) return { node, known: knowing(over) }
      const message = `A circuit in the store is left alone, this process goes by its own circuits: ${read.why}`
      return { node: reporting(node, message), known: undefined }
    }
  }
}

const reporting = (node: Stepped, message: string): Stepped =>
  Replicas.commanding(node, { _tag: "Report", message })

/**
 * A state under other rules, once all that it says is over: its opening has ended, and whoever holds something of it is not
 * heard of any more. It is Closed then, so that a circuit is shared again when the nodes that wrote it are gone.
 */
const ended = (
  state: SharedCircuit,
  { leases, now }: { readonly leases: Entry["leases"] | undefined; readonly now: number },
  { leaseMillis, rules }: Settings
): SharedCircuit | undefined => {
  if (leases === undefined) return undefined
  const rolled = { ...state, circuit: Machine.at(state.circuit, rules, now) }
  const { circuit } = withoutLost(rolled, rules, { leases, now }, leaseMillis)
  if (circuit._tag === "HalfOpen" && circuit.slots.count === 0) {
    return { ...initial(rules), resets: state.resets, circuit: Machine.close(circuit, rules, now) }
  }
  return circuit._tag === "Closed" ? { ...initial(rules), resets: state.resets, circuit } : undefined
}
