import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { WindowEntry } from "../windows/stored.ts"
import { takesPrecedence } from "./changes.ts"
import type { Progress } from "./progress.ts"
import type { Replica } from "./replica.ts"
import * as Steps from "./progress.ts"
import type { StoredCircuit } from "./shared.ts"
import { hasProbe } from "./shared.ts"
import type { Situation } from "./situation.ts"
import { mostDriftMillis } from "./situation.ts"
import * as Writes from "./writing.ts"

// A node that receives the state of the store follows that state, or restores or publishes its own.

/**
 * Follows the state of the store, unless the node has to restore what the store has lost, or to publish its own
 * changes.
 *
 * @internal
 */
export const observe = (
  progress: Progress,
  stored: StoredCircuit,
  window: WindowEntry | undefined,
  situation: Situation
): Progress => {
  if (mustRestore(progress, stored, window, situation)) {
    return Writes.restore(progress, stored, window?.epoch ?? 0, situation)
  }
  const { followed, standing } = progress.replica
  // A change that other nodes have made since the reset takes precedence.
  return standing._tag === "Diverged" && standing.isReset && stored.revision === followed.revision
    ? resetAgain(progress, stored, situation)
    : returnUnusedSlots(
        Writes.followWithOwnHolds(progress, stored, situation, standing._tag !== "InSync"),
        situation
      )
}

/** Whether the store has lost the circuit's state, or does not have this node's changes of it. */
const mustRestore = (
  progress: Progress,
  stored: StoredCircuit,
  window: WindowEntry | undefined,
  situation: Situation
): boolean => {
  const current = Steps.currentCircuit(progress, situation)
  const { generation } = stored.shared.circuit
  const isWorthKeeping = current._tag !== "Closed" || current.openings > 0
  const isLost = generation < progress.replica.followed.shared.circuit.generation && isWorthKeeping
  return isLost || hasLostState(stored, window, situation) || mustPublish(progress.replica, current, stored)
}

/** Whether the window belongs to a later generation than the state. Other nodes reach the end of a recovery by their clocks. */
const hasLostState = (
  { at, shared: { circuit } }: StoredCircuit,
  window: WindowEntry | undefined,
  { settings: { rules } }: Situation
): boolean => {
  const latest = Machine.at(circuit, rules, circuit._tag === "Recovering" ? at + mostDriftMillis : at)
  return window !== undefined && window.epoch > latest.generation
}

/** Publishes a reset that could not be written, and the holds that this node has begun since. */
const resetAgain = (progress: Progress, stored: StoredCircuit, situation: Situation): Progress => {
  const { ownHolds } = progress.replica
  const { node: self } = situation.settings
  const based = Steps.withUpdate(Writes.backInSync(progress), { followed: stored })
  const reset = Writes.withReset(Writes.push(based, { _tag: "Resets" }, situation))
  const since = Steps.withUpdate(reset, { ownHolds })
  return ownHolds.isolations + ownHolds.disablings > 0
    ? Writes.push(since, Writes.ownHoldsChange(since.replica.followed.shared, ownHolds, self), situation)
    : since
}

/** Whether the node has changes that the other nodes do not have, and that their own changes do not override. */
const mustPublish = (
  { followed, ownHolds, standing }: Replica,
  current: Circuit<unknown>,
  stored: StoredCircuit
): boolean => {
  if (standing._tag !== "Diverged" || !ownsHold(current, ownHolds)) return false
  const theirs = stored.shared.circuit
  return (
    stored.revision === followed.revision ||
    theirs.generation < followed.shared.circuit.generation ||
    takesPrecedence(current, theirs)
  )
}

/** Whether the node may publish its own state: an isolation or disabling only if it holds one. */
const ownsHold = (current: Circuit<unknown>, { disablings, isolations }: Replica["ownHolds"]): boolean =>
  !(current._tag === "Isolated" && isolations === 0) && !(current._tag === "Disabled" && disablings === 0)

/**
 * Removes expired holds from the store, and gives back slots that none of this node's calls uses: the node may have
 * missed the grant of a slot.
 */
const returnUnusedSlots = (progress: Progress, situation: Situation): Progress => {
  const synced = Writes.backInSync(progress)
  const { followed, slots, standing } = synced.replica
  if (standing._tag !== "InSync") return synced
  const { node: self } = situation.settings
  if (followed.isPartial)
    return Writes.push(
      synced,
      Writes.ownHoldsChange(followed.shared, synced.replica.ownHolds, self),
      situation
    )
  if (!hasProbe(followed.shared, self)) return synced
  return Object.entries(followed.shared.probers)
    .filter(([id, prober]) => prober === self && !slots.includes(Number(id)))
    .reduce(
      (after, [id]) => Writes.push(after, Writes.abandoned(after, Number(id), situation), situation),
      synced
    )
}
