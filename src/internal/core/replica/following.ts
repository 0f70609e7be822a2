import type { Circuit, HalfOpen } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import * as ManualControl from "../manualControl.ts"
import type { Progress } from "./progress.ts"
import type { Replica } from "./replica.ts"
import { currentCircuit, withUpdate, withChangedCircuit, withOwnCircuit, withReplica } from "./progress.ts"
import { startExchanging } from "./activity.ts"
import { epochOf, inSync } from "./replica.ts"
import type { StoredCircuit } from "./shared.ts"
import { shift } from "./shared.ts"
import type { Situation } from "./situation.ts"
import { mostDriftMillis } from "./situation.ts"

/** Compares a node's own circuit with the shared one that it has to follow. */
interface Comparison {
  /** The node's own circuit now, and the shared one in the node's time. */
  readonly current: Circuit<unknown>
  readonly theirs: Circuit<unknown>
  /** The node has followed this revision before. */
  readonly wasFollowed: boolean
  /** A difference is expected: the node has changed the circuit, or is new, or the store has lost a state. */
  readonly isExpected: boolean
  /** The shared circuit was reset by hand since the node last followed it. */
  readonly isReset: boolean
}

/**
 * Follows the shared circuit: the node's own circuit takes its state. `hasLocalChange` says that the
 * node has changed it itself.
 *
 * @internal
 */
export const follow = (
  progress: Progress,
  stored: StoredCircuit,
  situation: Situation,
  hasLocalChange: boolean
): Progress => {
  const comparison = compare(progress, stored, situation, hasLocalChange)
  if (!comparison.wasFollowed) return take(progress, stored, comparison)
  if (progress.replica.standing._tag === "LocallyOpen") return withUpdate(progress, { followed: stored })
  const { current } = comparison
  const theirs = Machine.at(comparison.theirs, situation.settings.rules, situation.now)
  return isAlike(current, theirs)
    ? withUpdate(progress, { followed: stored, generationOffset: theirs.generation - current.generation })
    : take(progress, stored, comparison)
}

const take = (progress: Progress, stored: StoredCircuit, comparison: Comparison): Progress => {
  const { current, theirs } = comparison
  const atTime = withOwnCircuit(progress, current)
  const { standing } = progress.replica
  const followed = withUpdate(atTime, {
    followed: stored,
    standing: standing._tag === "Writing" ? standing : inSync
  })
  const isOther = isTransition(comparison, progress.replica)
  const next = isOther ? successor(current, theirs) : refreshed(comparison)
  const after = withOffset(withChangedCircuit(followed, next, stored.shared.reason, "Fleet"), theirs)
  return next._tag === "Closed" ? after : withReplica(after, startExchanging(after.replica))
}

const compare = (
  progress: Progress,
  { revision, shared }: StoredCircuit,
  situation: Situation,
  hasLocalChange: boolean
): Comparison => {
  const { followed, isUnknown, standing } = progress.replica
  const { circuit, isolators, resets } = shared
  const { generation } = followed.shared.circuit
  const isExpected = hasLocalChange || isUnknown || circuit.generation <= generation
  const current = currentCircuit(progress, situation)
  const theirs = shift(circuit, -situation.clockOffset)
  return {
    current,
    theirs: isExpected ? withEnd(theirs, current, progress.replica, situation) : theirs,
    wasFollowed:
      circuit.generation === generation &&
      (revision === followed.revision || standing._tag === "LocallyOpen"),
    isExpected,
    // An isolation of this node that is still there has begun after the reset.
    isReset: resets > followed.shared.resets && !(situation.settings.node in isolators)
  }
}

/**
 * The shared circuit, after the end of its opening or recovery if this node has reached that end. The generations show
 * that it has: by the time alone the opening would begin again once the clock offset is corrected. It does begin again if
 * a clock was set.
 */
