import * as Rows from "./rows.ts"

/**
 * What a window holds, in numbers.
 *
 * @internal
 */
export interface Counts {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

/** @internal */
export const noCounts: Counts = { calls: 0, failures: 0, slow: 0 }

// ---------------------------------------------------------------------------------------------------------
// FailureTimes: when the latest `limit` failures happened; exact to the millisecond

/**
 * The times of the latest failures, in a ring of `limit` entries: `next` is the entry to be written next.
 *
 * @internal
 */
export interface FailureTimes {
  readonly recorded: number
  readonly next: number
  readonly times: Rows.Rows
}

/** @internal */
export const noFailures: FailureTimes = { recorded: 0, next: 0, times: Rows.empty }

/** @internal */
export const recordFailure = (window: FailureTimes, limit: number, at: number): FailureTimes => ({
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
export const failuresWithin = (
  window: FailureTimes,
  limit: number,
  withinMillis: number,
  now: number
): number => {
  let tooOld = 0
  let end = window.recorded
  while (tooOld < end) {
    const middle = (tooOld + end) >> 1
    const at = failureAt(window, limit, middle)
    if (now - at < withinMillis) end = middle
    else tooOld = middle + 1
  }
  return window.recorded - tooOld
}

/**
 * The time of the i-th failure that is held, the oldest first.
 *
 * @internal
 */
export const failureAt = (window: FailureTimes, limit: number, i: number): number =>
  Rows.get(window.times, (window.next - window.recorded + i + limit) % limit)

// ---------------------------------------------------------------------------------------------------------
// Buckets: counts per slice of time

/** @internal */
export interface Bucket extends Counts {
  readonly index: number
}

interface Past extends Counts {
  readonly buckets: ReadonlyArray<Bucket>
}

/**
 * Counts in slices of time. The bucket being filled is the window itself, so that recording copies one small object;
 * the earlier ones, oldest first, lie in `past` with their sums.
 *
 * @internal
 */
export interface Buckets extends Bucket {
  readonly past: Past
}

/** @internal */
export const noBuckets: Buckets = {
  index: 0,
  calls: 0,
  failures: 0,
  slow: 0,
  past: { buckets: [], calls: 0, failures: 0, slow: 0 }
}

/**
 * The window as it stands at `now`: every bucket that has expired is dropped at once, however long the idle gap.
 *
 * `Math.floor(now * buckets / withinMillis)` rather than a division by the bucket's length: the product is exact for
 * whole milliseconds, so an instant on a bucket's border always falls into the later bucket.
 *
 * @internal
 */
export const rollBuckets = (window: Buckets, withinMillis: number, buckets: number, now: number): Buckets => {
  const index = Math.floor((now * buckets) / withinMillis)
  if (index <= window.index) return window
  const kept = [...window.past.buckets, window].filter((it) => it.calls > 0 && it.index > index - buckets)
  return { index, calls: 0, failures: 0, slow: 0, past: pastOf(kept) }
}

const pastOf = (buckets: ReadonlyArray<Bucket>): Past => {
  const past = { buckets: buckets.map(bucketOf), calls: 0, failures: 0, slow: 0 }
  for (const { calls, failures, slow } of buckets) {
    past.calls += calls
    past.failures += failures
    past.slow += slow
  }
  return past
}

/**
 * A window at `index` of buckets from anywhere, several of one index among them.
 *
 * @internal
 */
export const bucketsFrom = (all: ReadonlyArray<Bucket>, index: number, buckets: number): Buckets => {
  const kept = all.filter((it) => it.index > index - buckets)
  const past = pastOf(kept.filter((it) => it.index < index))
  const { calls, failures, slow } = pastOf(kept.filter((it) => it.index === index))
  return { index, calls, failures, slow, past }
}

// Without `past`: a bucket must not hold on to the windows before it.
const bucketOf = ({ calls, failures, index, slow }: Bucket): Bucket => ({ index, calls, failures, slow })

/**
 * Takes a call into a window that has been rolled to its time.
 *
 * @internal
 */
export const recordInBuckets = (window: Buckets, failed: boolean, slow: boolean): Buckets => ({
  index: window.index,
  calls: window.calls + 1,
  failures: failed ? window.failures + 1 : window.failures,
  slow: slow ? window.slow + 1 : window.slow,
  past: window.past
})

/** @internal */
export const bucketCounts = ({ calls, failures, past, slow }: Buckets): Counts => ({
  calls: past.calls + calls,
  failures: past.failures + failures,
  slow: past.slow + slow
})

// ---------------------------------------------------------------------------------------------------------
// LastCalls: a ring of the latest calls, two bits each

/**
 * The latest `size` calls: `next` is the place to be written next, `marks` holds two bits a place, failed and slow.
 *
 * @internal
 */
export interface LastCalls extends Counts {
  readonly next: number
  readonly marks: Rows.Rows
}

const placesPerWord = 16
const failedBit = 1
const slowBit = 2

/** @internal */
export const noCalls: LastCalls = { calls: 0, failures: 0, slow: 0, next: 0, marks: Rows.empty }

/** @internal */
export const recordLastCall = (
  window: LastCalls,
  size: number,
  failed: boolean,
  slow: boolean
): LastCalls => {
  const mark = (failed ? failedBit : 0) | (slow ? slowBit : 0)
  // A full ring of unmarked calls looks the same wherever it begins.
  if (mark === 0 && window.calls === size && window.failures === 0 && window.slow === 0) return window
  const wordIndex = Math.floor(window.next / placesPerWord)
  const shift = (window.next % placesPerWord) * 2
  const word = Rows.get(window.marks, wordIndex)
  const evicted = (word >>> shift) & 3
  return {
    calls: window.calls < size ? window.calls + 1 : size,
    failures: window.failures + (mark & failedBit) - (evicted & failedBit),
    slow: window.slow + ((mark & slowBit) - (evicted & slowBit)) / slowBit,
    next: window.next + 1 === size ? 0 : window.next + 1,
    marks:
      mark === evicted
        ? window.marks
        : Rows.set(window.marks, wordIndex, (word & ~(3 << shift)) | (mark << shift))
  }
}
