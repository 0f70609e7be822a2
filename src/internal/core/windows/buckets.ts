import * as Sections from "./section.ts"
import type { Counts, Sharing } from "./window.ts"
import { noCounts } from "./window.ts"

/** The counts of one slice of time, and the number of the slice. */
interface Bucket extends Counts {
  readonly index: number
}

/** Buckets in rows, oldest first, and their sums. Adding a bucket copies one row and the list of rows. */
interface Past extends Counts {
  readonly rows: ReadonlyArray<ReadonlyArray<Bucket>>
}

const rowLength = 64

const noPast: Past = { rows: [], calls: 0, failures: 0, slow: 0 }

/**
 * Counts per slice of time. The current bucket is the window itself, so that recording copies one small object. The
 * earlier buckets are in `past`.
 *
 * @internal
 */
export interface Buckets extends Bucket {
  readonly past: Past
}

/** @internal */
export const empty: Buckets = { index: 0, calls: 0, failures: 0, slow: 0, past: noPast }

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
  return {
    index,
    calls: 0,
    failures: 0,
    slow: 0,
    past: youngerThan(index - buckets, added(window.past, window))
  }
}

const added = (past: Past, bucket: Bucket): Past => {
  if (bucket.calls === 0) return past
  const { rows } = past
  const last = rows.at(-1)
  const own = bucketOf(bucket)
  return {
    rows:
      last === undefined || last.length === rowLength
        ? [...rows, [own]]
        : rows.with(rows.length - 1, [...last, own]),
    calls: past.calls + bucket.calls,
    failures: past.failures + bucket.failures,
    slow: past.slow + bucket.slow
  }
}

/** The buckets with an index above `expired`. Only the oldest row that stays can have others, too. */
const youngerThan = (expired: number, past: Past): Past => {
  const { rows } = past
  if (rows.length === 0 || rows[0]![0]!.index > expired) return past
  const first = rows.findIndex((row) => row.at(-1)!.index > expired)
  if (first === -1) return noPast
  const oldest = rows[first]!
  const kept = oldest.filter((bucket) => bucket.index > expired)
  const dropped = sumOf([...rows.slice(0, first).flat(), ...oldest.slice(0, oldest.length - kept.length)])
  return {
    rows: [kept, ...rows.slice(first + 1)],
    calls: past.calls - dropped.calls,
    failures: past.failures - dropped.failures,
    slow: past.slow - dropped.slow
  }
}

const pastOf = (buckets: ReadonlyArray<Bucket>): Past => ({
  rows: Array.from({ length: Math.ceil(buckets.length / rowLength) }, (_, i) =>
    buckets.slice(i * rowLength, (i + 1) * rowLength).map(bucketOf)
  ),
  ...sumOf(buckets)
})

const sumOf = (buckets: ReadonlyArray<Bucket>): Counts => {
  const sum = { calls: 0, failures: 0, slow: 0 }
  for (const { calls, failures, slow } of buckets) {
    sum.calls += calls
    sum.failures += failures
    sum.slow += slow
  }
  return sum
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
 * A row is a slice of time. The slices of a process and those of the store begin at different times, so `Sections.shift`
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
  gather: ([section = Sections.empty]) => windowOf(section.rows, buckets)
})

/** The calls of each bucket that the same bucket of an earlier window does not have. */
const newCalls = (window: Buckets, earlier: Buckets): ReadonlyArray<Sections.Row> => {
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
const bucketsOf = (window: Buckets): ReadonlyArray<Bucket> => [...window.past.rows.flat(), window]

/** The window whose current bucket is the latest of the rows. */
const windowOf = (rows: ReadonlyArray<Sections.Row>, buckets: number): Buckets => {
  const all = rows.map(([index, calls, failures, slow]) => ({ index, calls, failures, slow }))
  if (all.length === 0) return empty
  const index = all.reduce((latest, it) => Math.max(latest, it.index), -Infinity)
  const past = pastOf(all.filter((it) => it.index < index && it.index > index - buckets))
  const { calls, failures, slow } = sumOf(all.filter((it) => it.index === index))
  return { index, calls, failures, slow, past }
}
