/** Policies for the tests of the core, and what becomes of their windows. */
import type { Call, Policy, PolicyData } from "../../src/internal/core/policy.ts"
import { compile } from "../../src/internal/core/policy.ts"
import { frozen } from "./circuits.ts"

export const none = { calls: 0, failures: 0, slow: 0 }

export const record = (policy: Policy<unknown>, calls: ReadonlyArray<Call>): unknown =>
  calls.reduce((window, call) => policy.record(frozen(window), call), policy.initial)

export const tripsAfter = (
  policy: Policy<unknown>,
  calls: ReadonlyArray<Call>,
  now = calls.at(-1)?.at ?? 0
) => policy.trips(frozen(record(policy, calls)), now)

export const countsAfter = (
  policy: Policy<unknown>,
  calls: ReadonlyArray<Call>,
  now = calls.at(-1)?.at ?? 0
) => policy.counts(frozen(record(policy, calls)), now)

export const times = (count: number, call: Call): ReadonlyArray<Call> =>
  Array.from({ length: count }, () => call)

/** What a policy asks of its calls: the time of a success, how long it ran, and to hear of interruptions. */
export const asks = ({ timesSuccesses, measuresElapsed, countsInterrupted }: Policy<unknown>) => ({
  timesSuccesses,
  measuresElapsed,
  countsInterrupted
})

export const nothing = { timesSuccesses: false, measuresElapsed: false, countsInterrupted: false }
export const everything = { timesSuccesses: true, measuresElapsed: true, countsInterrupted: true }

export type RateData = Extract<PolicyData, { readonly window: unknown }>

export const lastCalls = (calls: number): RateData["window"] => ({ _tag: "Calls", calls })
export const overTime = (withinMillis: number, buckets = 10): RateData["window"] => ({
  _tag: "Time",
  withinMillis,
  buckets
})

export const failureRate = (over: Partial<RateData> = {}): Policy<unknown> =>
  compile({
    _tag: "FailureRate",
    threshold: 0.5,
    minimumCalls: 1,
    minimumFailures: 1,
    slowerThanMillis: Infinity,
    window: lastCalls(10),
    ...over
  })

export const slowCallRate = (over: Partial<RateData> = {}): Policy<unknown> =>
  failureRate({ _tag: "SlowCallRate", slowerThanMillis: 100, ...over })
