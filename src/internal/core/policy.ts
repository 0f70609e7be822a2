import type { Buckets, Counts, FailureTimes, LastCalls } from "./window.ts"
import * as Window from "./window.ts"

/**
 * One finished call. An `Ignored` one reaches a policy only if it was interrupted, and then counts only if it was slow.
 *
 * @internal
 */
export interface Call {
  readonly outcome: { readonly _tag: "Success" | "Failure" | "Ignored" }
  readonly interrupted: boolean
  readonly at: number
  readonly elapsedMillis: number
}

/** @internal */
export type PolicyData = Consecutive | FailureCount | Rate | Combination | Custom

interface Consecutive {
  readonly _tag: "Consecutive"
  readonly failures: number
}

interface FailureCount {
  readonly _tag: "FailureCount"
  readonly failures: number
  readonly withinMillis: number
}

interface Rate {
  readonly _tag: "FailureRate" | "SlowCallRate"
  readonly threshold: number
  readonly minimumCalls: number
  readonly minimumFailures: number
  readonly slowerThanMillis: number
  readonly window:
    | { readonly _tag: "Time"; readonly withinMillis: number; readonly buckets: number }
    | { readonly _tag: "Calls"; readonly calls: number }
}

interface Combination {
  readonly _tag: "AnyOf" | "AllOf"
  readonly policies: ReadonlyArray<PolicyData>
}

interface Custom {
  readonly _tag: "Custom"
  readonly initial: unknown
  record(state: unknown, call: Call): unknown
  trips(state: unknown, now: number): boolean
}

/**
 * A trip policy ready to run: pure functions over a window of its own kind.
 *
 * @internal
 */
export interface Policy<W> {
  readonly initial: W
  /** Returns the same window where the call changes nothing. */
  record(window: W, call: Call): W
  trips(window: W, now: number): boolean
  counts(window: W, now: number): Counts
  /** Whether all of its functions are this library's own. */
  readonly isBuiltIn: boolean
  /** Whether a success has to carry its time: without it, a healthy call needs no clock. */
  readonly timesSuccesses: boolean
  /** Whether calls have to carry how long they ran. */
  readonly measuresElapsed: boolean
  /** Whether an interrupted call may count. */
  readonly countsInterrupted: boolean
  /** A call that runs this long counts as slow, and fails as a probe; infinity where the policy does not look at that. */
  readonly slowerThanMillis: number
  /** Which policy has tripped, and by which figures; asked of a window that trips. */
  describe(window: W, now: number): string
}

/** @internal */
export const compile = (data: PolicyData): Policy<unknown> => {
  switch (data._tag) {
    case "Consecutive":
      return consecutive(data)
    case "FailureCount":
      return failureCount(data)
    case "FailureRate":
    case "SlowCallRate":
      return data.window._tag === "Time"
        ? timedRate(data, data.window.withinMillis, data.window.buckets)
        : lastCallsRate(data, data.window.calls)
    case "AnyOf":
      return anyOf(data.policies.map(compile))
    case "AllOf":
      return allOf(data.policies.map(compile))
    case "Custom":
      return custom(data)
  }
}

/** @internal */
export const describeStreak = (failures: number): string => `consecutive: ${failuresText(failures)} in a row`

const failuresText = (failures: number): string => `${failures} ${failures === 1 ? "failure" : "failures"}`

const untimed = {
  isBuiltIn: true,
  timesSuccesses: false,
  measuresElapsed: false,
  countsInterrupted: false,
  slowerThanMillis: Infinity
}

const consecutive = ({ failures }: Consecutive): Policy<number> => ({
  initial: 0,
  record: (streak, call) =>
    call.outcome._tag === "Success" ? 0 : call.outcome._tag === "Failure" ? streak + 1 : streak,
  trips: (streak) => streak >= failures,
  counts: (streak) => ({ calls: streak, failures: streak, slow: 0 }),
  describe: (streak) => describeStreak(streak),
  ...untimed
})

const failureCount = ({ failures, withinMillis }: FailureCount): Policy<FailureTimes> => ({
  initial: Window.noFailures,
  record: (window, call) =>
    call.outcome._tag === "Failure" ? Window.recordFailure(window, failures, call.at) : window,
  trips: (window, now) => Window.failuresWithin(window, failures, withinMillis, now) >= failures,
  counts: (window, now) => {
    const counted = Window.failuresWithin(window, failures, withinMillis, now)
    return { calls: counted, failures: counted, slow: 0 }
  },
  describe: (window, now) => {
    const counted = Window.failuresWithin(window, failures, withinMillis, now)
    const span = withinMillis === Infinity ? "since the circuit last closed" : `in ${spanText(withinMillis)}`
    return `failureCount: ${failuresText(counted)} ${span}`
  },
  ...untimed
})

const measuresSlow = (rate: Rate): boolean => rate._tag === "SlowCallRate"

const isSlow = (rate: Rate, call: Call): boolean =>
  measuresSlow(rate) && call.elapsedMillis >= rate.slowerThanMillis

const isCounted = (rate: Rate, call: Call): boolean => call.outcome._tag !== "Ignored" || isSlow(rate, call)

const exceeds = (rate: Rate, counts: Counts): boolean => {
  const hits = hitsOf(rate, counts)
  return (
    hits > 0 &&
    hits >= rate.minimumFailures &&
    counts.calls >= rate.minimumCalls &&
    hits / counts.calls >= rate.threshold
  )
}

