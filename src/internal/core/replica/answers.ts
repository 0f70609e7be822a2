import type { WindowEntry } from "../windows/stored.ts"
import { decodeWindow } from "../wire/window.ts"
import type { Asked, Entry, Of, CircuitRequest } from "./events.ts"
import { decide, continueOrStop } from "./deciding.ts"
import { storeLost } from "./notifications.ts"
import { observe } from "./observing.ts"
import { decoded, withoutExpiredLeases } from "./reading.ts"
import type { Progress } from "./progress.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { StoredCircuit } from "./shared.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

/** @internal */
export const answered = (
  before: Progress,
  { asked, entry }: Of<"Answered">,
  situation: Situation
): Progress => {
  const progress = asked.isAnnounced ? announced(before) : before
  const { stored: read, progress: reported } = decoded(progress, entry, asked.stored, situation)
  if (read === undefined) return goLocal(reported)
  const window = decodeWindow(entry.window, entry.now)
  const latest = Replicas.latestStored(reported.replica)
  const isOld = isOvertaken(latest, read, asked.stored)
  const stored = isOld ? latest : unexpired(read, entry, situation)
  const { standing } = reported.replica
  if (standing._tag === "Writing") {
    const waiting = windowReceived(reported, window, asked, situation)
    const writing = { ...standing, base: stored }
    return standing.attempt === undefined
      ? Writes.attempt(markAnswered(waiting), writing, situation)
      : markAnswered(Steps.withStanding(waiting, writing))
  }
  const observed = isOld ? reported : markAnswered(observe(reported, stored, window, situation))
  const counted = windowReceived(observed, window, asked, situation)
  return counted.replica.standing._tag === "Writing"
    ? counted
    : continueOrStop(decide(counted, asked, situation), window, situation)
}

/** The other nodes report at once now, so the next exchange, which reads their reports, comes soon. */
const announced = (progress: Progress): Progress =>
  Steps.withReplica(progress, Activities.exchangeSoon(progress.replica))

const markAnswered = (progress: Progress): Progress =>
  progress.replica.isUnknown ? Steps.withUpdate(progress, { isUnknown: false }) : progress

const generationOf = ({ shared }: StoredCircuit): number => shared.circuit.generation

/** Whether the answer is older than a change that this node has received or made since it asked. */
const isOvertaken = (latest: StoredCircuit, read: StoredCircuit, asked: StoredCircuit): boolean =>
  latest.revision !== asked.revision &&
  (read.revision === asked.revision ||
    read.revision === latest.replaced ||
    (generationOf(asked) <= generationOf(read) && generationOf(read) < generationOf(latest)) ||
    (generationOf(read) === generationOf(latest) && read.revision !== latest.revision && read.at < latest.at))

/** The state without expired slots and holds. If it had any, the next request asks for the whole state. */
const unexpired = (stored: StoredCircuit, entry: Entry, situation: Situation): StoredCircuit => {
  const { shared } = stored
  const living = withoutExpiredLeases(shared, entry, situation)
  const isPartial = living !== shared
  return isPartial || stored.isPartial ? { ...stored, shared: living, isPartial } : stored
}

/**
 * Takes in the answered window. If the store has lost reports of this node, they are sent again soon, and announced:
 * without them, other nodes may have found that there are no failures.
 */
const windowReceived = (
  progress: Progress,
  answer: WindowEntry | undefined,
  asked: Asked,
  situation: Situation
): Progress => {
  const { replica } = progress
  if (answer === undefined && !Activities.isExchanging(replica)) return progress
  const counting = Replicas.countingOf(replica, Steps.currentCircuit(progress, situation))
  if (counting === undefined) return progress
  const reporting = Reports.answered(
    replica.reporting,
    answer,
    { ...counting, asked: asked.reporting },
    situation
  )
  const isLost = Reports.hasLost(replica.reporting, reporting)
  const counted = { ...replica, reporting }
  const next = isLost
    ? Activities.updateExchanging(Activities.exchangeSoon(counted), { mustAnnounce: true })
    : counted
  const exchanges = Reports.exchangesBetween(asked.reporting, reporting)
  return Steps.withReplica(
    progress,
    exchanges === undefined ? next : Activities.updateExchanging(next, { exchangingNodes: exchanges })
  )
}

/** @internal */
export const written = (
  progress: Progress,
  { entry, revision }: Of<"Written">,
  situation: Situation
): Progress => {
  const { standing } = progress.replica
  // A notification has confirmed this write before, or the node has given it up.
  if (standing._tag !== "Writing" || standing.attempt?.revision !== revision) return progress
  const { attempt } = standing
  if (entry.revision === revision) {
    return Writes.won(progress, standing, { ...attempt, at: entry.now }, situation)
  }
  // The store refuses a change of the very state that it has. It may do so for ever, so the next exchange writes again.
  if (entry.revision === attempt.basedOn.revision) return Writes.writeFailed(progress)
  const read = decoded(progress, entry, standing.base, situation)
  if (read.stored === undefined) return goLocal(read.progress)
  const isStale = isOvertaken(standing.base, read.stored, attempt.basedOn)
  const base = isStale ? standing.base : unexpired(read.stored, entry, situation)
  return Writes.attempt(read.progress, { ...standing, base, attempt: undefined }, situation)
}

/**
 * The store could not be asked. A write that needed the answer has failed.
 *
 * @internal
 */
export const unanswered = (progress: Progress, { request }: Of<"Unanswered">): Progress =>
  attemptFailed(requestFailed(progress, request), undefined)

/** @internal */
export const writeFailed = (progress: Progress, { revision }: Of<"WriteFailed">): Progress =>
  attemptFailed(progress, revision)

/** Gives up the write with this revision, or the one that has none yet, unless it has ended in the meantime. */
const attemptFailed = (progress: Progress, revision: string | undefined): Progress => {
  const { standing } = progress.replica
  return standing._tag === "Writing" && standing.attempt?.revision === revision
    ? Writes.writeFailed(progress)
    : progress
}

/**
 * The store has a fault with this circuit, which is like a loss of the store for this circuit alone.
 *
 * @internal
 */
export const faulted = (progress: Progress, situation: Situation): Progress =>
  goLocal(storeLost(progress, situation))

/** An announcement that a failed request made has to be made again. */
const requestFailed = (progress: Progress, { announce }: CircuitRequest): Progress =>
  announce
    ? Steps.withReplica(progress, Activities.updateExchanging(progress.replica, { mustAnnounce: true }))
    : progress

/**
 * The circuit cannot be shared now, because the store has a fault with it, or a state under other rules. This node uses
 * its own circuit.
 */
const goLocal = (progress: Progress): Progress =>
  progress.replica.standing._tag === "Writing" ? Writes.writeFailed(progress) : progress
