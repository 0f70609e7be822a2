import * as Admission from "../admission.ts"
import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Report } from "../windows/stored.ts"
import type { Asked, CircuitRequest } from "./events.ts"
import type { Replica } from "./replica.ts"
import * as Activities from "./activity.ts"
import * as Replicas from "./replica.ts"
import type { Reporting } from "./reporting.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"

/**
 * Makes a request to the store about a circuit. If the circuit is exchanged, it reports this node's counts.
 *
 * @internal
 */
export const ask = (
  replica: Replica,
  circuit: Circuit<unknown>,
  situation: Situation
): { readonly replica: Replica; readonly request: CircuitRequest; readonly asked: Asked } => {
  const { now, settings } = situation
  const { activity } = replica
  const current = Machine.at(circuit, settings.rules, now)
  const [reporting, report] = reportOf(replica, current, situation)
  // Other nodes could not see the failures of a window that is not reported.
  const announce = report !== undefined && activity._tag === "Exchanging" && activity.mustAnnounce
  const latest = Replicas.latestStored(replica)
  return {
    replica: afterRequest(
      reporting === replica.reporting ? replica : { ...replica, reporting },
      announce,
      situation
    ),
    request: {
      revision: latest.isPartial ? "" : latest.revision,
      window: {
        name: settings.windowName,
        epoch: report === undefined ? Replicas.epochOf(replica, current) : reporting.epoch,
        report
      },
      announce,
      renew: Replicas.isHolder(replica, settings.node),
      keepMillis: Replicas.keepMillis(circuit, settings)
    },
    asked: { stored: latest, reporting, undecided: replica.undecided, isAnnounced: announce }
  }
}

const reportOf = (
  replica: Replica,
  current: Circuit<unknown>,
  situation: Situation
): readonly [reporting: Reporting, report: Report | undefined] => {
  const counting = Replicas.countingOf(replica, current)
  if (!Activities.isExchanging(replica) || counting === undefined) return [replica.reporting, undefined]
  const freshMillis = Activities.intervalMillis(replica, situation.settings)
  return Reports.report(replica.reporting, { ...counting, freshMillis }, situation)
}

const afterRequest = (replica: Replica, announce: boolean, { now, settings }: Situation): Replica => {
  const after = Activities.exchangedNow(replica, now, settings)
  return announce ? Activities.updateExchanging(after, { mustAnnounce: false }) : after
}

/**
 * Whether a call has to request a slot from the store, because it would be a probe.
 *
 * @internal
 */
export const asksForSlot = (
  { standing }: Replica,
  circuit: Circuit<unknown>,
  { isFailing, now, settings }: Situation
): boolean => {
  if (circuit._tag === "Closed" || isFailing || standing._tag === "LocallyOpen") return false
  const [decision, next] = Admission.admit(circuit, settings.rules, now)
  return decision._tag === "Admitted" && next._tag === "HalfOpen"
}
