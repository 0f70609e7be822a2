import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { SharedCircuit } from "../wire/state.ts"
import { decode, initial } from "../wire/state.ts"
import { decodeWindow } from "../wire/window.ts"
import type { Entry } from "./events.ts"
import type { Progress } from "./progress.ts"
import * as Steps from "./progress.ts"
import { latestStored } from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { StoredCircuit } from "./shared.ts"
import { shift, storedCircuit, withoutExpired } from "./shared.ts"
import type { Settings, Situation } from "./situation.ts"

/**
 * Decodes the state of an answer or a notification. The result is `undefined` for a state under other rules that is
 * still in effect, unless the node knows a later state, which is then the result. Text that is not a state counts as no
 * state, and the next change overwrites it.
 *
 * @internal
 */
export const decoded = (
  progress: Progress,
  entry: Pick<Entry, "now" | "revision" | "state"> & Partial<Pick<Entry, "leases">>,
  asked: StoredCircuit,
  { settings }: Situation
): { readonly progress: Progress; readonly stored: StoredCircuit | undefined } => {
  const { now, revision, state } = entry
  // Most circuits have no state, and one object stands for all of them.
  if (state === "" && asked.revision === "" && revision === "") return { progress, stored: asked }
  if (state === undefined) return { progress, stored: storedIn(entry, asked.shared) }
  const { longestOpenMillis, rules, rulesName } = settings
  const read = decode(state, { rules, rulesName, longestOpenMillis, now })
  switch (read._tag) {
    case "State":
      return { progress, stored: storedIn(entry, read.state) }
    case "Invalid": {
      const message = `The circuit store has a text that is not the state of a circuit, and it is ignored: ${read.why}`
      return { progress: reporting(progress, message), stored: storedIn(entry, initial(settings.rules)) }
    }
    case "OtherRules": {
      const latest = latestStored(progress.replica)
      if (now < latest.at) return { progress, stored: latest }
      const closed = ended(read.state, { now, leases: entry.leases }, settings)
      if (closed !== undefined) return { progress, stored: storedIn(entry, closed) }
      const message = `A circuit in the store is left alone, and this process uses its own: ${read.why}`
      return { progress: reporting(progress, message), stored: undefined }
    }
  }
}

/**
 * The circuit of an answer, in this node's time, for a node that does not hold it: with the window of all nodes, and the
 * time by which that window is read, and without what nodes hold whose leases have expired. The result is `undefined` if
 * the answer has no state under this node's rules.
 *
 * @internal
 */
export const readOnly = (
  entry: Entry,
  situation: Situation
): { readonly circuit: Circuit<unknown>; readonly at: number } | undefined => {
  const { clockOffset, settings } = situation
  const { longestOpenMillis, policy, rules, rulesName } = settings
  const read = decode(entry.state ?? "", { rules, rulesName, longestOpenMillis, now: entry.now })
  if (read._tag !== "State") return undefined
  const shared = withoutExpiredLeases(read.state, entry, situation)
  const circuit = Machine.at(shift(shared.circuit, -clockOffset), rules, situation.now)
  const answer = decodeWindow(entry.window, entry.now)
  // A window of another generation was counted before the circuit changed its state.
  const isCurrent = answer?.epoch === circuit.generation
  const reporting = Reports.initial(circuit.generation, clockOffset, policy)
  return Reports.merged(
    isCurrent ? { ...reporting, answer } : reporting,
    circuit,
    circuit.generation,
    situation
  )
}

/**
 * Drops what nodes with expired leases hold. After an outage, every node has a new lease first.
 *
 * @internal
 */
export const withoutExpiredLeases = (
  shared: SharedCircuit,
  entry: Pick<Entry, "leases" | "now">,
  { answeringSince, settings: { leaseMillis, rules } }: Situation
): SharedCircuit =>
  entry.now - answeringSince < leaseMillis ? shared : withoutExpired(shared, rules, entry, leaseMillis)

const storedIn = ({ now, revision }: Pick<Entry, "now" | "revision">, shared: SharedCircuit): StoredCircuit =>
  storedCircuit(revision, shared, now)

const reporting = (progress: Progress, message: string): Progress =>
  Steps.withCommands(progress, { _tag: "Report", message })

/**
 * A state under other rules that is no longer in effect, as a Closed one: its opening has ended and its leases have
 * expired. So the circuit is shared again once the nodes that wrote the state are gone.
 */
const ended = (
  state: SharedCircuit,
  { leases, now }: { readonly leases: Entry["leases"] | undefined; readonly now: number },
  { leaseMillis, rules }: Settings
): SharedCircuit | undefined => {
  if (leases === undefined) return undefined
  const atTime = { ...state, circuit: Machine.at(state.circuit, rules, now) }
  const { circuit } = withoutExpired(atTime, rules, { leases, now }, leaseMillis)
  if (circuit._tag === "HalfOpen" && circuit.slots.count === 0) {
    return { ...initial(rules), resets: state.resets, circuit: Machine.close(circuit, rules, now) }
  }
  return circuit._tag === "Closed" ? { ...initial(rules), resets: state.resets, circuit } : undefined
}
