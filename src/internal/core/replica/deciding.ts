import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { WindowEntry } from "../windows/stored.ts"
import type { Asked } from "./events.ts"
import type { Progress } from "./progress.ts"
import type { Replica, Undecided } from "./replica.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"

// The decisions of a node after an answer: to open the circuit, or to stop exchanging it.

/**
 * Decides by the counts of all nodes whether the circuit opens, if this node has recorded an outcome since it last
 * decided.
 *
 * @internal
 */
export const decide = (progress: Progress, asked: Asked, situation: Situation): Progress => {
  const { undecided } = progress.replica
  if (undecided === undefined) return progress
  const tripped = trips(progress, undecided, situation)
  if (tripped !== undefined) return tripped
  return asked.undecided === undecided && isReported(progress, situation)
    ? Steps.withUpdate(progress, { undecided: undefined })
    : progress
}

/** Whether all outcomes of this node are in the store: the node that reports last then judges all of them. */
const isReported = (progress: Progress, situation: Situation): boolean => {
  const { now, settings } = situation
  const current = Steps.currentCircuit(progress, situation)
  return (
    !Machine.isCounting(current) ||
    Reports.hasReported(progress.replica.reporting, current.window, now, settings)
  )
}

const trips = (progress: Progress, { outcome }: Undecided, situation: Situation): Progress | undefined => {
  const { rules } = situation.settings
  const current = Steps.currentCircuit(progress, situation)
  const { at, circuit } = Replicas.merged(progress.replica, current, situation)
  if (!Machine.isCounting(circuit) || Machine.trips(circuit, rules, at) !== "Tripped") return undefined
  const decided = Steps.withUpdate(progress, { undecided: undefined })
  const figures = rules.policy.describe(circuit.window, at)
  return Steps.withCommands(Steps.withOwnCircuit(decided, current), {
    _tag: "Open",
    figures,
    outcome,
    now: situation.now
  })
}

/**
 * Stops exchanging a Closed circuit once no node has seen failures for two intervals. By then every node that exchanges
 * it knows so, and announces its next failure.
 *
 * @internal
 */
export const continueOrStop = (
  progress: Progress,
  window: WindowEntry | undefined,
  situation: Situation
): Progress => {
  const { replica } = progress
  const { now, settings } = situation
  const current = Steps.currentCircuit(progress, situation)
  if (current._tag !== "Closed" || isOpening(progress)) return progress
  const epoch = Replicas.epochOf(replica, current)
  if (Reports.sees(replica.reporting, current, epoch, situation)) {
    return Steps.withReplica(progress, withFailures(Activities.startExchanging(replica), current, situation))
  }
  const { activity } = replica
  if (activity._tag === "Idle") return joinExchange(progress, window)
  const quietSince = activity.quietGeneration === epoch ? Math.min(activity.quietSince, now) : now
  return mayRest(progress, situation) && now - quietSince >= 2 * Activities.intervalMillis(replica, settings)
    ? stop(Steps.withOwnCircuit(progress, current), situation)
    : Steps.withReplica(
        progress,
        Activities.updateExchanging(replica, { quietSince, quietGeneration: epoch })
      )
}

/** A node with a success that has not been reported would forget that it ends a streak of failures. */
const mayRest = (progress: Progress, situation: Situation): boolean =>
  situation.isListening &&
  progress.replica.standing._tag === "InSync" &&
  !situation.settings.writesThrough &&
  isReported(progress, situation)

/**
 * The replica of a node that sees failures in the window of all nodes. Its own window may have moved into this generation
 * together with failures that other nodes do not know of.
 */
const withFailures = (
  replica: Replica,
  current: Circuit<unknown>,
  { now, settings: { rules } }: Situation
): Replica => {
  const { activity } = replica
  if (activity._tag === "Idle") return replica
  const quietGeneration = Replicas.epochOf(replica, current)
  const { failures, slow } = Machine.counts(current, rules, now)
  const isNews = activity.quietGeneration !== quietGeneration && failures + slow > 0
  const mustAnnounce = isNews || activity.mustAnnounce
  return Activities.updateExchanging(replica, { mustAnnounce, quietSince: Infinity, quietGeneration })
}

/**
 * Nodes that exchange a circuit announce only its first failure after a change of state. A node that first reads a circuit
 * with a window, even one of an earlier generation, joins them.
 */
const joinExchange = (progress: Progress, window: WindowEntry | undefined): Progress =>
  window === undefined ? progress : Steps.withReplica(progress, Activities.startExchanging(progress.replica))

const isOpening = ({ commands }: Progress): boolean => commands.some(({ _tag }) => _tag === "Open")

/** Clears the window: a success on another node may have ended its streak of failures, and that is forgotten now. */
const stop = (progress: Progress, { now, settings: { rules } }: Situation): Progress => {
  const { circuit } = progress
  const stopped = Steps.withReplica(progress, Activities.stopExchanging(progress.replica))
  return circuit._tag === "Closed" && Machine.counts(circuit, rules, now).failures > 0
    ? Steps.withOwnCircuit(stopped, { ...circuit, window: rules.policy.initial })
    : stopped
}
