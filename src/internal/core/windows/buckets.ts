import * as Section from "./section.ts"
import type { Counts, Sharing } from "./window.ts"
import { noCounts } from "./window.ts"

/** The counts of one slice of time, and the slice's number. */
interface Bucket extends Counts {
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
export const empty: Buckets = {
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

// Without `past`: a bucket must not hold on to the windows before it.
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
 * A row is a slice of time. A process counts in slices of its own clock, and those of the store begin at other instants:
 * `Section.shift` puts a slice into the one in which it begins. So what several processes count together never counts too
 * long, and is forgotten up to one slice earlier than in a window of one process.
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

/** The calls that each bucket has beyond the same bucket of an earlier window. */
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

/** The window that ends with the latest of these rows. */
const windowOf = (rows: ReadonlyArray<Section.Row>, buckets: number): Buckets => {
  const all = rows.map(([index, calls, failures, slow]) => ({ index, calls, failures, slow }))
  if (all.length === 0) return empty
  const index = all.reduce((latest, it) => Math.max(latest, it.index), -Infinity)
  const past = pastOf(all.filter((it) => it.index < index && it.index > index - buckets))
  const { calls, failures, slow } = pastOf(all.filter((it) => it.index === index))
  return { index, calls, failures, slow, past }
}
