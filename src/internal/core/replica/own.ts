import type { Reason } from "../wire.ts"
import type { Control, Of } from "./events.ts"
import type { Replica, Stepped } from "./replica.ts"
import * as Replicas from "./replica.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"
import * as Writes from "./writing.ts"

// What a node does itself: it reports failures, and writes the changes that others have to know of.

/** @internal */
export const settled = (node: Stepped, event: Of<"Settled">, situation: Situation): Stepped => {
  if (event.before._tag === "HalfOpen") return probeSettled(node, event, situation)
  const kept = keptUndecided(node, event)
  return isWorthTelling(event, situation) ? { ...kept, replica: announcing(kept.replica, situation) } : kept
}

const probeSettled = (node: Stepped, event: Of<"Settled">, situation: Situation): Stepped => {
  const { call, openMillis, slot } = event
  const { slots, standing } = node.replica
  const freed = Replicas.know(node, { slots: slots.filter((it) => it !== slot) })
  return standing._tag === "Alone"
    ? freed
    : Writes.push(
        freed,
        {
          _tag: "SettlesProbe",
          slot,
          generation: Replicas.epochOf(node.replica, event.before),
          call: { ...call, at: call.at + situation.ahead },
          openMillis
        },
        situation
      )
}

/** What is known now may be old: an outcome is judged again when there is an answer. */
const keptUndecided = (node: Stepped, { before, outcome }: Of<"Settled">): Stepped =>
  node.circuit !== before &&
  Reports.isCounting(before) &&
  (Replicas.isExchanging(node.replica) || outcome._tag === "Failure")
    ? Replicas.know(node, { undecided: { outcome } })
    : node

const isWorthTelling = ({ call, outcome }: Of<"Settled">, { settings: { rules } }: Situation): boolean =>
  outcome._tag === "Failure" || call.elapsedMillis >= rules.policy.slowerThanMillis

/** Those who rest have to know, and those who are about to, or may be without this node hearing of it. */
const announcing = (replica: Replica, { isFailing }: Situation): Replica => {
  const { attention } = replica
  const isNews = attention._tag === "Resting" || attention.quietSince < Infinity || isFailing
  const announces = isNews || attention.announces
  return Replicas.attending(Replicas.hurried(replica), { announces, quietSince: Infinity })
}

/** @internal */
export const slotAbandoned = (node: Stepped, slot: number, situation: Situation): Stepped => {
  const slots = node.replica.slots.filter((it) => it !== slot)
  return Writes.push(Replicas.know(node, { slots }), Writes.abandoned(node, slot, situation), situation)
}

/**
 * Writes that this node has tripped. A failed probe and a control write their openings themselves.
 *
 * @internal
 */
export const opened = (step: Stepped, { before, reason }: Of<"Opened">, situation: Situation): Stepped => {
  const node = withReason(step, reason)
  const { circuit, replica } = node
  if (reason !== "Tripped" || circuit._tag !== "Open") return node
  const epoch = Replicas.epochOf(replica, before)
  if (!Reports.concernsAll(replica.reporting, before, situation)) {
    const window = Reports.isCounting(before) ? before.window : situation.settings.policy.initial
    const alone = Replicas.toStanding(node, { _tag: "Alone", epoch, window })
    return { ...alone, replica: Replicas.hurried(alone.replica) }
  }
  const openedAt = circuit.openedAt + situation.ahead
  return Writes.push(
    node,
    { _tag: "Opens", generation: epoch, openMillis: circuit.openMillis, openedAt },
    situation
  )
}

/** Why the circuit opened, in case that it has to be given back to the store. */
const withReason = (node: Stepped, reason: Reason): Stepped => {
  const { followed } = node.replica
  return Replicas.know(node, { followed: { ...followed, shared: { ...followed.shared, reason } } })
}

/** @internal */
export const controlled = (step: Stepped, control: Control, situation: Situation): Stepped => {
  const node = step.replica.standing._tag === "Alone" ? Replicas.toStanding(step, Replicas.inStep) : step
  switch (control) {
    case "Trip": {
      const { circuit } = node
      const openedAt = circuit._tag === "Open" ? circuit.openedAt + situation.ahead : Infinity
      return Writes.push(node, { _tag: "Trips", openMillis: circuit.openMillis, openedAt }, situation)
    }
    case "Reset":
      return Writes.withReset(Writes.push(node, { _tag: "Resets" }, situation))
    case "Isolate":
      return keeping(node, { isolations: 1, disables: 0 }, situation)
    case "Release":
      return keeping(node, { isolations: -1, disables: 0 }, situation)
    case "Disable":
      return keeping(node, { isolations: 0, disables: 1 }, situation)
    case "Enable":
      return keeping(node, { isolations: 0, disables: -1 }, situation)
  }
}

const keeping = (node: Stepped, change: Replica["kept"], situation: Situation): Stepped => {
  const { disables, isolations } = node.replica.kept
  const kept = { isolations: isolations + change.isolations, disables: disables + change.disables }
  const knowing = Replicas.know(node, { kept })
  return Writes.push(knowing, Writes.keeps(knowing.replica, situation.settings.node), situation)
}
