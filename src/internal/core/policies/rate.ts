import type { Buckets } from "../windows/buckets.ts"
import * as Bucket from "../windows/buckets.ts"
import type { LastCalls, NumberedCalls } from "../windows/lastCalls.ts"
import * as LastCall from "../windows/lastCalls.ts"
import type { Counts } from "../windows/window.ts"
import type { Check, Kind } from "./kind.ts"
import type { Call, Figure, Policy, PolicyData, SharedPolicy } from "./policy.ts"
import { decidingBy } from "./policy.ts"
import { spanText } from "./text.ts"

/**
 * The checked options of a rate as plain data.
 *
 * @internal
 */
export interface RateData extends PolicyData {
  readonly threshold: number
  /** The duration from which a call counts as slow; infinity if only failures count. */
  readonly slowerThanMillis: number
  readonly minimumFailures: number
  readonly window: RateWindow
  readonly minimumCalls: number
}

/** @internal */
export type RateWindow =
  | { readonly _tag: "Time"; readonly withinMillis: number; readonly buckets: number }
  | { readonly _tag: "Calls"; readonly calls: number }

/**
 * The parts in which `failureRate` and `slowCallRate` differ.
 *
 * @internal
 */
export interface Rate {
  readonly data: RateData
  /** Whether the threshold is a share of slow calls, rather than of failures. */
  readonly weighsSlow: boolean
  describe(counts: Counts): string
}

/** @internal */
export type RateWindowOption = "within" | "buckets" | "calls" | "minimumCalls"

/** @internal */
export const rateWindowOptions: Kind<RateWindowOption>["options"] = {
  within: "duration",
  buckets: "integer",
  calls: "integer",
  minimumCalls: "integer"
}

/** @internal */
export const checkRateWindow = (
  options: Readonly<Record<RateWindowOption, unknown>>,
  check: Check,
  minimumCallsOverTime: number
): Pick<RateData, "window" | "minimumCalls"> => {
  if (options.within !== undefined && options.calls !== undefined) {
    return check.refuseTogether("either within or calls", "both")
  }
  if (options.calls !== undefined) return checkCalls(options, check)
  if (options.within === undefined) return check.refuseTogether("either within or calls", "neither")
  return {
    window: {
      _tag: "Time",
      withinMillis: check.finiteMillis("within", options.within),
      buckets: check.count("buckets", options.buckets, 10)
    },
    minimumCalls: check.count("minimumCalls", options.minimumCalls, minimumCallsOverTime)
  }
}

const checkCalls = (
  options: Readonly<Record<RateWindowOption, unknown>>,
  check: Check
): Pick<RateData, "window" | "minimumCalls"> => {
  if (options.buckets !== undefined) check.refuse("buckets", "given with within only", options.buckets)
  const calls = check.count("calls", options.calls)
  const minimumCalls = check.count("minimumCalls", options.minimumCalls, calls)
  return {
    window: { _tag: "Calls", calls },
    minimumCalls: checkFits("minimumCalls", minimumCalls, calls, check)
  }
}

/**
 * Refuses a minimum that is larger than the window, because the circuit would never open.
 *
 * @internal
 */
export const checkFits = (option: string, minimum: number, calls: number, check: Check): number =>
  minimum <= calls ? minimum : check.refuse(option, `at most calls, which is ${calls}`, minimum)

/** @internal */
export const rateOf = (rate: Rate): Policy<unknown> => {
  const { window } = rate.data
  return window._tag === "Time"
    ? timedRate(rate, window.withinMillis, window.buckets)
    : lastCallsRate(rate, window.calls)
}

/** @internal */
export const sharedRateOf = (rate: Rate): SharedPolicy<unknown> => {
  const { window } = rate.data
  return window._tag === "Time"
    ? {
        ...timedRate(rate, window.withinMillis, window.buckets),
        ...Bucket.sharing(window.withinMillis, window.buckets)
      }
    : sharedLastCallsRate(rate, window.calls)
}

