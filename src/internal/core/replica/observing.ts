import type { Circuit } from "../circuit.ts"
import type { WindowEntry } from "../windows/stored.ts"
import { overrules } from "./changes.ts"
import { follow, isKeptSince } from "./following.ts"
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
  const here = Replicas.standingNow(node, situation)
  const there = known.shared.circuit
  const hasLostState = there.generation === 0 && (window?.epoch ?? 0) > 0
  const isLost = there.generation < node.replica.followed.shared.circuit.generation
  const isWorthKeeping = here._tag !== "Closed" || here.openings > 0
  return hasLostState || (isLost && isWorthKeeping) || isNews(node.replica, here, known)
    ? Writes.restore(node, known, situation)
    : resetAgain(settleDown(keepAgain(node, known, situation), situation), node.replica, situation)
}

/** A reset by hand reaches the others, also when what this node has made of it does not. */
const resetAgain = (node: Stepped, { standing }: Replica, situation: Situation): Stepped =>
  standing._tag === "Diverged" && standing.isReset ? Writes.push(node, { _tag: "Resets" }, situation) : node

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
 * Follows a shared circuit, and sees to it that the others know how often this node isolates and disables it: they may
 * have taken this node for dead. A circuit that it keeps so stays so, whatever the others have made of it.
 *
 * @internal
 */
export const keepAgain = (step: Stepped, known: Known, situation: Situation): Stepped => {
  const { node: self } = situation.settings
  const node = withoutResetIsolations(step, known, self)
  const { kept, standing } = node.replica
  const { disablers, keepers } = known.shared
  if (kept.isolations === (keepers[self] ?? 0) && kept.disables === (disablers[self] ?? 0)) {
    return follow(node, known, situation, standing._tag !== "InStep")
  }
  const followed = isKeptBy(kept, known.shared.circuit)
    ? Replicas.know(node, { followed: known })
    : follow(node, known, situation, standing._tag !== "InStep")
  return Writes.push(inStepAgain(followed), { _tag: "Keeps", ...kept }, situation)
}

/** A reset by another node ends the isolations of this one. */
const withoutResetIsolations = (node: Stepped, { shared }: Known, self: string): Stepped => {
  const { followed, isNew, kept } = node.replica
  return shared.resets > followed.shared.resets && !isNew && !isKeptSince(node.replica, shared, self)
    ? Replicas.know(node, { kept: { ...kept, isolations: 0 } })
    : node
}

/** Whether a node keeps a circuit from being what the others have made of it. */
const isKeptBy = ({ disables, isolations }: Replica["kept"], { _tag }: Circuit<unknown>): boolean =>
  _tag !== "Isolated" && (isolations > 0 || (disables > 0 && _tag !== "Disabled"))

const inStepAgain = (node: Stepped): Stepped =>
  node.replica.standing._tag === "Diverged" ? Replicas.toStanding(node, Replicas.inStep) : node

/** A node that is in step gives back the slots that none of its calls uses: it may have missed that it got them. */
const settleDown = (step: Stepped, situation: Situation): Stepped => {
  const node = inStepAgain(step)
  const { followed, slots, standing } = node.replica
  if (standing._tag !== "InStep") return node
  return Object.entries(followed.shared.probers)
    .filter(([id, prober]) => prober === situation.settings.node && !slots.includes(Number(id)))
    .reduce(
      (after, [id]) => Writes.push(after, Writes.abandoned(after, Number(id), situation), situation),
      node
    )
}
