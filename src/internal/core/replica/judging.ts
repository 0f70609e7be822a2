import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Asked } from "./events.ts"
import type { Stepped, Undecided } from "./replica.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"

// What follows from an answer: the circuit opens, or is no longer exchanged.

/**
 * Judges the latest outcome of this node, if that is still to be done, by what all nodes count.
 *
 * @internal
 */
export const decide = (node: Stepped, asked: Asked, situation: Situation): Stepped => {
  const { undecided } = node.replica
  if (undecided === undefined) return node
  const tripped = trips(node, undecided, situation)
  return tripped !== undefined
    ? tripped
    : asked.undecided === undecided && isReported(node, situation)
      ? Replicas.know(node, { undecided: undefined })
      : node
}

/** Whether the other nodes can know of every outcome of this one: whoever is the last to report judges all of them. */
const isReported = ({ circuit, replica }: Stepped, { now, settings }: Situation): boolean =>
  !Reports.isCounting(circuit) || Reports.hasReported(replica.reporting, circuit.window, now, settings)

const trips = (node: Stepped, { outcome }: Undecided, situation: Situation): Stepped | undefined => {
  const { rules } = situation.settings
  const here = Replicas.standingNow(node, situation)
  const { at, circuit } = Replicas.merged(node.replica, here, situation)
  if (!Reports.isCounting(circuit) || Machine.trips(circuit, rules, at) !== "Tripped") return undefined
  const decided = Replicas.know(node, { undecided: undefined })
  const figures = rules.policy.describe(circuit.window, at)
  return Replicas.commanding(rolledTo(decided, here), {
    _tag: "Open",
    figures,
    outcome,
    now: situation.now
  })
}

const rolledTo = (node: Stepped, here: Circuit<unknown>): Stepped =>
  here === node.circuit
    ? node
    : Replicas.commanding(
        { ...node, circuit: here },
        { _tag: "Change", circuit: here, reason: "Manual", origin: "Local" }
      )

/**
 * A circuit without failures, slots and holds costs the store nothing. It is no longer exchanged once that has been so
 * for two intervals: by then every node that exchanges it knows, and announces the next failure again.
 *
 * @internal
 */
export const restOrAttend = (node: Stepped, situation: Situation): Stepped => {
  const { replica } = node
  const { now, settings } = situation
  const here = Replicas.standingNow(node, situation)
  if (here._tag !== "Closed" || isOpening(node)) return node
  const epoch = Replicas.epochOf(replica, here)
  if (Reports.sees(replica.reporting, here, epoch, situation)) {
    const attended = Replicas.attended(replica)
    return { ...node, replica: Replicas.attending(attended, { quietSince: Infinity }) }
  }
  const { attention, standing } = replica
  if (attention._tag === "Resting") return attendWindow(node)
  const quietSince = attention.quietIn === epoch ? Math.min(attention.quietSince, now) : now
  const mayRest = situation.isListening && standing._tag === "InStep" && !settings.writesThrough
  return mayRest && now - quietSince >= 2 * Replicas.intervalMillis(replica, settings)
    ? rest(rolledTo(node, here), situation)
    : { ...node, replica: Replicas.attending(replica, { quietSince, quietIn: epoch }) }
}

/** Nodes that exchange a window announce no failure in it: who asks for the circuit first exchanges it with them. */
const attendWindow = (node: Stepped): Stepped =>
  node.replica.reporting.answer === undefined ? node : { ...node, replica: Replicas.attended(node.replica) }

const isOpening = ({ commands }: Stepped): boolean => commands.some(({ _tag }) => _tag === "Open")

/** A streak that a success elsewhere has ended is not to go on when that is forgotten. */
const rest = (step: Stepped, { now, settings: { rules } }: Situation): Stepped => {
  const { circuit } = step
  const node = { ...step, replica: Replicas.rested(step.replica) }
  return circuit._tag === "Closed" && Machine.counts(circuit, rules, now).failures > 0
    ? rolledTo(node, { ...circuit, window: rules.policy.initial })
    : node
}
