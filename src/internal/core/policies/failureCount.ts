import type { FailureTimes } from "../windows/failureTimes.ts"
import * as FailureTime from "../windows/failureTimes.ts"
import type { Kind } from "./kind.ts"
import type { Policy, PolicyData, SharedPolicy } from "./policy.ts"
import { needsOutcomes } from "./policy.ts"
import { failuresText, spanText } from "./text.ts"

/** @internal */
export const kind: Kind<"failures" | "within"> = {
  options: { failures: "integer", within: "duration" },
  config: { type: "failureCount", needs: [["failures"], ["within"]] },
  compile: (options, check) =>
    failureCount(check.count("failures", options.failures), check.positiveMillis("within", options.within))
}

/**
 * Trips on the n-th failure within a span of time, which may be infinite.
 *
 * @internal
 */
export const failureCount = (failures: number, withinMillis: number): Policy<FailureTimes> => {
  const countOf = (window: FailureTimes, now: number) =>
    FailureTime.countWithin(window, failures, withinMillis, now)
  const span = withinMillis === Infinity ? "since the circuit last closed" : `in ${spanText(withinMillis)}`
  const what = `failures ${span}`
  const data: Data = { _tag: "FailureCount", failures, withinMillis }
  return {
    initial: FailureTime.empty,
    record: (window, call) =>
      call.outcome._tag === "Failure" ? FailureTime.record(window, failures, call.at) : window,
    trips: (window, now) => countOf(window, now) >= failures,
    counts: (window, now) => {
      const count = countOf(window, now)
      return { calls: count, failures: count, slow: 0 }
    },
    describe: (window, now) => `failureCount: ${failuresText(countOf(window, now))} ${span}`,
    figures: (window, now) => [{ what, value: countOf(window, now), threshold: failures, unit: "Count" }],
    ...needsOutcomes,
    data,
    spans: [withinMillis]
  }
}

interface Data extends PolicyData {
  readonly failures: number
  readonly withinMillis: number
}

/** @internal */
export const share = ({ failures, withinMillis }: Data): SharedPolicy<FailureTimes> => ({
  ...failureCount(failures, withinMillis),
  ...FailureTime.sharing(failures, withinMillis)
})
