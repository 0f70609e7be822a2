import type { FailureTimes } from "../windows/failureTimes.ts"
import * as FailureTime from "../windows/failureTimes.ts"
import * as Sections from "../windows/section.ts"
import type { Kind } from "./kind.ts"
import type { Call, Policy, PolicyData, SharedPolicy } from "./policy.ts"
import { decidingBy, needsOutcomes } from "./policy.ts"
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
  describe: (streak) => `consecutive: ${failuresText(streak)} in a row`,
  figures: (streak) => [{ what: "failures in a row", value: streak, threshold: failures, unit: "Count" }],
  ...needsOutcomes,
  data: dataOf(failures),
  spans: []
})

interface Data extends PolicyData {
  readonly failures: number
}

const dataOf = (failures: number): Data => ({ _tag: "Consecutive", failures })

/** The failures of one process since the latest success of any. */
interface Streak {
  readonly failures: FailureTimes
  /** The time of the latest success that carried a time; `-Infinity` if there was none. */
  readonly succeededAt: number
}

const noStreak: Streak = { failures: FailureTime.empty, succeededAt: -Infinity }

/**
 * A success of any process ends the streaks of all processes, so failures are stored with their times. A row is a
 * millisecond, and the floor is the time of the latest success. A failure in the same millisecond as the success
 * counts, because their order is unknown. A success without a time takes back only the failures of its own process.
 *
 * @internal
 */
export const share = ({ failures: limit }: Data): SharedPolicy<Streak> => ({
  ...decidingBy(consecutive(limit), (streak) => streak.failures.recorded),
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
  layouts: () => [{ unitMillis: 1, span: Infinity, enough: limit, freshMillis: 0, parts: Infinity }],
  difference: (streak, reported) => [
    {
      floor: streak.succeededAt > reported.succeededAt ? streak.succeededAt : -Infinity,
      // The floor drops older failures by itself, so negative rows are needed only from its own millisecond on.
      rows: FailureTime.difference(streak.failures, reported.failures, limit).filter(
        ([at, failures]) => failures > 0 || at > streak.succeededAt - 1
      )
    }
  ],
  gather: ([{ floor, rows } = Sections.empty]) => ({
    failures: FailureTime.gather(rows, limit),
    succeededAt: floor
  })
})
