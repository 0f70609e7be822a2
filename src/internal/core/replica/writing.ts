import type { Decision } from "../admission.ts"
import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import { encode, holdingsOf } from "../wire/state.ts"
import type { Change, SetsHolds } from "./changes.ts"
import { apply, setHolds } from "./changes.ts"
import { follow } from "./following.ts"
import type { Progress } from "./progress.ts"
import type { Attempt, Replica, SlotDecision, Writing } from "./replica.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import type { StoredCircuit } from "./shared.ts"
import { asWritten, hasProbe, shift, storedCircuit } from "./shared.ts"
import type { Situation } from "./situation.ts"
import { storeTime } from "./situation.ts"

/**
 * Writes a change to the store, after the changes that are being written. A node that has diverged publishes its
 * circuit first.
 *
 * @internal
 */
export const push = (progress: Progress, change: Change, situation: Situation): Progress => {
  const { standing } = progress.replica
  if (situation.isFailing) return writeFailed(progress, [change])
  switch (standing._tag) {
    case "Writing":
      return Steps.withStanding(progress, { ...standing, changes: [...standing.changes, change] })
    case "Diverged": {
      const restore = restoring(progress, progress.replica.followed, 0, situation)
      return begin(restore.progress, progress.replica.followed, [restore.change, change], situation)
    }
    default:
      return begin(progress, progress.replica.followed, [change], situation)
  }
}

const begin = (
  progress: Progress,
  base: StoredCircuit,
  changes: ReadonlyArray<Change>,
  situation: Situation
): Progress => {
  const exchanging = Steps.withReplica(progress, Activities.startExchanging(progress.replica))
  const writing: Writing = {
    _tag: "Writing",
    base,
    changes,
    attempt: undefined,
    decisions: []
  }
  // The store is read first if the known state may be outdated for lack of notifications, or if the time of the store
  // is unknown, because all times of a state are the store's.
  return situation.isListening && situation.isTimeKnown
    ? attempt(exchanging, writing, situation)
    : Steps.withCommands(Steps.withStanding(exchanging, writing), { _tag: "Exchange" })
}

/**
 * Writes all pending changes over the latest known state. If they change nothing, there is nothing to write.
 *
 * @internal
 */
export const attempt = (progress: Progress, writing: Writing, situation: Situation): Progress => {
  const { base, changes } = writing
  const now = storeTime(situation)
  const { decisions, shared } = applyAll(base, changes, situation)
  // A partial state is written even without a change, to remove expired slots and holds from the store.
  if (shared === base.shared && !base.isPartial) {
    return conclude(
      progress,
      { ...writing, changes: [], decisions: [...writing.decisions, ...decisions] },
      situation
    )
  }
  const isFirst = base.shared.circuit.generation === 0 && !changes.some(isGivenBack)
  const after = asWritten(shared, isFirst, now)
  const { revision, settings } = situation
  const made: Attempt = {
    revision,
    shared: after,
    at: now,
    basedOn: base,
    sent: changes.length,
    decisions
  }
  return Steps.withCommands(Steps.withStanding(progress, { ...writing, attempt: made }), {
    _tag: "Write",
    expected: base.revision,
    revision,
    state: encode(after, settings.rulesName),
    renew: isHeldBy(after, settings.node),
    keepMillis: Replicas.keepMillis(after.circuit, settings)
  })
}

/** A state that other nodes have seen keeps its generation. */
const isGivenBack = (change: Change): boolean => change._tag === "Restores" && !change.isLocalChange

const isHeldBy = ({ disablers, isolators, probers }: StoredCircuit["shared"], node: string): boolean =>
  node in isolators || node in disablers || hasProbe({ probers }, node)

