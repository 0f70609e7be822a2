import type { Kind } from "./kind.ts"
import type { Policy, SharedPolicy } from "./policy.ts"
import type { Rate, RateData, RateWindowOption } from "./rate.ts"
import { checkRateWindow, rateOf, rateWindowOptions, sharedRateOf, shareText } from "./rate.ts"
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

type SlowCallRateData = Omit<RateData, "_tag">

/**
 * Trips when the share of slow calls in its window reaches a threshold. A call is slow if it ran for at least
 * `slowerThanMillis`.
 *
 * @internal
 */
export const slowCallRate = (data: SlowCallRateData): Policy<unknown> => rateOf(slowCalls(data))

/** @internal */
export const share = (data: RateData): SharedPolicy<unknown> => sharedRateOf(slowCalls(data))

const slowCalls = (data: SlowCallRateData): Rate => ({
  data: { _tag: "SlowCallRate", ...data },
  weighsSlow: true,
  describe: ({ calls, slow }) =>
    `slowCallRate: ${shareText(slow, calls, data.window)} took ${spanText(data.slowerThanMillis)} or longer`
})
