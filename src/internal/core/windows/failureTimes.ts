import * as Rows from "./rows.ts"
import type { Sharing } from "./window.ts"
import { areTimes } from "./window.ts"

/**
 * When the latest failures happened, exact to the millisecond, in a ring of `limit` entries: `next` is the entry to be
 * written next.
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
 * How many of the failures are younger than `withinMillis`. They lie in order of time, so the oldest that still
 * counts is found by bisection: the cost does not grow with the window.
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

/** The time of the i-th failure that is held, the oldest first. */
const timeOf = (window: FailureTimes, limit: number, i: number): number =>
  Rows.get(window.times, (window.next - window.recorded + i + limit) % limit)

/**
 * The times that are held, the oldest first.
 *
 * @internal
 */
export const timesOf = (window: FailureTimes, limit: number): ReadonlyArray<number> =>
  Array.from({ length: window.recorded }, (_, i) => timeOf(window, limit, i))

/**
 * The window of failures at these times, in any order.
 *
 * @internal
 */
export const fromTimes = (times: ReadonlyArray<number>, limit: number): FailureTimes =>
  times
    .toSorted((a, b) => a - b)
    .slice(-limit)
    .reduce((window, at) => record(window, limit, at), empty)

/**
 * Each process contributes the times of its failures that still count.
 *
 * @internal
 */
export const sharing = (limit: number, withinMillis: number): Sharing<FailureTimes> => ({
  contribution: (window, now, ahead) =>
    timesOf(window, limit)
      .filter((at) => now - at < withinMillis)
      .map((at) => at + ahead),
  accepts: (contribution) => contribution.length <= limit && areTimes(contribution),
  merge: (window, others, _, ahead) =>
    fromTimes([...timesOf(window, limit), ...others.flat().map((at) => Number(at) - ahead)], limit)
})