const withEnd = (
  theirs: Circuit<unknown>,
  current: Circuit<unknown>,
  replica: Replica,
  { now, settings: { rules } }: Situation
): Circuit<unknown> => {
  const ended = Machine.at(theirs, rules, now + mostDriftMillis)
  if (ended.generation === theirs.generation) return theirs
  const hasEnded =
    theirs.generation <= replica.followed.shared.circuit.generation &&
    ended.generation === epochOf(replica, current) &&
    ended._tag === current._tag &&
    ended.openings === current.openings
  return hasEnded || Machine.at(theirs, rules, now) !== theirs ? ended : theirs
}

const withOffset = (progress: Progress, shared: Circuit<unknown>): Progress =>
  withUpdate(progress, { generationOffset: shared.generation - progress.circuit.generation })

/** Whether two circuits are in the same state, with the same time of an opening, and as many slots or holds. */
const isAlike = (current: Circuit<unknown>, theirs: Circuit<unknown>): boolean => {
  if (current._tag === "HalfOpen" && theirs._tag === "HalfOpen") return hasAsMany(current, theirs)
  if (current._tag === "Open" && theirs._tag === "Open") return current.openedAt === theirs.openedAt
  return current._tag === "Closed" || theirs._tag === "Closed"
    ? current._tag === theirs._tag
    : hasAsManyHolds(current, theirs)
}

/**
 * Whether two circuits, which are not Closed, are in the same state with as many openings and holds. This node may have
 * opened the circuit alone before it was held, and the number of openings matters again once it is not held.
 */
const hasAsManyHolds = (current: Circuit<unknown>, theirs: Circuit<unknown>): boolean =>
  current._tag === theirs._tag &&
  current.openings === theirs.openings &&
  isolationsOf(current) === isolationsOf(theirs) &&
  ManualControl.disablersOf(current) === ManualControl.disablersOf(theirs)

const isolationsOf = (circuit: Circuit<unknown>): number =>
  circuit._tag === "Isolated" ? circuit.holders : 0

const hasAsMany = (current: HalfOpen, theirs: HalfOpen): boolean =>
  current.slots.count === theirs.slots.count &&
  current.succeeded === theirs.succeeded &&
  current.failed === theirs.failed

/**
 * Whether following is a transition. From Closed to Closed it is one only after a reset, and from Open to Open only
 * after a trip by hand. A reset also ends isolations, so a later isolation is a new one. Missed transitions are not
 * made up for.
 */
const isTransition = (
  { current, isExpected, isReset, theirs }: Comparison,
  { generationOffset }: Replica
): boolean =>
  current._tag !== theirs._tag ||
  (isReset && (current._tag === "Isolated" || !isExpected)) ||
  (!isExpected && current._tag === "Open" && theirs.generation === current.generation + generationOffset + 1)

const successor = (current: Circuit<unknown>, theirs: Circuit<unknown>): Circuit<unknown> => {
  const generation = current.generation + 1
  return theirs._tag === "Isolated" ? { ...theirs, generation, since: generation } : { ...theirs, generation }
}

/**
 * The shared circuit in the node's own generation. The node keeps its own window and its own share of a recovery if
 * they are still current, and the identity of its isolation.
 */
const refreshed = ({ current, isExpected, theirs }: Comparison): Circuit<unknown> => {
  const { generation } = current
  if (current._tag === "Isolated" && theirs._tag === "Isolated") {
    return { ...theirs, generation, since: current.since }
  }
  if (current._tag === "HalfOpen" && theirs._tag === "HalfOpen") {
    // A probe of this node that the store does not know has lost its slot, and no other probe gets its number.
    return { ...theirs, generation, nextSlot: Math.max(current.nextSlot, theirs.nextSlot) }
  }
  if (!isExpected) return { ...theirs, generation }
  if (current._tag === "Closed" && theirs._tag === "Closed")
    return { ...theirs, generation, window: current.window }
  if (current._tag === "Recovering" && theirs._tag === "Recovering") {
    const { admitted, arrivals, window } = current
    return { ...theirs, generation, admitted, arrivals, window }
  }
  return { ...theirs, generation }
}