const timedRate = (rate: Rate, withinMillis: number, buckets: number): Policy<Buckets> => {
  const roll = (window: Buckets, now: number) => Bucket.roll(window, withinMillis, buckets, now)
  const figures = figuresOf(rate)
  return {
    initial: Bucket.empty,
    record: (window, call) =>
      isCounted(rate, call)
        ? Bucket.record(roll(window, call.at), call.outcome._tag === "Failure", isSlow(rate, call))
        : window,
    trips: (window, now) =>
      // Most windows have no failure or slow call, not even in expired buckets, so there is nothing to add up.
      hitsOf(rate, window) + hitsOf(rate, window.past) > 0 &&
      reaches(rate, Bucket.countsOf(roll(window, now))),
    counts: (window, now) => Bucket.countsOf(roll(window, now)),
    describe: (window, now) => rate.describe(Bucket.countsOf(roll(window, now))),
    figures: (window, now) => figures(Bucket.countsOf(roll(window, now))),
    ...needsOf(rate, true),
    spans: [withinMillis]
  }
}

const lastCallsRate = (rate: Rate, size: number): Policy<LastCalls> => ({
  initial: LastCall.empty,
  record: (window, call) =>
    isCounted(rate, call)
      ? LastCall.record(window, size, call.outcome._tag === "Failure", isSlow(rate, call))
      : window,
  trips: (window) => reaches(rate, window),
  counts: ({ calls, failures, slow }) => ({ calls, failures, slow }),
  describe: (window) => rate.describe(window),
  figures: figuresOf(rate),
  ...needsOf(rate, rate.weighsSlow),
  spans: []
})

const sharedLastCallsRate = (rate: Rate, size: number): SharedPolicy<NumberedCalls> => ({
  ...decidingBy(lastCallsRate(rate, size), ({ ring }: NumberedCalls) => ring),
  initial: LastCall.none,
  record: (window, call) =>
    isCounted(rate, call)
      ? LastCall.recordNumbered(window, size, call.outcome._tag === "Failure", isSlow(rate, call))
      : window,
  ...LastCall.sharing(size)
})

const isSlow = (rate: Rate, call: Call): boolean =>
  rate.weighsSlow && call.elapsedMillis >= rate.data.slowerThanMillis

const isCounted = (rate: Rate, call: Call): boolean => call.outcome._tag !== "Ignored" || isSlow(rate, call)

/** The number of calls in the window that count towards the threshold. */
const hitsOf = (rate: Rate, counts: Counts): number => (rate.weighsSlow ? counts.slow : counts.failures)

const reaches = (rate: Rate, counts: Counts): boolean => {
  const hits = hitsOf(rate, counts)
  const { minimumCalls, minimumFailures, threshold } = rate.data
  return (
    hits > 0 && hits >= minimumFailures && counts.calls >= minimumCalls && hits / counts.calls >= threshold
  )
}

/** Makes the texts once, because a list may need the figures of very many circuits. */
const figuresOf = (rate: Rate): ((counts: Counts) => ReadonlyArray<Figure>) => {
  const { minimumCalls, minimumFailures, threshold, window } = rate.data
  const span =
    window._tag === "Time" ? `in ${spanText(window.withinMillis)}` : `among the last ${window.calls}`
  const counted = `${rate.weighsSlow ? "slow calls" : "failures"} ${span}`
  const [shareOf, calls] = [`share of ${counted}`, `calls ${span}`]
  return (counts) => {
    const hits = hitsOf(rate, counts)
    const share = counts.calls === 0 ? 0 : hits / counts.calls
    const figures: Array<Figure> = [
      { what: shareOf, value: share, threshold, unit: "Share" },
      { what: calls, value: counts.calls, threshold: minimumCalls, unit: "Count" }
    ]
    // A minimum of 1 needs no figure, because any share above 0 implies it.
    if (minimumFailures > 1)
      figures.push({ what: counted, value: hits, threshold: minimumFailures, unit: "Count" })
    return figures
  }
}

const needsOf = ({ data, weighsSlow }: Rate, timesSuccesses: boolean) => ({
  data,
  isBuiltIn: true,
  timesSuccesses,
  measuresElapsed: weighsSlow,
  countsInterrupted: weighsSlow,
  slowerThanMillis: data.slowerThanMillis
})

/**
 * The share of the counted calls as text, such as `6 of 10 calls in 30 s`.
 *
 * @internal
 */
export const shareText = (hits: number, calls: number, window: RateWindow): string => {
  const span = window._tag === "Time" ? ` in ${spanText(window.withinMillis)}` : ""
  return `${hits} of ${calls} calls${span}`
}
