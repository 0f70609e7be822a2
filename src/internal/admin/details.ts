import * as Schedule from "effect/Schedule"
import type { Settings as BreakerSettings } from "../breaker/settings.ts"
import { spanText } from "../core/policies/text.ts"
import { figuresOf, policyText } from "./figures.ts"
import * as LastFailures from "./lastFailure.ts"
import type { Found } from "./live.ts"
import type { CircuitDetails, Override, Settings } from "./schemas.ts"
import type { Observed } from "./summaries.ts"
import { summaryOf, transitionOf } from "./summaries.ts"
import { bounded } from "./text.ts"

/** The longest description of a policy, in characters. A combination may have any number of policies. */
const longestPolicy = 500

interface Options {
  readonly exposeCauses: boolean
  readonly overrides: ReadonlyArray<typeof Override.Type>
}

/** @internal */
export const detailsOf = (
  found: Found,
  observed: Observed,
  { exposeCauses, overrides }: Options
): typeof CircuitDetails.Type => {
  const { circuit, counted, entry, key, live, wallNow } = found
  const { settings } = live.inside
  const lastFailure = entry?.lastFailure
  return {
    ...summaryOf(found, observed),
    at: wallNow,
    generation: circuit.generation,
    settings: settingsOf(settings),
    figures: counted === undefined ? [] : figuresOf(settings.rules.policy, counted.window, counted.at),
    lastFailure:
      lastFailure === undefined
        ? null
        : {
            at: lastFailure.at,
            description: LastFailures.describe(lastFailure),
            cause: exposeCauses ? LastFailures.causeText(lastFailure) : null
          },
    transitions: observed.history.transitionsOf(live.service.name, key).map(transitionOf),
    overrides
  }
}

const settingsOf = (settings: BreakerSettings): typeof Settings.Type => {
  const { capacity, idleMillis, maxOpenMillis, isDryRun, openDuration, rules } = settings
  return {
    tripPolicy: { text: policyOf(settings), data: dataOf(rules.policy.data) },
    openMillis: Schedule.isSchedule(openDuration) ? null : openDuration,
    openText: Schedule.isSchedule(openDuration) ? "set by a schedule" : spanText(openDuration),
    maxOpenMillis: finite(maxOpenMillis),
    probes: rules.probes,
    failuresToReopen: rules.failuresToReopen,
    probeTimeoutMillis: rules.probeTimeoutMillis,
    recovery: rules.recovery ?? null,
    mode: isDryRun ? "observe" : "enforce",
    capacity,
    idleMillis: finite(idleMillis)
  }
}

/** @internal */
export const policyOf = ({ rules }: BreakerSettings): string =>
  bounded(policyText(rules.policy), longestPolicy)

// JSON has no infinite numbers.
const finite = (millis: number): number | null => (millis === Infinity ? null : millis)

const dataOf = (data: object): unknown =>
  JSON.parse(JSON.stringify(data, (_, value: unknown) => (value === Infinity ? null : value)))
