/** Policies for the tests of the core, and what becomes of their windows. */
import * as FailureRate from "../../../src/internal/core/policies/failureRate.ts"
import type { Call, Policy } from "../../../src/internal/core/policies/policy.ts"
import type { RateData, RateWindow } from "../../../src/internal/core/policies/rate.ts"
import * as SlowCallRate from "../../../src/internal/core/policies/slowCallRate.ts"
import { frozen } from "../circuits.ts"

export const none = { calls: 0, failures: 0, slow: 0 }

export const record = <W>(policy: Policy<W>, calls: ReadonlyArray<Call>): W =>
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

/** The data of calls that a policy needs: the time of successes, durations, and interrupted calls. */
export const needs = ({ countsInterrupted, measuresElapsed, timesSuccesses }: Policy<unknown>) => ({
  timesSuccesses,
  measuresElapsed,
  countsInterrupted
})

export const nothing = { timesSuccesses: false, measuresElapsed: false, countsInterrupted: false }
export const everything = { timesSuccesses: true, measuresElapsed: true, countsInterrupted: true }

export const lastCalls = (calls: number): RateWindow => ({ _tag: "Calls", calls })
export const overTime = (withinMillis: number, buckets = 10): RateWindow => ({
  _tag: "Time",
  withinMillis,
  buckets
})

const figures = { threshold: 0.5, minimumCalls: 1, minimumFailures: 1, window: lastCalls(10) }

export const failureRate = (over: Partial<RateData> = {}): Policy<unknown> =>
  FailureRate.failureRate({ ...figures, ...over })

export const slowCallRate = (over: Partial<RateData> = {}): Policy<unknown> =>
  SlowCallRate.slowCallRate({ ...figures, slowerThanMillis: 100, ...over })

/** A program's own policy, which never trips. */
export const ownPolicy = { initial: 0, record: () => 0, trips: () => false }
