import * as Duration from "effect/Duration"
import type * as Transitions from "../../Transition.ts"
import { noCounts } from "../core/windows/window.ts"
import type { LastFailure } from "../observe/description.ts"
import type { Census } from "./census.ts"
import { nearnessOf } from "./figures.ts"
import type { History } from "./history.ts"
import type { Found, Live } from "./live.ts"
import type { CircuitSummary, Rates, Sharing, Transition } from "./schemas.ts"
import { stateOf } from "./states.ts"
import { labelOf } from "./text.ts"

/**
 * The observations that answers contain in addition to the circuits.
 *
 * @internal
 */
export interface Observed {
  readonly history: History
  readonly census: Census
  /** The rates of the latest second; `null` if they are not measured. */
  readonly ratesOf: (found: Found) => typeof Rates.Type | null
  /** The line of text of a failure, which shows its cause only if causes are exposed. */
  readonly lineOf: (failure: LastFailure) => string
}

/** @internal */
export const summaryOf = (found: Found, observed: Observed): typeof CircuitSummary.Type => {
  const { counted, entry, live, unsettled } = found
  const { policy } = live.inside.settings.rules
  const totals = entry?.totals ?? noTotals
  const lastFailure = entry?.lastFailure
  return {
    ...briefOf(found, observed.history),
    window: { ...(counted === undefined ? noCounts : policy.counts(counted.window, counted.at)) },
    windowOf: counted?.of ?? null,
    totals: { ...totals, succeeded: totals.succeeded + unsettled },
    lastFailureAt: lastFailure?.at ?? null,
    lastFailureText: lastFailure === undefined ? null : observed.lineOf(lastFailure),
    rates: observed.ratesOf(found),
    sharing: sharingOf(live)
  }
}

const noTotals = { succeeded: 0, failed: 0, ignored: 0, rejected: 0 }

/**
 * The part of a summary that is also in events.
 *
 * @internal
 */
export const briefOf = (found: Found, history: History) => {
  const { circuit, counted, entry, key, live } = found
  return {
    breaker: labelOf(live.service.name),
    key: labelOf(key),
    state: stateOf(found, history),
    nearness: nearnessOf(live.inside.settings.rules.policy, counted),
    spared: circuit._tag === "Closed" ? null : (entry?.rejectedSinceClosed ?? null)
  }
}

/** @internal */
export const sharingOf = ({ inside }: Live): typeof Sharing.Type => ({
  shared: inside.isShared,
  storeAnswers: inside.isShared ? inside.coordinator?.isFailing !== true : null
})

/** @internal */
export const transitionOf = (transition: Transitions.Transition): typeof Transition.Type => {
  const { at, from, generation, origin, to } = transition
  const opened = transition.to === "Open" ? transition : undefined
  return {
    breaker: labelOf(transition.breaker),
    key: labelOf(transition.key),
    from,
    to,
    at,
    generation,
    origin,
    retryAfterMillis: opened === undefined ? null : Duration.toMillis(opened.retryAfter),
    openings: opened?.openings ?? null,
    reason: opened?.reason ?? null
  }
}
