import type { Decision } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { encode, holdingsOf } from "../wire.ts"
import type { Change, Keeps } from "./changes.ts"
import { apply, keep } from "./changes.ts"
import { follow } from "./following.ts"
import type { Attempt, Replica, SlotDecision, Stepped, Writing } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Known } from "./shared.ts"
import { shift, successor } from "./shared.ts"
import type { Situation } from "./situation.ts"
import { storeTime } from "./situation.ts"

/**
 * Makes a change of this node in the store, after those that are on their way. A node that has diverged gives its circuit
 * back to the store first.
 *
 * @internal
 */
export const push = (step: Stepped, change: Change, situation: Situation): Stepped => {
  const { standing } = step.replica
  if (situation.isFailing) return unwritten(step, [change])
  switch (standing._tag) {
    case "Writing":
      return Replicas.toStanding(step, { ...standing, changes: [...standing.changes, change] })
    case "Diverged": {
      const restore = restoring(step, step.replica.followed, 0, situation)
      return begin(restore.step, step.replica.followed, [restore.change, change], situation)
    }
    default:
      return begin(step, step.replica.followed, [change], situation)
  }
}

const begin = (step: Stepped, base: Known, changes: ReadonlyArray<Change>, situation: Situation): Stepped => {
  const attended = { ...step, replica: Replicas.attended(step.replica) }
  const writing: Writing = {
    _tag: "Writing",
    base,
    changes,
    attempt: undefined,
    decisions: []
  }
  // Where changes are not heard, what was known may be old.
  return situation.isListening
    ? attempt(attended, writing, situation)
    : Replicas.commanding(Replicas.toStanding(attended, writing), { _tag: "Exchange" })
}

/**
 * Writes the changes that are on their way, made of what is known of the store. Where they change nothing, it is done.
 *
 * @internal
 */
export const attempt = (step: Stepped, writing: Writing, situation: Situation): Stepped => {
  const { base, changes } = writing
  const now = storeTime(situation)
  const { decisions, shared } = applyAll(base, changes, situation)
  // What was left out is written, so that all nodes know.
  if (shared === base.shared && !base.isPartial) {
    return conclude(
      step,
      { ...writing, changes: [], decisions: [...writing.decisions, ...decisions] },
      situation
    )
  }
  const isFirst = base.shared.circuit.generation === 0 && !changes.some(isGivenBack)
  const after = successor(shared, isFirst, now)
  const { revision, settings } = situation
  const made: Attempt = {
    revision,
    shared: after,
    at: now,
    isPartial: false,
    madeOf: base,
    sent: changes.length,
    decisions
  }
  return Replicas.commanding(Replicas.toStanding(step, { ...writing, attempt: made }), {
    _tag: "Write",
    expected: base.revision,
    revision,
    state: encode(after, settings.rulesName),
    renew: isHeldBy(after, settings.node),
    keepMillis: Replicas.keepMillis(after.circuit, settings)
  })
}

/** What the nodes know already keeps its generation. */
const isGivenBack = (change: Change): boolean => change._tag === "Restores" && !change.isNews

const isHeldBy = ({ disablers, keepers, probers }: Known["shared"], node: string): boolean =>
  node in keepers || node in disablers || Object.values(probers).includes(node)

const applyAll = (
  { shared: base }: Known,
  changes: ReadonlyArray<Change>,
  situation: Situation
): { readonly shared: Known["shared"]; readonly decisions: ReadonlyArray<SlotDecision> } => {
  const now = storeTime(situation)
  let shared = base
  const decisions: Array<SlotDecision> = []
  for (const change of changes) {
    const applied = apply(change, shared, situation.settings, now)
    shared = applied.shared
    if (change._tag === "TakesSlot" && applied.decision !== undefined) {
      decisions.push({ request: change.request, decision: applied.decision })
    }
  }
  return { shared, decisions }
}

/**
 * The attempt has reached the store. If the state has changed there since, that is newer than what was written.
 *
 * @internal
 */
export const won = (step: Stepped, writing: Writing, made: Attempt, situation: Situation): Stepped => {
  const isLatest = writing.base.revision === made.madeOf.revision || writing.base.revision === made.revision
  const next: Writing = {
    _tag: "Writing",
    base: isLatest ? made : writing.base,
    changes: writing.changes.slice(made.sent),
    attempt: undefined,
    decisions: [...writing.decisions, ...made.decisions]
  }
  return next.changes.length > 0 ? attempt(step, next, situation) : conclude(step, next, situation)
}

/** All changes have arrived: the node follows what the store keeps now, and answers those who asked for a slot. */
const conclude = (step: Stepped, { base, decisions }: Writing, situation: Situation): Stepped => {
  const followed = keepAgain(Replicas.toStanding(step, Replicas.inStep), plain(base), situation, true)
  return decisions.reduce((after, decision) => answer(after, decision, situation), followed)
}

/**
 * Follows a shared circuit, and sees to it that the others know how often this node isolates and disables it: they may
 * have taken this node for dead, or missed that. Until they know, the circuit is what it will be then. `isAhead` says that
 * the node has changed the circuit itself.
 *
 * @internal
 */
export const keepAgain = (step: Stepped, known: Known, situation: Situation, isAhead: boolean): Stepped => {
  const { settings } = situation
  const node = withoutEndedIsolations(step, known, settings.node)
  const change = keeps({ ...node.replica, followed: known }, settings.node)
  const kept = keep(change, known.shared, settings, storeTime(situation))
  if (kept === known.shared) return follow(node, known, situation, isAhead)
  const followed = follow(node, { ...known, shared: kept }, situation, isAhead)
  return push(inStepAgain(Replicas.know(followed, { followed: known })), change, situation)
}

