import type { OpenReason } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Control } from "../manualControl.ts"
import type { Of } from "./events.ts"
import type { Progress } from "./progress.ts"
import type { Replica } from "./replica.ts"
import * as Activities from "./activity.ts"
import * as Steps from "./progress.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

// Events of this node's own calls and controls: the node announces failures, and writes changes to the store.

/** @internal */
export const settled = (progress: Progress, event: Of<"Settled">, situation: Situation): Progress => {
  if (event.before._tag === "HalfOpen") return probeSettled(progress, event, situation)
  const pending = withUndecided(progress, event)
  return isReportable(event, situation)
    ? Steps.withReplica(pending, announceFailures(pending.replica, event, situation))
    : pending
}

const probeSettled = (progress: Progress, event: Of<"Settled">, situation: Situation): Progress => {
  const { call, openMillis, slot } = event
  const { slots, standing } = progress.replica
  const freed = Steps.withUpdate(progress, { slots: slots.filter((it) => it !== slot) })
  return standing._tag === "LocallyOpen"
    ? freed
    : Writes.push(
        freed,
        {
          _tag: "SettlesProbe",
          slot,
          generation: Replicas.epochOf(progress.replica, event.before),
          call: { ...call, at: call.at + situation.clockOffset },
          openMillis
        },
        situation
      )
}

/** The counts of the other nodes may be outdated now, so the outcome is judged again with the store's next answer. */
const withUndecided = (progress: Progress, { before, outcome }: Of<"Settled">): Progress =>
  progress.circuit !== before &&
  Machine.isCounting(before) &&
  (Activities.isExchanging(progress.replica) || outcome._tag === "Failure")
    ? Steps.withUpdate(progress, { undecided: { outcome } })
    : progress

const isReportable = ({ call, outcome }: Of<"Settled">, { settings: { rules } }: Situation): boolean =>
  outcome._tag === "Failure" || call.elapsedMillis >= rules.policy.slowerThanMillis

/**
 * Announces the failure if other nodes may not exchange the circuit: it is idle or quiet here, or in a new state, or the
 * store fails.
 */
const announceFailures = (replica: Replica, { before }: Of<"Settled">, { isFailing }: Situation): Replica => {
  const { activity } = replica
  const quietGeneration = Replicas.epochOf(replica, before)
  const isNews =
    activity._tag === "Idle" ||
    activity.quietSince < Infinity ||
    activity.quietGeneration !== quietGeneration ||
    isFailing
  return Activities.updateExchanging(Activities.exchangeSoon(replica), {
    mustAnnounce: isNews || activity.mustAnnounce,
    quietSince: Infinity,
    quietGeneration
  })
}

/** @internal */
export const slotRequested = (progress: Progress, request: number, situation: Situation): Progress => {
  const current = Steps.currentCircuit(progress, situation)
  const firstSlot = current._tag === "HalfOpen" ? current.nextSlot : 1
  return Writes.push(progress, { _tag: "TakesSlot", request, firstSlot }, situation)
}

/** @internal */
export const slotAbandoned = (progress: Progress, slot: number, situation: Situation): Progress => {
  const slots = progress.replica.slots.filter((it) => it !== slot)
  return Writes.push(
    Steps.withUpdate(progress, { slots }),
    Writes.abandoned(progress, slot, situation),
    situation
  )
}

/**
 * Writes an opening by the trip policy. Failed probes and controls are written as changes of their own.
 *
 * @internal
 */
export const opened = (
  progress: Progress,
  { before, reason }: Of<"Opened">,
  situation: Situation
): Progress => {
  const opening = withReason(progress, reason)
  const { circuit, replica } = opening
  if (reason !== "Tripped" || circuit._tag !== "Open") return opening
  const epoch = Replicas.epochOf(replica, before)
  if (!Reports.concernsAll(replica.reporting, before, situation)) {
    const window = Machine.isCounting(before) ? before.window : situation.settings.policy.initial
    const alone = Steps.withStanding(opening, { _tag: "LocallyOpen", epoch, window })
    return Steps.withReplica(alone, Activities.exchangeSoon(alone.replica))
  }
  const openedAt = circuit.openedAt + situation.clockOffset
  return Writes.push(
    opening,
    { _tag: "Opens", generation: epoch, openMillis: circuit.openMillis, openedAt },
    situation
  )
}

/** Remembers why the circuit opened, in case the node has to restore it in the store. */
const withReason = (progress: Progress, reason: OpenReason): Progress => {
  const { followed } = progress.replica
  return Steps.withUpdate(progress, { followed: { ...followed, shared: { ...followed.shared, reason } } })
}

/** @internal */
export const controlled = (progress: Progress, control: Control, situation: Situation): Progress => {
  const synced =
    progress.replica.standing._tag === "LocallyOpen"
      ? Steps.withStanding(progress, Replicas.inSync)
      : progress
  switch (control) {
    case "Trip": {
      const { circuit } = synced
      const openedAt = circuit._tag === "Open" ? circuit.openedAt + situation.clockOffset : Infinity
      return Writes.push(synced, { _tag: "Trips", openMillis: circuit.openMillis, openedAt }, situation)
    }
    case "Reset":
      return Writes.withReset(Writes.push(synced, { _tag: "Resets" }, situation))
    case "Isolate":
      return changeHolds(synced, { isolations: 1, disablings: 0 }, situation)
    case "Release":
      return changeHolds(synced, { isolations: -1, disablings: 0 }, situation)
    case "Disable":
      return changeHolds(synced, { isolations: 0, disablings: 1 }, situation)
    case "Enable":
      return changeHolds(synced, { isolations: 0, disablings: -1 }, situation)
  }
}

const changeHolds = (progress: Progress, change: Replica["ownHolds"], situation: Situation): Progress => {
  const { disablings, isolations } = progress.replica.ownHolds
  // A reset elsewhere may have ended an isolation that this node still releases.
  const ownHolds = {
    isolations: Math.max(0, isolations + change.isolations),
    disablings: Math.max(0, disablings + change.disablings)
  }
  const holding = Steps.withUpdate(progress, { ownHolds })
  const { shared } = holding.replica.followed
  return Writes.push(holding, Writes.ownHoldsChange(shared, ownHolds, situation.settings.node), situation)
}
