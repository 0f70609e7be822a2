import type { Circuit, HalfOpen } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Progress } from "./progress.ts"
import type { Replica } from "./replica.ts"
import { withCommands, withReplica } from "./progress.ts"
import { startExchanging } from "./activity.ts"
import { inSync } from "./replica.ts"
import type { StoredCircuit } from "./shared.ts"
import { shift } from "./shared.ts"
import type { Situation } from "./situation.ts"

/** Compares a node's own circuit with the shared one that it has to follow. */
interface Comparison {
  /** The node's own circuit now, and the shared one in the node's time. */
  readonly current: Circuit<unknown>
  readonly theirs: Circuit<unknown>
  /** The node has followed this revision before. */
  readonly wasFollowed: boolean
  /** The node has changed the circuit itself. */
  readonly hasLocalChange: boolean
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
  step: Progress,
  stored: StoredCircuit,
  situation: Situation,
  hasLocalChange: boolean
): Progress => {
  const comparison = compare(step, stored, situation, hasLocalChange)
  if (!comparison.wasFollowed) return take(step, stored, comparison, situation)
  if (step.replica.standing._tag === "LocallyOpen") return withReplica(step, { followed: stored })
  const same = matchingState(comparison, situation)
  return same === undefined || isMistimed(comparison)
    ? take(step, stored, comparison, situation)
    : withReplica(step, {
        followed: stored,
        generationOffset: same.generation - comparison.current.generation
      })
}

const take = (
  step: Progress,
  stored: StoredCircuit,
  comparison: Comparison,
  situation: Situation
): Progress => {
  const { current, theirs } = comparison
  const rolled = changed(step, current, "Manual", "Local")
  const { standing } = step.replica
  const followed = withReplica(rolled, {
    followed: stored,
    standing: standing._tag === "Writing" ? standing : inSync
  })
  // The node has reached this state by itself, so following it is no transition.
  if (hasEndedLocally(comparison, situation) && current._tag !== theirs._tag) {
    return withOffset(followed, rollTime(theirs, situation, clockMillis))
  }
  const isOther = isTransition(comparison, step.replica)
  const next = isOther ? successor(current, theirs) : refreshed(comparison)
  const after = withOffset(changed(followed, next, stored.shared.reason, "Fleet"), theirs)
  return next._tag === "Closed" ? after : { ...after, replica: startExchanging(after.replica) }
}

/**
 * The shared circuit in the state of the node's own one, if it is in that state now or will be within `clockMillis`.
 */
const matchingState = (comparison: Comparison, situation: Situation): Circuit<unknown> | undefined => {
  const { current, theirs } = comparison
  if (isAlike(current, theirs, situation, 0)) return rollTime(theirs, situation, 0)
  return hasEndedLocally(comparison, situation) ? rollTime(theirs, situation, clockMillis) : undefined
}

const compare = (
  { circuit, replica }: Progress,
  { revision, shared }: StoredCircuit,
  { clockOffset, now, settings: { node, rules } }: Situation,
  hasLocalChange: boolean
): Comparison => {
  const { followed, isUnknown, standing } = replica
  const theirs = shift(shared.circuit, -clockOffset)
  const { generation } = followed.shared.circuit
  return {
    current: Machine.at(circuit, rules, now),
    theirs,
    wasFollowed:
      theirs.generation === generation && (revision === followed.revision || standing._tag === "LocallyOpen"),
    hasLocalChange,
    isExpected: hasLocalChange || isUnknown || theirs.generation <= generation,
    // An isolation of this node that is still there has begun after the reset.
    isReset: shared.resets > followed.shared.resets && !(node in shared.isolators)
  }
}

const changed = (
  step: Progress,
  circuit: Circuit<unknown>,
  reason: StoredCircuit["shared"]["reason"],
  origin: "Local" | "Fleet"
): Progress =>
  circuit === step.circuit
    ? step
    : withCommands({ ...step, circuit }, { _tag: "Change", circuit, reason, origin })

const withOffset = (step: Progress, shared: Circuit<unknown>): Progress =>
  withReplica(step, { generationOffset: shared.generation - step.circuit.generation })

const rollTime = (
  circuit: Circuit<unknown>,
  { now, settings }: Situation,
  slackMillis: number
): Circuit<unknown> => Machine.at(circuit, settings.rules, now + slackMillis)

/** Whether the shared state has just ended on this node by time. Clocks differ a little, so it must not begin again. */
const hasEndedLocally = (
  { current, isExpected, wasFollowed, theirs }: Comparison,
  situation: Situation
): boolean =>
  (wasFollowed || isExpected) &&
  current.openings === theirs.openings &&
  isAlike(current, theirs, situation, clockMillis)

/** @internal */
export const clockMillis = 50

/** Whether the opening was followed with a wrong clock offset. */
const isMistimed = ({ current, theirs }: Comparison): boolean =>
  current._tag === "Open" &&
  theirs._tag === "Open" &&
  Math.abs(current.openedAt - theirs.openedAt) > clockMillis

/** Whether two circuits are in the same state with equal slots and holds, `slackMillis` from now. */
const isAlike = (
  current: Circuit<unknown>,
  theirs: Circuit<unknown>,
  situation: Situation,
  slackMillis: number
): boolean => {
  const then = rollTime(theirs, situation, slackMillis)
  if (current._tag === "HalfOpen" && then._tag === "HalfOpen") return hasAsMany(current, then)
  if (current._tag === "Isolated" && then._tag === "Isolated") {
    return current.holders === then.holders && current.disablers === then.disablers
  }
  if (current._tag === "Disabled" && then._tag === "Disabled") return current.disablers === then.disablers
  return current._tag === then._tag
}

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
  if (!isExpected || !Machine.isCounting(current)) return { ...theirs, generation }
  if (current._tag === "Closed" && theirs._tag === "Closed")
    return { ...theirs, generation, window: current.window }
  if (current._tag === "Recovering" && theirs._tag === "Recovering") {
    const { admitted, arrivals, window } = current
    return { ...theirs, generation, admitted, arrivals, window }
  }
  return { ...theirs, generation }
}