const applyAll = (
  { shared: base }: StoredCircuit,
  changes: ReadonlyArray<Change>,
  situation: Situation
): { readonly shared: StoredCircuit["shared"]; readonly decisions: ReadonlyArray<SlotDecision> } => {
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
 * The write succeeded. A later state than the written one may be known by now.
 *
 * @internal
 */
export const won = (progress: Progress, writing: Writing, made: Attempt, situation: Situation): Progress => {
  const isLatest = writing.base.revision === made.basedOn.revision || writing.base.revision === made.revision
  const next: Writing = {
    _tag: "Writing",
    base: isLatest ? writtenState(made) : writing.base,
    changes: writing.changes.slice(made.sent).map((change) => withNewSlot(change, made.shared.circuit)),
    attempt: undefined,
    decisions: [...writing.decisions, ...made.decisions]
  }
  return next.changes.length > 0 ? attempt(progress, next, situation) : conclude(progress, next, situation)
}

/** A later request gets another slot, also if the store loses this write and the slot that it has granted. */
const withNewSlot = (change: Change, made: Circuit<unknown>): Change =>
  change._tag === "TakesSlot" && made._tag === "HalfOpen"
    ? { ...change, firstSlot: Math.max(change.firstSlot, made.nextSlot) }
    : change

/** All changes are written: the node follows the store's state, and answers the slot requests. */
const conclude = (progress: Progress, { base, decisions }: Writing, situation: Situation): Progress => {
  const followed = followWithOwnHolds(Steps.withStanding(progress, Replicas.inSync), base, situation, true)
  return decisions.reduce((after, decision) => answer(after, decision, progress, situation), followed)
}

/**
 * Follows a shared circuit, and writes this node's own holds again if the store does not have them, as its lease may
 * have expired. Meanwhile the node's circuit has these holds. `hasLocalChange` says that the node has changed the
 * circuit itself.
 *
 * @internal
 */
export const followWithOwnHolds = (
  progress: Progress,
  stored: StoredCircuit,
  situation: Situation,
  hasLocalChange: boolean
): Progress => {
  const { settings } = situation
  const released = withoutEndedIsolations(progress, stored, settings.node)
  const change = ownHoldsChange(stored.shared, released.replica.ownHolds, settings.node)
  const kept = setHolds(change, stored.shared, settings, storeTime(situation))
  if (kept === stored.shared) return follow(released, stored, situation, hasLocalChange)
  const followed = follow(released, { ...stored, shared: kept }, situation, hasLocalChange)
  return push(backInSync(Steps.withUpdate(followed, { followed: stored })), change, situation)
}

/** A reset by another node ends the isolations of this node, except those that it has begun since. */
const withoutEndedIsolations = (progress: Progress, { shared }: StoredCircuit, self: string): Progress => {
  const { followed, isUnknown, ownHolds } = progress.replica
  if (shared.resets <= followed.shared.resets || isUnknown) return progress
  // A state that was lost and restored may still have isolations that this node has released since.
  const isolations = Math.min(ownHolds.isolations, shared.isolators[self] ?? 0)
  return Steps.withUpdate(progress, { ownHolds: { ...ownHolds, isolations } })
}

/**
 * The change that sets a node's holds to their current numbers.
 *
 * @internal
 */
export const ownHoldsChange = (
  { isolators, resets }: StoredCircuit["shared"],
  kept: Replica["ownHolds"],
  node: string
): SetsHolds => ({
  _tag: "SetsHolds",
  isolations: kept.isolations,
  disablings: kept.disablings,
  resets,
  begun: isolators[node] ?? 0
})

/**
 * A node that had diverged is in sync again.
 *
 * @internal
 */
export const backInSync = (progress: Progress): Progress =>
  progress.replica.standing._tag === "Diverged" ? Steps.withStanding(progress, Replicas.inSync) : progress

const writtenState = ({ at, basedOn, revision, shared }: Attempt): StoredCircuit => ({
  ...storedCircuit(revision, shared, at),
  replaced: basedOn.revision
})

/**
 * Answers a slot request: with the shared slot, in the node's own generation. A slot that is no longer valid is given
 * back. One whose number a probe of the node's own circuit has got before the grant arrived belongs to that probe.
 */
const answer = (
  progress: Progress,
  { decision, request }: SlotDecision,
  before: Progress,
  situation: Situation
): Progress => {
  if (decision._tag === "Rejected" || decision.ticket.slot === Machine.noSlot)
    return answering(progress, request, decision)
  const { generation, slot } = decision.ticket
  const slots = [...progress.replica.slots, slot]
  if (hasUsed(before, decision.ticket))
    return answering(Steps.withUpdate(progress, { slots }), request, undefined)
  const ticket = { slot, generation: progress.circuit.generation }
  const isStill =
    progress.circuit._tag === "HalfOpen" &&
    Replicas.epochOf(progress.replica, progress.circuit) === generation &&
    Machine.stillCounts(progress.circuit, situation.settings.rules, ticket, situation.now)
  if (!isStill)
    return push(answering(progress, request, undefined), abandoned(progress, slot, situation), situation)
  return answering(Steps.withUpdate(progress, { slots }), request, { _tag: "Admitted", ticket })
}

/** Whether the node has admitted a probe alone, and given it this number, while it waited for the grant. */
const hasUsed = ({ circuit, replica }: Progress, { generation, slot }: Machine.Ticket): boolean =>
  circuit._tag === "HalfOpen" && Replicas.epochOf(replica, circuit) === generation && slot < circuit.nextSlot

const answering = (progress: Progress, request: number, decision: Decision | undefined): Progress =>
  Steps.withCommands(progress, { _tag: "Answer", request, decision })

/**
 * The change that gives back a slot that no call uses.
 *
 * @internal
 */
export const abandoned = ({ circuit, replica }: Progress, slot: number, situation: Situation): Change => ({
  _tag: "SettlesProbe",
  slot,
  generation: Replicas.epochOf(replica, circuit),
  call: { outcome: { _tag: "Ignored" }, interrupted: true, at: storeTime(situation), elapsedMillis: 0 },
  openMillis: 0
})

/**
 * The changes could not be written: the node has diverged, and slot requests are decided by its own circuit.
 *
 * @internal
 */
export const writeFailed = (progress: Progress, more: ReadonlyArray<Change> = []): Progress => {
  const { standing } = progress.replica
  const { changes, decisions } = standing._tag === "Writing" ? standing : { changes: [], decisions: [] }
  const asking = [...changes, ...more].flatMap((it) => (it._tag === "TakesSlot" ? [it.request] : []))
  const requests = [...decisions.map(({ request }) => request), ...asking]
  const diverged = Steps.withStanding(progress, {
    _tag: "Diverged",
    isReset: (standing._tag === "Diverged" && standing.isReset) || [...changes, ...more].some(hasReset)
  })
  return requests.reduce(
    (after, request) => answering(after, request, undefined),
    Steps.withReplica(diverged, Activities.startExchanging(diverged.replica))
  )
}

const hasReset = (change: Change): boolean =>
  change._tag === "Resets" || (change._tag === "Restores" && change.isReset)

/**
 * Restores the node's own circuit in a store that has lost it, or publishes it. The node then holds the slots of its
 * own calls.
 *
 * @internal
 */
export const restore = (
  progress: Progress,
  lost: StoredCircuit,
  epoch: number,
  situation: Situation
): Progress => {
  const restored = restoring(progress, lost, epoch, situation)
  return begin(restored.progress, lost, [restored.change], situation)
}

const restoring = (
  progress: Progress,
  lost: StoredCircuit,
  epoch: number,
  { clockOffset, now, settings }: Situation
): { readonly progress: Progress; readonly change: Change } => {
  const { circuit, replica } = progress
  const holdings = holdingsOf(replica.followed.shared)
  const change: Change = {
    _tag: "Restores",
    circuit: { ...shift(circuit, clockOffset), generation: Replicas.epochOf(replica, circuit) },
    holdings,
    seen: Machine.at(lost.shared.circuit, settings.rules, now + clockOffset).generation,
    isReset: replica.standing._tag === "Diverged" && replica.standing.isReset,
    isLocalChange: replica.standing._tag === "Diverged" || Replicas.epochOf(replica, circuit) < epoch,
    epoch,
    ...replica.ownHolds
  }
  const own =
    circuit._tag === "HalfOpen"
      ? circuit.slots.rows.flat().flatMap(({ id }) => (id in holdings.probers ? [] : [id]))
      : []
  return {
    progress: Steps.withUpdate(progress, { slots: [...new Set([...replica.slots, ...own])] }),
    change
  }
}

/**
 * A reset by this node ends its own isolations at once; those of other nodes end when the reset is written.
 *
 * @internal
 */
export const withReset = (progress: Progress): Progress => {
  const { followed, ownHolds } = progress.replica
  const shared = { ...followed.shared, isolators: {}, resets: followed.shared.resets + 1 }
  return Steps.withUpdate(progress, {
    ownHolds: { ...ownHolds, isolations: 0 },
    followed: { ...followed, shared }
  })
}
