import * as Machine from "../circuit.ts"
import type { Of } from "./events.ts"
import * as Timings from "./timing.ts"
import { decoded } from "./reading.ts"
import type { Progress } from "./progress.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import type { StoredCircuit } from "./shared.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

// Notifications of other nodes, and the loss of the store.

/** @internal */
export const changeReceived = (
  step: Progress,
  event: Of<"ChangeReceived">,
  situation: Situation
): Progress => {
  const { standing } = step.replica
  if (standing._tag === "Diverged") return { ...step, replica: Activities.exchangeSoon(step.replica) }
  if (standing._tag === "Writing" && standing.attempt?.revision === event.revision) {
    return Writes.won(step, standing, { ...standing.attempt, at: event.now }, situation)
  }
  const latest = Replicas.latestStored(step.replica)
  const { stored, node } = decoded(step, event, latest, situation)
  if (stored === undefined || isOutdated(stored, latest)) return node
  return standing._tag === "Writing"
    ? Steps.withStanding(node, { ...standing, base: stored })
    : Writes.followWithOwnHolds(node, stored, situation, standing._tag !== "InSync")
}

/** Whether a later state is known already. */
const isOutdated = (heard: StoredCircuit, latest: StoredCircuit): boolean => {
  const [generation, ownGeneration] = [heard.shared.circuit.generation, latest.shared.circuit.generation]
  return generation < ownGeneration || (generation === ownGeneration && heard.at < latest.at)
}

/**
 * Joins the exchange of a circuit that another node has announced. Many nodes spread their first exchanges over an
 * interval.
 *
 * @internal
 */
export const failuresAnnounced = (
  node: Progress,
  { listeners }: Of<"FailuresAnnounced">,
  { isFailing, now, settings }: Situation
): Progress => {
  const { activity } = node.replica
  const exchangingNodes = Math.max(listeners, activity._tag === "Idle" ? 0 : activity.exchangingNodes)
  const heard = Activities.updateExchanging(Activities.startExchanging(node.replica), {
    // While this node cannot ask the store, the others may stop again without its knowledge.
    ...(isFailing
      ? { quietSince: now }
      : { quietSince: Infinity, quietGeneration: Replicas.epochOf(node.replica, node.circuit) }),
    exchangingNodes
  })
  if (activity._tag === "Exchanging") return { ...node, replica: heard }
  const later = settings.phase * (Activities.intervalMillis(heard, settings) - settings.syncMillis)
  return { ...node, replica: Activities.updateExchanging(heard, { timing: Timings.startingAt(now + later) }) }
}

/**
 * Forgets the store's last answer, which is outdated while the store fails. The other nodes may stop exchanging the
 * circuit meanwhile, so the next failure is announced.
 *
 * @internal
 */
export const storeLost = (node: Progress, { now, settings: { rules } }: Situation): Progress => {
  const { failures, slow } = Machine.counts(node.circuit, rules, now)
  const reporting = { ...node.replica.reporting, answer: undefined }
  return {
    ...node,
    replica: Activities.updateExchanging(
      { ...node.replica, reporting },
      { mustAnnounce: failures + slow > 0, quietSince: now }
    )
  }
}
