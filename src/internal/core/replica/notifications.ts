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
  progress: Progress,
  event: Of<"ChangeReceived">,
  situation: Situation
): Progress => {
  const { standing } = progress.replica
  if (standing._tag === "Diverged")
    return Steps.withReplica(progress, Activities.exchangeSoon(progress.replica))
  if (standing._tag === "Writing" && standing.attempt?.revision === event.revision) {
    return Writes.won(progress, standing, { ...standing.attempt, at: event.now }, situation)
  }
  const latest = Replicas.latestStored(progress.replica)
  const { stored, progress: reported } = decoded(progress, event, latest, situation)
  if (stored === undefined || isOutdated(stored, latest)) return reported
  return standing._tag === "Writing"
    ? Steps.withStanding(reported, { ...standing, base: stored })
    : Writes.followWithOwnHolds(reported, stored, situation, standing._tag !== "InSync")
}

/** Whether a later state is known already. */
const isOutdated = (received: StoredCircuit, latest: StoredCircuit): boolean => {
  const [generation, ownGeneration] = [received.shared.circuit.generation, latest.shared.circuit.generation]
  return generation < ownGeneration || (generation === ownGeneration && received.at < latest.at)
}

/**
 * Joins the exchange of a circuit that another node has announced. Many nodes spread their first exchanges over an
 * interval.
 *
 * @internal
 */
export const failuresAnnounced = (
  progress: Progress,
  { listeners }: Of<"FailuresAnnounced">,
  { isFailing, now, settings }: Situation
): Progress => {
  const { activity } = progress.replica
  const exchangingNodes = Math.max(listeners, activity._tag === "Idle" ? 0 : activity.exchangingNodes)
  const joined = Activities.updateExchanging(Activities.startExchanging(progress.replica), {
    // While this node cannot ask the store, the others may stop again without its knowledge.
    ...(isFailing
      ? { quietSince: now }
      : { quietSince: Infinity, quietGeneration: Replicas.epochOf(progress.replica, progress.circuit) }),
    exchangingNodes
  })
  if (activity._tag === "Exchanging") return Steps.withReplica(progress, joined)
  const later = settings.phase * (Activities.intervalMillis(joined, settings) - settings.syncMillis)
  return Steps.withReplica(
    progress,
    Activities.updateExchanging(joined, { timing: Timings.startingAt(now + later) })
  )
}

/**
 * Forgets the store's last answer, which is outdated while the store fails. The other nodes may stop exchanging the
 * circuit meanwhile, so the next failure is announced.
 *
 * @internal
 */
export const storeLost = (progress: Progress, { now, settings: { rules } }: Situation): Progress => {
  const { failures, slow } = Machine.counts(progress.circuit, rules, now)
  const reporting = { ...progress.replica.reporting, answer: undefined }
  return Steps.withReplica(
    progress,
    Activities.updateExchanging(
      { ...progress.replica, reporting },
      { mustAnnounce: failures + slow > 0, quietSince: now }
    )
  )
}
