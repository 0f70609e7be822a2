import type { WindowEntry } from "../windows/stored.ts"
import { decodeWindow } from "../wireWindow.ts"
import type { Asked, Entry, Of } from "./events.ts"
import { decide, restOrAttend } from "./judging.ts"
import { observe } from "./observing.ts"
import { decoded } from "./reading.ts"
import type { Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { Known } from "./shared.ts"
import { withoutLost } from "./shared.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

/** @internal */
export const answered = (step: Stepped, { asked, entry }: Of<"Answered">, situation: Situation): Stepped => {
  const { known: read, node } = decoded(step, entry, asked.known, situation)
  if (read === undefined) return leftAlone(node)
  const window = decodeWindow(entry.window)
  const latest = Replicas.latestOf(node.replica)
  const known = isOvertaken(latest, read, asked.known) ? latest : withoutLostNodes(read, entry, situation)
  const { standing } = node.replica
  if (standing._tag === "Writing") {
    const waiting = windowAnswered(node, window, asked, situation)
    const writing = { ...standing, base: known }
    return standing.attempt === undefined
      ? Writes.attempt(answeredOnce(waiting), writing, situation)
      : answeredOnce(Replicas.toStanding(waiting, writing))
  }
  const observed = known === latest ? node : answeredOnce(observe(node, known, window, situation))
  const counted = windowAnswered(observed, window, asked, situation)
  return counted.replica.standing._tag === "Writing"
    ? counted
    : restOrAttend(decide(counted, asked, situation), situation)
}

const answeredOnce = (node: Stepped): Stepped =>
  node.replica.isUnknown ? Replicas.know(node, { isUnknown: false }) : node

const generationOf = ({ shared }: Known): number => shared.circuit.generation

/** Whether a change that was heard, or made, after the question is missing from the answer. */
const isOvertaken = (latest: Known, read: Known, asked: Known): boolean =>
  latest.revision !== asked.revision &&
  (read.revision === asked.revision ||
    (generationOf(asked) <= generationOf(read) && generationOf(read) < generationOf(latest)) ||
    (generationOf(read) === generationOf(latest) && read.revision !== latest.revision && read.at < latest.at))

/** Without what is held by nodes that are not heard of. After an outage, all of them have a lease. */
const withoutLostNodes = (
  known: Known,
  entry: Entry,
  { answeringSince, settings: { leaseMillis, rules } }: Situation
): Known => {
  const { shared } = known
  const isSoon = entry.now - answeringSince < leaseMillis
  const living = isSoon ? shared : withoutLost(shared, rules, entry, leaseMillis)
  return { ...known, shared: living, isPartial: living !== shared }
}

/** What the store has lost of this node's reports is told again, and soon. */
const windowAnswered = (
  node: Stepped,
  answer: WindowEntry | undefined,
  asked: Asked,
  situation: Situation
): Stepped => {
  const { replica } = node
  if (answer === undefined && !Replicas.isExchanging(replica)) return node
  const counting = Replicas.countingOf(replica, Replicas.standingNow(node, situation))
  if (counting === undefined) return node
  const reporting = Reports.answered(
    replica.reporting,
    answer,
    { ...counting, asked: asked.reporting },
    situation
  )
  const isLost = Reports.hasLost(replica.reporting, reporting)
  const next = isLost ? Replicas.hurried({ ...replica, reporting }) : { ...replica, reporting }
  const exchanges = Reports.exchangesBetween(asked.reporting, reporting)
  return {
    ...node,
    replica: exchanges === undefined ? next : Replicas.attending(next, { crowd: exchanges })
  }
}

/** @internal */
export const written = (step: Stepped, { entry, revision }: Of<"Written">, situation: Situation): Stepped => {
  const { standing } = step.replica
  // What was heard, or given up, in between counts.
  if (standing._tag !== "Writing" || standing.attempt?.revision !== revision) return step
  const { attempt } = standing
  if (entry.revision === revision) {
    return Writes.won(step, standing, { ...attempt, at: entry.now }, situation)
  }
  const read = decoded(step, entry, standing.base, situation)
  if (read.known === undefined) return leftAlone(read.node)
  const isStale = isOvertaken(standing.base, read.known, attempt.madeOf)
  const base = isStale ? standing.base : withoutLostNodes(read.known, entry, situation)
  return Writes.attempt(read.node, { ...standing, base, attempt: undefined }, situation)
}

/** @internal */
export const unwritten = (node: Stepped, revision: string | undefined): Stepped => {
  const { standing } = node.replica
  return standing._tag === "Writing" && standing.attempt?.revision === revision
    ? Writes.unwritten(node)
    : node
}

/**
 * The state cannot be shared, or belongs to nodes under other rules: this node goes by its own circuit.
 *
 * @internal
 */
export const leftAlone = (node: Stepped): Stepped =>
  node.replica.standing._tag === "Writing" ? Writes.unwritten(node) : node
