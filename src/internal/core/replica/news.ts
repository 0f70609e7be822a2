import * as Machine from "../circuit.ts"
import type { Of } from "./events.ts"
import * as Pace from "./pace.ts"
import { decoded } from "./reading.ts"
import type { Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Known } from "./shared.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

// What a node hears of other nodes, and of the store.

/** @internal */
export const changeHeard = (step: Stepped, event: Of<"ChangeHeard">, situation: Situation): Stepped => {
  const { standing } = step.replica
  if (standing._tag === "Diverged") return { ...step, replica: Replicas.hurried(step.replica) }
  if (standing._tag === "Writing" && standing.attempt?.revision === event.revision) {
    return Writes.won(step, standing, { ...standing.attempt, at: event.now }, situation)
  }
  const latest = Replicas.latestOf(step.replica)
  const { known, node } = decoded(step, event, latest, situation)
  if (known === undefined || isLate(known, latest)) return node
  return standing._tag === "Writing"
    ? Replicas.toStanding(node, { ...standing, base: known })
    : Writes.keepAgain(node, known, situation, standing._tag !== "InStep")
}

/** What comes late is no news. */
const isLate = (heard: Known, latest: Known): boolean => {
  const [generation, ownGeneration] = [heard.shared.circuit.generation, latest.shared.circuit.generation]
  return generation < ownGeneration || (generation === ownGeneration && heard.at < latest.at)
}

/**
 * All nodes have heard it. Where there are many, they do not answer all at once.
 *
 * @internal
 */
export const failuresHeard = (
  node: Stepped,
  { listeners }: Of<"FailuresHeard">,
  { now, settings }: Situation
): Stepped => {
  const { attention } = node.replica
  const crowd = Math.max(listeners, attention._tag === "Resting" ? 0 : attention.crowd)
  const heard = Replicas.attending(Replicas.attended(node.replica), { quietSince: Infinity, crowd })
  if (attention._tag === "Exchanging") return { ...node, replica: heard }
  const later = settings.place * (Replicas.intervalMillis(heard, settings) - settings.syncMillis)
  return { ...node, replica: Replicas.attending(heard, { pace: Pace.startingAt(now + later) }) }
}

/**
 * The store does not answer, so what it has answered is out of date.
 *
 * @internal
 */
export const storeLost = (node: Stepped, { now, settings: { rules } }: Situation): Stepped => {
  const { failures, slow } = Machine.counts(node.circuit, rules, now)
  const reporting = { ...node.replica.reporting, answer: undefined }
  return {
    ...node,
    replica: Replicas.attending({ ...node.replica, reporting }, { announces: failures + slow > 0 })
  }
}