const describeRate = (rate: Rate, counts: Counts): string => {
  const { calls } = counts
  const share = `${hitsOf(rate, counts)} of ${calls} calls`
  const span = rate.window._tag === "Time" ? ` in ${spanText(rate.window.withinMillis)}` : ""
  return measuresSlow(rate)
    ? `slowCallRate: ${share}${span} took ${spanText(rate.slowerThanMillis)} or longer`
    : `failureRate: ${share}${span}`
}

/** Of a rate, what it needs to know of a call. */
const needsOf = (rate: Rate, timesSuccesses: boolean) => ({
  isBuiltIn: true,
  timesSuccesses,
  measuresElapsed: measuresSlow(rate),
  countsInterrupted: measuresSlow(rate),
  slowerThanMillis: rate.slowerThanMillis
})

const hitsOf = (rate: Rate, counts: Counts): number => (measuresSlow(rate) ? counts.slow : counts.failures)

const timedRate = (rate: Rate, withinMillis: number, buckets: number): Policy<Buckets> => {
  const roll = (window: Buckets, now: number) => Window.rollBuckets(window, withinMillis, buckets, now)
  return {
    initial: Window.noBuckets,
    record: (window, call) =>
      isCounted(rate, call)
        ? Window.recordInBuckets(roll(window, call.at), call.outcome._tag === "Failure", isSlow(rate, call))
        : window,
    trips: (window, now) =>
      // Most windows hold nothing to weigh: that much is known without adding up.
      hitsOf(rate, window) + hitsOf(rate, window.past) > 0 &&
      exceeds(rate, Window.bucketCounts(roll(window, now))),
    counts: (window, now) => Window.bucketCounts(roll(window, now)),
    describe: (window, now) => describeRate(rate, Window.bucketCounts(roll(window, now))),
    ...needsOf(rate, true)
  }
}

const lastCallsRate = (rate: Rate, size: number): Policy<LastCalls> => ({
  initial: Window.noCalls,
  record: (window, call) =>
    isCounted(rate, call)
      ? Window.recordLastCall(window, size, call.outcome._tag === "Failure", isSlow(rate, call))
      : window,
  trips: (window) => exceeds(rate, window),
  counts: ({ calls, failures, slow }) => ({ calls, failures, slow }),
  describe: (window) => describeRate(rate, window),
  ...needsOf(rate, measuresSlow(rate))
})

/** @internal */
export const anyOf = (policies: ReadonlyArray<Policy<unknown>>): Policy<ReadonlyArray<unknown>> => ({
  ...together(policies),
  trips: (windows, now) => policies.some((policy, i) => policy.trips(windows[i], now)),
  describe: (windows, now) => {
    const first = policies.findIndex((policy, i) => policy.trips(windows[i], now))
    return policies[first]?.describe(windows[first], now) ?? ""
  },
  slowerThanMillis: Math.min(...policies.map((policy) => policy.slowerThanMillis))
})

/** @internal */
export const allOf = (policies: ReadonlyArray<Policy<unknown>>): Policy<ReadonlyArray<unknown>> => ({
  ...together(policies),
  trips: (windows, now) => policies.every((policy, i) => policy.trips(windows[i], now)),
  describe: (windows, now) => policies.map((policy, i) => policy.describe(windows[i], now)).join(" and "),
  // A success may be what one of them has waited for, and another one goes by the time.
  timesSuccesses: true,
  // Those that do not look at the time a call takes have no say in what is slow.
  slowerThanMillis: longest(policies.map((policy) => policy.slowerThanMillis).filter(Number.isFinite))
})

const longest = (millis: ReadonlyArray<number>): number =>
  millis.length === 0 ? Infinity : Math.max(...millis)

/** Several policies that each keep a window of their own. */
const together = (policies: ReadonlyArray<Policy<unknown>>) => ({
  initial: policies.map((policy) => policy.initial),
  record: (windows: ReadonlyArray<unknown>, call: Call) => {
    const next = policies.map((policy, i) => policy.record(windows[i], call))
    return next.every((window, i) => window === windows[i]) ? windows : next
  },
  counts: (windows: ReadonlyArray<unknown>, now: number) =>
    policies
      .map((policy, i) => policy.counts(windows[i], now))
      .reduce((left, right) => ({
        calls: Math.max(left.calls, right.calls),
        failures: Math.max(left.failures, right.failures),
        slow: Math.max(left.slow, right.slow)
      })),
  isBuiltIn: policies.every((policy) => policy.isBuiltIn),
  timesSuccesses: policies.some((policy) => policy.timesSuccesses),
  measuresElapsed: policies.some((policy) => policy.measuresElapsed),
  countsInterrupted: policies.some((policy) => policy.countsInterrupted)
})

const custom = (data: Custom): Policy<unknown> => ({
  initial: data.initial,
  record: (state, call) => (call.outcome._tag === "Ignored" ? state : data.record(state, call)),
  trips: (state, now) => data.trips(state, now),
  counts: () => Window.noCounts,
  describe: () => "a policy of the program's own",
  isBuiltIn: false,
  timesSuccesses: true,
  measuresElapsed: true,
  countsInterrupted: false,
  slowerThanMillis: Infinity
})

/** A length of time as people write it, in the largest unit that leaves few digits: 500 ms, 30 s, 15 min, 2 h. */
const spanText = (millis: number): string => {
  if (millis < 1_000) return `${rounded(millis)} ms`
  if (millis < 600_000) return `${rounded(millis / 1_000)} s`
  return millis < 7_200_000 ? `${rounded(millis / 60_000)} min` : `${rounded(millis / 3_600_000)} h`
}

const rounded = (value: number): number => Math.round(value * 100) / 100