/** A reset by another node ends the isolations of this one, but for those that it has begun since. */
const withoutEndedIsolations = (node: Stepped, { shared }: Known, self: string): Stepped => {
  const { followed, isUnknown, kept } = node.replica
  return shared.resets > followed.shared.resets && !isUnknown
    ? Replicas.know(node, { kept: { ...kept, isolations: shared.keepers[self] ?? 0 } })
    : node
}

/**
 * How often a node isolates and disables a circuit, as a change of it.
 *
 * @internal
 */
export const keeps = ({ followed: { shared }, kept }: Replica, node: string): Keeps => ({
  _tag: "Keeps",
  ...kept,
  resets: shared.resets,
  begun: shared.keepers[node] ?? 0
})

/**
 * A node that had diverged is in step again.
 *
 * @internal
 */
export const inStepAgain = (node: Stepped): Stepped =>
  node.replica.standing._tag === "Diverged" ? Replicas.toStanding(node, Replicas.inStep) : node

const plain = ({ at, isPartial, revision, shared }: Known): Known => ({ revision, shared, at, isPartial })

/** The slot is the shared one, the generation this node's own. A slot of a circuit that has gone on is given back. */
const answer = (step: Stepped, { decision, request }: SlotDecision, situation: Situation): Stepped => {
  if (decision._tag === "Rejected" || decision.ticket.slot === 0) return answering(step, request, decision)
  const { generation, slot } = decision.ticket
  const ticket = { slot, generation: step.circuit.generation }
  const isStill =
    step.circuit._tag === "HalfOpen" &&
    Replicas.epochOf(step.replica, step.circuit) === generation &&
    Machine.lands(step.circuit, situation.settings.rules, ticket, situation.now)
  if (!isStill) return push(answering(step, request, undefined), abandoned(step, slot, situation), situation)
  const slots = [...step.replica.slots, slot]
  return answering(Replicas.know(step, { slots }), request, { _tag: "Admitted", ticket })
}

const answering = (step: Stepped, request: number, decision: Decision | undefined): Stepped =>
  Replicas.commanding(step, { _tag: "Answer", request, decision })

/**
 * A slot that no call uses, or will.
 *
 * @internal
 */
export const abandoned = ({ circuit, replica }: Stepped, slot: number, situation: Situation): Change => ({
  _tag: "SettlesProbe",
  slot,
  generation: Replicas.epochOf(replica, circuit),
  call: { outcome: { _tag: "Ignored" }, interrupted: true, at: storeTime(situation), elapsedMillis: 0 },
  openMillis: 0
})

/**
 * The store could not be told of changes. Whoever asked for a slot goes by the node's own circuit.
 *
 * @internal
 */
export const unwritten = (step: Stepped, more: ReadonlyArray<Change> = []): Stepped => {
  const { standing } = step.replica
  const { changes, decisions } = standing._tag === "Writing" ? standing : { changes: [], decisions: [] }
  const asking = [...changes, ...more].flatMap((it) => (it._tag === "TakesSlot" ? [it.request] : []))
  const requests = [...decisions.map(({ request }) => request), ...asking]
  const diverged = Replicas.toStanding(step, {
    _tag: "Diverged",
    isReset:
      (standing._tag === "Diverged" && standing.isReset) ||
      [...changes, ...more].some(({ _tag }) => _tag === "Resets")
  })
  return requests.reduce((after, request) => answering(after, request, undefined), {
    ...diverged,
    replica: Replicas.attended(diverged.replica)
  })
}

/**
 * Gives a circuit back to a store that has lost it, or never got it: as it is here. The slots that this node then holds are
 * those of its own calls.
 *
 * @internal
 */
export const restore = (step: Stepped, lost: Known, epoch: number, situation: Situation): Stepped => {
  const restored = restoring(step, lost, epoch, situation)
  return begin(restored.step, lost, [restored.change], situation)
}

const restoring = (
  step: Stepped,
  lost: Known,
  epoch: number,
  { ahead, now, settings }: Situation
): { readonly step: Stepped; readonly change: Change } => {
  const { circuit, replica } = step
  const holdings = holdingsOf(replica.followed.shared)
  const change: Change = {
    _tag: "Restores",
    circuit: { ...shift(circuit, ahead), generation: Replicas.epochOf(replica, circuit) },
    holdings,
    seen: Machine.at(lost.shared.circuit, settings.rules, now + ahead).generation,
    isNews: replica.standing._tag === "Diverged" || Replicas.epochOf(replica, circuit) < epoch,
    epoch,
    ...replica.kept
  }
  const own =
    circuit._tag === "HalfOpen"
      ? circuit.slots.rows.flat().flatMap(({ id }) => (id in holdings.probers ? [] : [id]))
      : []
  return { step: Replicas.know(step, { slots: [...new Set([...replica.slots, ...own])] }), change }
}

/**
 * A reset ends the isolations of all nodes, also if it reaches them later.
 *
 * @internal
 */
export const withReset = (node: Stepped): Stepped => {
  const { followed, kept } = node.replica
  const shared = { ...followed.shared, keepers: {}, resets: followed.shared.resets + 1 }
  return Replicas.know(node, { kept: { ...kept, isolations: 0 }, followed: { ...followed, shared } })
}
