import type { FailureTimes } from "../windows/failureTimes.ts"
import * as FailureTime from "../windows/failureTimes.ts"
import { areTimes } from "../windows/window.ts"
import type { Kind } from "./kind.ts"
import type { Call, Policy, SharedPolicy } from "./policy.ts"
import { needsOutcomes } from "./policy.ts"
import { failuresText } from "./text.ts"

/** @internal */
export const kind: Kind<"failures"> = {
  options: { failures: "integer" },
  config: { type: "consecutive", needs: [["failures"]] },
  compile: (options, check) => consecutive(check.count("failures", options.failures))
}

/**
 * Trips on the n-th failure in a row. Its window is the length of the streak.
 *
 * @internal
 */
export const consecutive = (failures: number): Policy<number> => ({
  initial: 0,
  record: (streak, call) =>
    call.outcome._tag === "Success" ? 0 : call.outcome._tag === "Failure" ? streak + 1 : streak,
  trips: (streak) => streak >= failures,
  counts: (streak) => ({ calls: streak, failures: streak, slow: 0 }),
  describe: (streak) => descriptionOf(streak),
  ...needsOutcomes,
  ...identityOf(failures)
})

const descriptionOf = (failures: number): string => `consecutive: ${failuresText(failures)} in a row`

/** What makes it this policy, alone or shared. */
const identityOf = (failures: number) => ({
  data: { _tag: "Consecutive", failures },
  spans: [],
  share: () => shared(failures)
})

/** The failures of one process since the latest success of any. */
interface Streak {
  readonly failures: FailureTimes
  /** When the latest success was, as far as successes are timed. */
  readonly succeededAt: number
}

const noStreak: Streak = { failures: FailureTime.empty, succeededAt: -Infinity }

/** Which failures lie in a row depends on the successes of others, and so all of them carry their times. */
const shared = (limit: number): SharedPolicy<Streak> => ({
  initial: noStreak,
  record: (streak, { at, outcome }: Call) => {
    switch (outcome._tag) {
      case "Success":
        if (!Number.isNaN(at)) return { failures: FailureTime.empty, succeededAt: at }
        return streak.failures.recorded === 0 ? streak : { ...streak, failures: FailureTime.empty }
      case "Failure":
        return { ...streak, failures: FailureTime.record(streak.failures, limit, at) }
      case "Ignored":
        return streak
    }
  },
  trips: (streak) => streak.failures.recorded >= limit,
  counts: ({ failures: { recorded } }) => ({ calls: recorded, failures: recorded, slow: 0 }),
  describe: (streak) => descriptionOf(streak.failures.recorded),
  ...needsOutcomes,
  ...identityOf(limit),
  contribution: (streak, _, ahead) => [
    // No number in JSON is infinite.
    Math.max(-1, streak.succeededAt + ahead),
    ...FailureTime.timesOf(streak.failures, limit).map((at) => at + ahead)
  ],
  accepts: (contribution) =>
    contribution.length > 0 && contribution.length <= limit + 1 && areTimes(contribution),
  merge: (streak, others, _, ahead) => {
    const succeededAt = Math.max(streak.succeededAt, ...others.map(([at]) => Number(at) - ahead))
    const failures = [
      ...FailureTime.timesOf(streak.failures, limit),
      ...others.flatMap(([, ...at]) => at.map((it) => Number(it) - ahead))
    ]
    return {
      succeededAt,
      // A process's failures come after its own success. A failure in the same millisecond as the success of another
      // counts, because their order is unknown.
      failures: FailureTime.fromTimes(
        failures.filter((at) => at >= succeededAt),
        limit
      )
    }
  }
})
