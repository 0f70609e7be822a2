import type { CombinationData } from "./combination.ts"
import { shareTogether, together } from "./combination.ts"
import type { Kind } from "./kind.ts"
import type { Policy, ShareAny, SharedPolicy } from "./policy.ts"

/** @internal */
export const kind: Kind<"policies"> = {
  options: { policies: null },
  config: undefined,
  compile: (options, check) => anyOf(check.policies("anyOf", options.policies))
}

/**
 * Trips when any of the policies does.
 *
 * @internal
 */
export const anyOf = (policies: ReadonlyArray<Policy<unknown>>): Policy<ReadonlyArray<unknown>> => ({
  ...together("AnyOf", policies),
  parts: { needed: "any", policies },
  trips: (windows, now) => policies.some((policy, i) => policy.trips(windows[i], now)),
  describe: (windows, now) => {
    const first = policies.findIndex((policy, i) => policy.trips(windows[i], now))
    return policies[first]?.describe(windows[first], now) ?? ""
  },
  slowerThanMillis: Math.min(...policies.map((policy) => policy.slowerThanMillis))
})

/** @internal */
export const share = (
  data: CombinationData,
  shareAny: ShareAny
): SharedPolicy<ReadonlyArray<unknown>> | undefined => shareTogether(anyOf, data, shareAny)
