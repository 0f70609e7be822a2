import * as Rows from "./rows.ts"
import * as Sections from "./section.ts"
import type { Sharing } from "./window.ts"

/**
 * The times of the latest failures in milliseconds, in a ring of `limit` entries. `next` is the index of the entry that
 * is written next.
 *
 * @internal
 */
export interface FailureTimes {
  readonly recorded: number
  readonly next: number
  readonly times: Rows.Rows
}

/** @internal */
export const empty: FailureTimes = { recorded: 0, next: 0, times: Rows.empty }

/** @internal */
export const record = (window: FailureTimes, limit: number, at: number): FailureTimes => ({
  recorded: Math.min(window.recorded + 1, limit),
  next: (window.next + 1) % limit,
  times: Rows.set(window.times, window.next, at)
})

/**
 * The number of failures that are younger than `withinMillis`. The failures are ordered by time, so a binary search
 * finds the oldest one that still counts.
 *
 * @internal
 */
export const countWithin = (
  window: FailureTimes,
  limit: number,
  withinMillis: number,
  now: number
): number => {
  let tooOld = 0
  let end = window.recorded
  while (tooOld < end) {
    const middle = (tooOld + end) >> 1
    const at = timeOf(window, limit, middle)
    if (now - at < withinMillis) end = middle
    else tooOld = middle + 1
  }
  return window.recorded - tooOld
}

/** The time of the i-th failure in the ring, oldest first. */
const timeOf = (window: FailureTimes, limit: number, i: number): number =>
  Rows.get(window.times, (window.next - window.recorded + i + limit) % limit)

/** All times in the ring, oldest first. */
const timesOf = (window: FailureTimes, limit: number): ReadonlyArray<number> =>
  Array.from({ length: window.recorded }, (_, i) => timeOf(window, limit, i))

/**
 * The failures that were recorded in a window since an earlier value of it, as rows. A row is negative for failures
 * that were cleared since. Failures that later ones have replaced in a full ring are not taken back, because the later
 * ones alone reach the limit.
 *
 * @internal
 */
export const difference = (
  window: FailureTimes,
  earlier: FailureTimes,
  limit: number
): ReadonlyArray<Sections.Row> => {
  if (window === earlier) return []
  const byTime = new Map<number, number>()
  const count = (times: ReadonlyArray<number>, by: 1 | -1) =>
    times.forEach((at) => byTime.set(at, (byTime.get(at) ?? 0) + by))
  count(timesOf(window, limit), 1)
  count(timesOf(earlier, limit), -1)
  const replacedUntil = window.recorded === limit ? timeOf(window, limit, 0) : -Infinity
  return [...byTime]
    .filter(([at, failures]) => failures > 0 || (failures < 0 && at > replacedUntil))
    .map(([at, failures]) => [at, failures, failures, 0] as const)
    .toSorted(([a], [b]) => a - b)
}

/**
 * Makes the window of the latest failures from rows, which may be in any order.
 *
 * @internal
 */
export const gather = (rows: ReadonlyArray<Sections.Row>, limit: number): FailureTimes => {
  const latestFirst: Array<number> = []
  for (const [at, , failures] of rows.toSorted(([a], [b]) => b - a)) {
    for (let i = 0; i < failures && latestFirst.length < limit; i++) latestFirst.push(at)
  }
  const recorded = latestFirst.length
  return { recorded, next: recorded % limit, times: Rows.from(latestFirst.toReversed()) }
}

/**
 * A row is a millisecond, so a shared window is exact to the millisecond: a failure counts from the millisecond in
 * which it happened.
 *
 * @internal
 */
export const sharing = (limit: number, withinMillis: number): Sharing<FailureTimes> => ({
  layouts: () => [
    { unitMillis: 1, span: Math.ceil(withinMillis), enough: limit, freshMillis: 0, parts: Infinity }
  ],
  difference: (window, reported, now) => [
    {
      floor: -Infinity,
      rows: difference(window, reported, limit).filter(([at]) => now - at < withinMillis)
    }
  ],
  gather: ([section = Sections.empty]) => gather(section.rows, limit)
})
