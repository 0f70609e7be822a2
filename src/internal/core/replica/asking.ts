import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Report } from "../windows/stored.ts"
import type { Asked, Question } from "./events.ts"
import type { Replica } from "./replica.ts"
import * as Replicas from "./replica.ts"
import type { Reporting } from "./reporting.ts"
import * as Reports from "./reporting.ts"
import type { Situation } from "./situation.ts"

/**
 * Asks the store about a circuit, and reports what this node has counted if the circuit is exchanged.
 *
 * @internal
 */
export const ask = (
  replica: Replica,
  circuit: Circuit<unknown>,
  situation: Situation
): { readonly replica: Replica; readonly question: Question; readonly asked: Asked } => {
  const { now, settings } = situation
  const { attention } = replica
  const here = Machine.at(circuit, settings.rules, now)
  const [reporting, report] = reportOf(replica, here, situation)
  // An open circuit is no news of failures, and a window that is not reported none to the others.
  const announce = report !== undefined && attention._tag === "Exchanging" && attention.announces
  const latest = Replicas.latestOf(replica)
  return {
    replica: exchanged({ ...replica, reporting }, announce, situation),
    question: {
      revision: latest.isPartial ? "" : latest.revision,
      window: {
        name: settings.windowName,
        epoch: report === undefined ? Replicas.epochOf(replica, here) : reporting.epoch,
        report
      },
      announce,
      renew: Replicas.isHolder(replica, settings.node),
      keepMillis: Replicas.keepMillis(circuit, settings)
    },
    asked: { known: latest, reporting, undecided: replica.undecided }
  }
}

const reportOf = (
  replica: Replica,
  here: Circuit<unknown>,
  situation: Situation
): readonly [reporting: Reporting, report: Report | undefined] => {
  const counting = Replicas.countingOf(replica, here)
  if (!Replicas.isExchanging(replica) || counting === undefined) return [replica.reporting, undefined]
  const freshMillis = Replicas.intervalMillis(replica, situation.settings)
  return Reports.report(replica.reporting, { ...counting, freshMillis }, situation)
}

/** The others answer an announcement at once: what they count is to be had soon, so the next exchange comes soon. */
const exchanged = (replica: Replica, announce: boolean, { now, settings }: Situation): Replica => {
  const after = Replicas.paced(replica, now, settings)
  return announce ? Replicas.attending(Replicas.hurried(after), { announces: false }) : after
}

/**
 * The store could not be asked, or has a fault with the circuit: what was to be announced still is.
 *
 * @internal
 */
export const unasked = (replica: Replica, { announce }: Question): Replica =>
  announce ? Replicas.attending(replica, { announces: true }) : replica

/**
 * Whether a call has to ask the store for a slot, because it would be a probe.
 *
 * @internal
 */
export const asksForSlot = (
  { standing }: Replica,
  circuit: Circuit<unknown>,
  { isFailing, now, settings }: Situation
): boolean => {
  if (isFailing || standing._tag === "Alone") return false
  const [decision, next] = Machine.admit(circuit, settings.rules, now)
  return decision._tag === "Admitted" && next._tag === "HalfOpen"
}
