import * as Section from "./section.ts"
import type { Counts, Sharing } from "./window.ts"
import { noCounts } from "./window.ts"

/** The counts of one slice of time, and the number of the slice. */
interface Bucket extends Counts {
  readonly index: number
}

interface Past extends Counts {
  readonly buckets: ReadonlyArray<Bucket>
}

/**
 * Counts per slice of time. The current bucket is the window itself, so that recording copies one small object. The
 * earlier buckets are in `past`, oldest first, with their sums.
 *
 * @internal
 */
export interface Buckets extends Bucket {
  readonly past: Past
}

/** @internal */
export const empty: Buckets = {
  index: 0,
  calls: 0,
  failures: 0,
  slow: 0,
  past: { buckets: [], calls: 0, failures: 0, slow: 0 }
}

/**
 * The window at `now`, without the buckets that have expired by then.
 *
 * The index is computed by `Math.floor(now * buckets / withinMillis)` instead of a division by the length of a bucket.
 * The product is exact for whole milliseconds, so a time on the border of two buckets always falls into the later one.
 *
 * @internal
 */
export const roll = (window: Buckets, withinMillis: number, buckets: number, now: number): Buckets => {
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

// Leaves out `past`, so that a bucket does not keep earlier windows in memory.
const bucketOf = ({ calls, failures, index, slow }: Bucket): Bucket => ({ index, calls, failures, slow })

/**
 * Records a call in a window that has been rolled to the call's time.
 *
 * @internal
 */
export const record = (window: Buckets, failed: boolean, slow: boolean): Buckets => ({
  index: window.index,
  calls: window.calls + 1,
  failures: failed ? window.failures + 1 : window.failures,
  slow: slow ? window.slow + 1 : window.slow,
  past: window.past
})

/** @internal */
export const countsOf = ({ calls, failures, past, slow }: Buckets): Counts => ({
  calls: past.calls + calls,
  failures: past.failures + failures,
  slow: past.slow + slow
})

/**
 * A row is a slice of time. The slices of a process and those of the store begin at different times, so `Section.shift`
 * adds a slice to the store's slice in which it begins. A call in a shared window therefore never counts too long, and
 * expires up to one slice earlier than in the window of one process.
 *
 * @internal
 */
export const sharing = (withinMillis: number, buckets: number): Sharing<Buckets> => ({
  layouts: () => [
    {
      unitMillis: withinMillis / buckets,
      span: buckets,
      enough: Infinity,
      freshMillis: 0,
      parts: Infinity
    }
  ],
  difference: (window, reported, now) => [
    {
      floor: -Infinity,
      rows: newCalls(roll(window, withinMillis, buckets, now), roll(reported, withinMillis, buckets, now))
    }
  ],
  gather: ([section = Section.empty]) => windowOf(section.rows, buckets)
})

/** The calls of each bucket that the same bucket of an earlier window does not have. */
const newCalls = (window: Buckets, earlier: Buckets): ReadonlyArray<Section.Row> => {
  if (window === earlier) return []
  const earlierBuckets = new Map(bucketsOf(earlier).map((bucket) => [bucket.index, bucket]))
  return bucketsOf(window).flatMap(({ calls, failures, index, slow }) => {
    const had = earlierBuckets.get(index) ?? noCounts
    return calls > had.calls
      ? [[index, calls - had.calls, failures - had.failures, slow - had.slow] as const]
      : []
  })
}

/** The buckets of a window, oldest first. */
const bucketsOf = (window: Buckets): ReadonlyArray<Bucket> => [...window.past.buckets, window]

/** The window whose current bucket is the latest of the rows. */
const windowOf = (rows: ReadonlyArray<Section.Row>, buckets: number): Buckets => {
  const all = rows.map(([index, calls, failures, slow]) => ({ index, calls, failures, slow }))
  if (all.length === 0) return empty
  const index = all.reduce((latest, it) => Math.max(latest, it.index), -Infinity)
  const past = pastOf(all.filter((it) => it.index < index && it.index > index - buckets))
  const { calls, failures, slow } = pastOf(all.filter((it) => it.index === index))
  return { index, calls, failures, slow, past }
}
