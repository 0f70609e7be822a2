import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { WindowEntry } from "../windows/stored.ts"
import { overrules } from "./changes.ts"
import { clockMillis } from "./following.ts"
import type { Replica, Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Known } from "./shared.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

// What a node makes of what the store keeps: it follows, gives back, and holds on to what it keeps itself.

/**
 * What the store keeps, against what the node has: it is followed, or given back.
 *
 * @internal
 */
export const observe = (
  node: Stepped,
  known: Known,
  window: WindowEntry | undefined,
  situation: Situation
): Stepped => {
  if (isGivenBack(node, known, window, situation)) {
    return Writes.restore(node, known, window?.epoch ?? 0, situation)
  }
  const { followed, standing } = node.replica
  // Where others have changed it since, what they have found counts.
  return standing._tag === "Diverged" && standing.isReset && known.revision === followed.revision
    ? resetAgain(node, known, situation)
    : settleDown(Writes.keepAgain(node, known, situation, standing._tag !== "InStep"), situation)
}

/** Whether the store has lost the circuit, or has to be told of what this node has made of it. */
const isGivenBack = (
  node: Stepped,
  known: Known,
  window: WindowEntry | undefined,
  situation: Situation
): boolean => {
  const here = Replicas.standingNow(node, situation)
  const { generation } = known.shared.circuit
  const isWorthKeeping = here._tag !== "Closed" || here.openings > 0
  const isLost = generation < node.replica.followed.shared.circuit.generation && isWorthKeeping
  return isLost || hasLostState(known, window, situation) || isNews(node.replica, here, known)
}

/** Whether the window is one of a later generation than the state, also if clocks differ by some milliseconds. */
const hasLostState = (
  { at, shared }: Known,
  window: WindowEntry | undefined,
  { settings: { rules } }: Situation
): boolean =>
  window !== undefined && window.epoch > Machine.at(shared.circuit, rules, at + clockMillis).generation

/** A reset by hand reaches the others, and what this node has kept since stays so. */
const resetAgain = (step: Stepped, known: Known, situation: Situation): Stepped => {
  const { kept } = step.replica
  const { node: self } = situation.settings
  const node = Replicas.know(Writes.inStepAgain(step), { followed: known })
  const reset = Writes.withReset(Writes.push(node, { _tag: "Resets" }, situation))
  const since = Replicas.know(reset, { kept })
  return kept.isolations + kept.disables > 0
    ? Writes.push(since, Writes.keeps(since.replica, self), situation)
    : since
}

/** Whether what a node has changed itself is news to the others, or stands against what they have made of it. */
const isNews = ({ followed, kept, standing }: Replica, here: Circuit<unknown>, known: Known): boolean => {
  if (standing._tag !== "Diverged" || !isOwn(here, kept)) return false
  const there = known.shared.circuit
  return (
    known.revision === followed.revision ||
    there.generation < followed.shared.circuit.generation ||
    overrules(here, there)
  )
}

/** Whether a node may give back to the store what it has changed itself. Only its holders give back a hold. */
const isOwn = (here: Circuit<unknown>, { disables, isolations }: Replica["kept"]): boolean =>
  !(here._tag === "Isolated" && isolations === 0) && !(here._tag === "Disabled" && disables === 0)

/**
 * A node that is in step writes what it has left out, and gives back the slots that none of its calls uses: it may have
 * missed that it got them.
 */
const settleDown = (step: Stepped, situation: Situation): Stepped => {
  const node = Writes.inStepAgain(step)
  const { followed, slots, standing } = node.replica
  if (standing._tag !== "InStep") return node
  const { node: self } = situation.settings
  if (followed.isPartial) return Writes.push(node, Writes.keeps(node.replica, self), situation)
  return Object.entries(followed.shared.probers)
    .filter(([id, prober]) => prober === self && !slots.includes(Number(id)))
    .reduce(
      (after, [id]) => Writes.push(after, Writes.abandoned(after, Number(id), situation), situation),
      node
    )
}
