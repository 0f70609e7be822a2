import type { Kind } from "./kind.ts"
import type { Policy, SharedPolicy } from "./policy.ts"
import type { Rate, RateData, RateWindowOption } from "./rate.ts"
import { checkFits, checkRateWindow, rateOf, rateWindowOptions, sharedRateOf, shareText } from "./rate.ts"

/** @internal */
export const kind: Kind<"threshold" | "minimumFailures" | RateWindowOption> = {
  options: { threshold: "number", minimumFailures: "integer", ...rateWindowOptions },
  config: { type: "failureRate", needs: [["threshold"], ["within", "calls"]] },
  compile: (options, check) => {
    const { minimumCalls, window } = checkRateWindow(
      options,
      check,
      options.minimumFailures === undefined ? 10 : 1
    )
    const minimumFailures = check.count("minimumFailures", options.minimumFailures, 1)
    return failureRate({
      threshold: check.ratio("threshold", options.threshold),
      minimumFailures:
        window._tag === "Calls"
          ? checkFits("minimumFailures", minimumFailures, window.calls, check)
          : minimumFailures,
      window,
      minimumCalls
    })
  }
}

type FailureRateData = Omit<RateData, "_tag" | "slowerThanMillis">

/**
 * Trips when the share of failures among the calls of its window reaches a threshold.
 *
 * @internal
 */
export const failureRate = (data: FailureRateData): Policy<unknown> => rateOf(failures(data))

/** @internal */
export const share = (data: RateData): SharedPolicy<unknown> => sharedRateOf(failures(data))

const failures = ({ minimumCalls, minimumFailures, threshold, window }: FailureRateData): Rate => ({
  data: {
    _tag: "FailureRate",
    threshold,
    slowerThanMillis: Infinity,
    minimumFailures,
    window,
    minimumCalls
  },
  weighsSlow: false,
  describe: ({ calls, failures }) => `failureRate: ${shareText(failures, calls, window)}`
})
