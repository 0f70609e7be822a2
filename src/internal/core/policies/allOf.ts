import type { CombinationData } from "./combination.ts"
import { shareTogether, together } from "./combination.ts"
import type { Kind } from "./kind.ts"
import type { Policy, ShareAny, SharedPolicy } from "./policy.ts"

/** @internal */
export const kind: Kind<"policies"> = {
  options: { policies: null },
  config: undefined,
  compile: (options, check) => allOf(check.policies("allOf", options.policies))
}

/**
 * Trips when all of the policies do at the same time.
 *
 * @internal
 */
export const allOf = (policies: ReadonlyArray<Policy<unknown>>): Policy<ReadonlyArray<unknown>> => ({
  ...together("AllOf", policies),
  parts: { needed: "all", policies },
  trips: (windows, now) => policies.every((policy, i) => policy.trips(windows[i], now)),
  describe: (windows, now) => policies.map((policy, i) => policy.describe(windows[i], now)).join(" and "),
  // A success may complete `minimumCalls` of one policy, and the time windows of the others are then read at its time.
  timesSuccesses: true,
  // Policies that do not measure durations have infinity here, and do not decide which calls are slow.
  slowerThanMillis: longest(policies.map((policy) => policy.slowerThanMillis).filter(Number.isFinite))
})

const longest = (millis: ReadonlyArray<number>): number =>
  millis.length === 0 ? Infinity : Math.max(...millis)

/** @internal */
export const share = (
  data: CombinationData,
  shareAny: ShareAny
): SharedPolicy<ReadonlyArray<unknown>> | undefined => shareTogether(allOf, data, shareAny)
