import type { Circuit, HalfOpen } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { isCounting } from "./reporting.ts"
import type { Replica, Stepped } from "./replica.ts"
import { attended, commanding, inStep, know } from "./replica.ts"
import type { Known } from "./shared.ts"
import { shift } from "./shared.ts"
import type { Situation } from "./situation.ts"

/**
 * How a shared circuit that a node has to follow compares with its own.
 */
interface Comparison {
  /** The node's own circuit as it stands now, and the shared one in the node's time. */
  readonly here: Circuit<unknown>
  readonly there: Circuit<unknown>
  /** The node has followed this revision before. */
  readonly isKnown: boolean
  /** What the node has made of it is on its way to the others, or will be given back to them. */
  readonly isAhead: boolean
  /** It is no news that it differs: the node is ahead, or new, or the store has forgotten something. */
  readonly isExpected: boolean
  /** The circuit was reset by hand since. */
  readonly isReset: boolean
}

/**
 * Makes a node's own circuit what the shared one is. `isAhead` says that the node has changed it itself.
 *
 * @internal
 */
export const follow = (step: Stepped, known: Known, situation: Situation, isAhead: boolean): Stepped => {
  const comparison = compare(step, known, situation, isAhead)
  if (!comparison.isKnown) return take(step, known, comparison, situation)
  if (step.replica.standing._tag === "Alone") return know(step, { followed: known })
  const same = sameThere(comparison, situation)
  return same === undefined || isMistimed(comparison)
    ? take(step, known, comparison, situation)
    : know(step, { followed: known, offset: same.generation - comparison.here.generation })
}

const take = (step: Stepped, known: Known, comparison: Comparison, situation: Situation): Stepped => {
  const { here, there } = comparison
  const rolled = changed(step, here, "Manual", "Local")
  const { standing } = step.replica
  const followed = know(rolled, {
    followed: known,
    standing: standing._tag === "Writing" ? standing : inStep
  })
  // What came to the same here is no transition.
  if (isOverHere(comparison, situation) && here._tag !== there._tag) {
    return withOffset(followed, rollTime(there, situation, clockMillis))
  }
  const isOther = isTransition(comparison, step.replica)
  const next = isOther ? successor(here, there) : renewed(comparison)
  const after = withOffset(changed(followed, next, known.shared.reason, "Fleet"), there)
  return next._tag === "Closed" ? after : { ...after, replica: attended(after.replica) }
}

/** The shared circuit in the state that the node's own is in, if time has brought or will soon bring it there. */
const sameThere = (comparison: Comparison, situation: Situation): Circuit<unknown> | undefined => {
  const { here, there } = comparison
  if (isAlike(here, there, situation, 0)) return rollTime(there, situation, 0)
  return isOverHere(comparison, situation) ? rollTime(there, situation, clockMillis) : undefined
}

const compare = (
  { circuit, replica }: Stepped,
  { revision, shared }: Known,
  { ahead, now, settings: { node, rules } }: Situation,
  isAhead: boolean
): Comparison => {
  const { followed, isUnknown, standing } = replica
  const there = shift(shared.circuit, -ahead)
  const { generation } = followed.shared.circuit
  return {
    here: Machine.at(circuit, rules, now),
    there,
    isKnown: there.generation === generation && (revision === followed.revision || standing._tag === "Alone"),
    isAhead,
    isExpected: isAhead || isUnknown || there.generation <= generation,
    // What the node still isolates has begun since.
    isReset: shared.resets > followed.shared.resets && !(node in shared.keepers)
  }
}

const changed = (
  step: Stepped,
  circuit: Circuit<unknown>,
  reason: Known["shared"]["reason"],
  origin: "Local" | "Fleet"
): Stepped =>
  circuit === step.circuit
    ? step
    : commanding({ ...step, circuit }, { _tag: "Change", circuit, reason, origin })

const withOffset = (step: Stepped, shared: Circuit<unknown>): Stepped =>
  know(step, { offset: shared.generation - step.circuit.generation })

const rollTime = (
  circuit: Circuit<unknown>,
  { now, settings }: Situation,
  slackMillis: number
): Circuit<unknown> => Machine.at(circuit, settings.rules, now + slackMillis)

/** Clocks are compared to some milliseconds: what was over here a moment ago does not begin again. */
const isOverHere = ({ here, isExpected, isKnown, there }: Comparison, situation: Situation): boolean =>
  (isKnown || isExpected) && here.openings === there.openings && isAlike(here, there, situation, clockMillis)

/** @internal */
export const clockMillis = 50

/** Whether a clock was not known well when the opening was followed. */
const isMistimed = ({ here, there }: Comparison): boolean =>
  here._tag === "Open" && there._tag === "Open" && Math.abs(here.openedAt - there.openedAt) > clockMillis

/** Whether two circuits are in the same state, and as much of it is held, after so much more time. */
const isAlike = (
  here: Circuit<unknown>,
  there: Circuit<unknown>,
  situation: Situation,
  slackMillis: number
): boolean => {
  const then = rollTime(there, situation, slackMillis)
  if (here._tag === "HalfOpen" && then._tag === "HalfOpen") return hasAsMany(here, then)
  if (here._tag === "Isolated" && then._tag === "Isolated") {
    return here.holders === then.holders && here.disablers === then.disablers
  }
  if (here._tag === "Disabled" && then._tag === "Disabled") return here.disablers === then.disablers
  return here._tag === then._tag
}

const hasAsMany = (here: HalfOpen, there: HalfOpen): boolean =>
  here.slots.count === there.slots.count && here.succeeded === there.succeeded && here.failed === there.failed

/**
 * Whether to follow is a transition. Only by hand does a circuit get from Closed to Closed, by a reset, and from Open to
 * Open. A reset ends isolations, too: the next one is another one. What was missed on the way is no transition.
 */
const isTransition = ({ here, isExpected, isReset, there }: Comparison, { offset }: Replica): boolean =>
  here._tag !== there._tag ||
  (isReset && (here._tag === "Isolated" || !isExpected)) ||
  (!isExpected && here._tag === "Open" && there.generation === here.generation + offset + 1)

const successor = (here: Circuit<unknown>, there: Circuit<unknown>): Circuit<unknown> => {
  const generation = here.generation + 1
  return there._tag === "Isolated" ? { ...there, generation, since: generation } : { ...there, generation }
}

/**
 * The same state, as the store has it. A window is the node's own, if it is still the same one, and so are its share of
 * a recovery and its isolation.
 */
const renewed = ({ here, isExpected, there }: Comparison): Circuit<unknown> => {
  const { generation } = here
  if (here._tag === "Isolated" && there._tag === "Isolated") {
    return { ...there, generation, since: here.since }
  }
  if (!isExpected || !isCounting(here)) return { ...there, generation }
  if (here._tag === "Closed" && there._tag === "Closed") return { ...there, generation, window: here.window }
  if (here._tag === "Recovering" && there._tag === "Recovering") {
    const { admitted, arrivals, window } = here
    return { ...there, generation, admitted, arrivals, window }
  }
  return { ...there, generation }
}
