import type { Kind } from "./kind.ts"
import type { Policy } from "./policy.ts"
import type { RateData, RateWindowOption } from "./rate.ts"
import { checkRateWindow, rate, shareText, rateWindowOptions } from "./rate.ts"
import { spanText } from "./text.ts"

/** @internal */
export const kind: Kind<"threshold" | "slowerThan" | RateWindowOption> = {
  options: { threshold: "number", slowerThan: "duration", ...rateWindowOptions },
  config: { type: "slowCallRate", needs: [["slowerThan"], ["threshold"], ["within", "calls"]] },
  compile: (options, check) =>
    slowCallRate({
      threshold: check.ratio("threshold", options.threshold),
      slowerThanMillis: check.finiteMillis("slowerThan", options.slowerThan),
      minimumFailures: 1,
      ...checkRateWindow(options, check, 10)
    })
}

/**
 * Trips when the share of calls that ran at least `slowerThanMillis`, among the calls of its window, reaches a threshold.
 *
 * @internal
 */
export const slowCallRate = (data: Omit<RateData, "_tag">): Policy<unknown> => {
  const { slowerThanMillis, window } = data
  return rate({
    data: { _tag: "SlowCallRate", ...data },
    weighsSlow: true,
    describe: ({ calls, slow }) =>
      `slowCallRate: ${shareText(slow, calls, window)} took ${spanText(slowerThanMillis)} or longer`
  })
}
