import type { Call, Policy, PolicyData } from "./policy.ts"
import { allOf, anyOf, compile, describeStreak } from "./policy.ts"
import type { Buckets, FailureTimes, LastCalls } from "./window.ts"
import * as Window from "./window.ts"

/**
 * A policy whose window is spread over the nodes of a fleet. What a node contributes is plain numbers, with times on a
 * clock that all nodes read: `ahead` is by how many milliseconds that clock is ahead of the node's own.
 *
 * @internal
 */
export interface SharedPolicy<W> extends Policy<W> {
  contribution(window: W, now: number, ahead: number): Contribution
  /** The window of all nodes: this one's own, and what the others contribute. */
  merge(window: W, others: ReadonlyArray<Contribution>, now: number, ahead: number): W
}

/** @internal */
export type Contribution = ReadonlyArray<number | Contribution>

/**
 * The shared form of a policy; none for a custom one, of whose state only its author knows what two of them make.
 *
 * @internal
 */
export const share = (data: PolicyData): SharedPolicy<unknown> | undefined => {
  switch (data._tag) {
    case "Consecutive":
      return consecutive(data.failures)
    case "FailureCount":
      return { ...compile(data), ...times(data.failures, data.withinMillis) }
    case "FailureRate":
    case "SlowCallRate":
      return data.window._tag === "Time"
        ? { ...compile(data), ...buckets(data.window.withinMillis, data.window.buckets) }
        : { ...compile(data), ...latest }
    case "AnyOf":
      return together(anyOf, data.policies.map(share))
    case "AllOf":
      return together(allOf, data.policies.map(share))
    case "Custom":
      return undefined
  }
}

type Merging<W> = Pick<SharedPolicy<W>, "contribution" | "merge">

// ---------------------------------------------------------------------------------------------------------
// A streak: the failures since anybody's latest success

interface Streak {
  readonly failures: FailureTimes
  /** When the latest success was, as far as successes are timed. */
  readonly succeededAt: number
}

const noStreak: Streak = { failures: Window.noFailures, succeededAt: -Infinity }

const consecutive = (limit: number): SharedPolicy<Streak> => {
  const counts = (streak: Streak) => {
    const failures = streak.failures.recorded
    return { calls: failures, failures, slow: 0 }
  }
  return {
    initial: noStreak,
    record: (streak, { at, outcome }: Call) => {
      switch (outcome._tag) {
        case "Success":
          if (!Number.isNaN(at)) return { failures: Window.noFailures, succeededAt: at }
          return streak.failures.recorded === 0 ? streak : { ...streak, failures: Window.noFailures }
        case "Failure":
          return { ...streak, failures: Window.recordFailure(streak.failures, limit, at) }
        case "Ignored":
          return streak
      }
    },
    trips: (streak) => streak.failures.recorded >= limit,
    counts,
    describe: (streak) => describeStreak(streak.failures.recorded),
    isBuiltIn: true,
    timesSuccesses: false,
    measuresElapsed: false,
    countsInterrupted: false,
    slowerThanMillis: Infinity,
    contribution: (streak, _, ahead) => [
      Math.max(-1, streak.succeededAt + ahead),
      ...timesOf(streak.failures, limit).map((at) => at + ahead)
    ],
    merge: (streak, others, _, ahead) => {
      const succeededAt = Math.max(streak.succeededAt, ...others.map(([at]) => Number(at) - ahead))
      const failures = [
        ...timesOf(streak.failures, limit),
        ...others.flatMap(([, ...at]) => at.map((it) => Number(it) - ahead))
      ]
      return {
        succeededAt,
        // Those of a node come after its own success; of one at the very time of another's, nobody knows.
        failures: inOrder(
          failures.filter((at) => at >= succeededAt),
          limit
        )
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------
// Times of failures

const times = (limit: number, withinMillis: number): Merging<FailureTimes> => ({
  contribution: (window, now, ahead) =>
    timesOf(window, limit)
      .filter((at) => now - at < withinMillis)
      .map((at) => at + ahead),
  merge: (window, others, _, ahead) =>
    inOrder([...timesOf(window, limit), ...others.flat().map((at) => Number(at) - ahead)], limit)
})

const timesOf = (window: FailureTimes, limit: number): ReadonlyArray<number> =>
  Array.from({ length: window.recorded }, (_, i) => Window.failureAt(window, limit, i))

const inOrder = (times: ReadonlyArray<number>, limit: number): FailureTimes =>
  times
    .toSorted((a, b) => a - b)
    .slice(-limit)
    .reduce((window, at) => Window.recordFailure(window, limit, at), Window.noFailures)

// ---------------------------------------------------------------------------------------------------------
// Slices of time

const buckets = (withinMillis: number, count: number): Merging<Buckets> => {
  const length = withinMillis / count
  return {
    contribution: (window, now, ahead) => {
      const { past, ...current } = Window.rollBuckets(window, withinMillis, count, now)
      return [...past.buckets, current]
        .filter(({ calls }) => calls > 0)
        .flatMap(({ calls, failures, index, slow }) => [index * length + ahead, calls, failures, slow])
    },
    // A slice of another node begins within one of ours and ends in the next. It counts with the one in which it begins,
    // so that it never counts too long.
    merge: (window, others, now, ahead) => {
      const own = Window.rollBuckets(window, withinMillis, count, now)
      const merged = [...own.past.buckets, own]
      for (const other of others) {
        for (let i = 0; i + 3 < other.length; i += 4) {
          const [start, calls, failures, slow] = other.slice(i, i + 4).map(Number)
          const index = Math.min(own.index, Math.floor(((start! - ahead) * count) / withinMillis))
          merged.push({ index, calls: calls!, failures: failures!, slow: slow! })
        }
      }
      return Window.bucketsFrom(merged, own.index, count)
    }
  }
}

// ---------------------------------------------------------------------------------------------------------
// Latest calls: each node contributes its own latest ones

const latest: Merging<LastCalls> = {
  contribution: ({ calls, failures, slow }) => [calls, failures, slow],
  merge: (window, others) => {
    const sum = (i: 0 | 1 | 2, own: number) => others.reduce((sum, other) => sum + Number(other[i]), own)
    return {
      ...window,
      calls: sum(0, window.calls),
      failures: sum(1, window.failures),
      slow: sum(2, window.slow)
    }
  }
}

// ---------------------------------------------------------------------------------------------------------

const together = (
  combine: typeof anyOf,
  policies: ReadonlyArray<SharedPolicy<unknown> | undefined>
): SharedPolicy<ReadonlyArray<unknown>> | undefined => {
  const shared = policies.filter((policy) => policy !== undefined)
  if (shared.length < policies.length) return undefined
  return {
    ...combine(shared),
    contribution: (windows, now, ahead) =>
      shared.map((policy, i) => policy.contribution(windows[i], now, ahead)),
    merge: (windows, others, now, ahead) =>
      shared.map((policy, i) =>
        policy.merge(
          windows[i],
          others.map((other) => other[i] as Contribution),
          now,
          ahead
        )
      )
  }
}
