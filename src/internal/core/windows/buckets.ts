import type { Counts, Sharing } from "./window.ts"
import { areCounts } from "./window.ts"

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
 * Each process contributes its buckets in which there were calls, four numbers each: when the bucket begins, and its
 * counts.
 *
 * @internal
 */
export const sharing = (withinMillis: number, buckets: number): Sharing<Buckets> => ({
  contribution: (window, now, ahead) => {
    const { past, ...current } = roll(window, withinMillis, buckets, now)
    return [...past.buckets, current]
      .filter(({ calls }) => calls > 0)
      .flatMap(({ calls, failures, index, slow }) => [
        index * (withinMillis / buckets) + ahead,
        calls,
        failures,
        slow
      ])
  },
  accepts: (contribution) => {
    for (let i = 0; i < contribution.length; i += 4) {
      const [start, calls, failures, slow] = contribution.slice(i, i + 4)
      if (typeof start !== "number" || !areCounts(calls, failures, slow)) return false
    }
    return true
  },
  // A bucket of another process begins within one of this process's and ends in the next. It counts with the one in
  // which it begins, so that it never counts too long.
  merge: (window, others, now, ahead) => {
    const own = roll(window, withinMillis, buckets, now)
    const all: Array<Bucket> = [...own.past.buckets, own]
    for (const other of others) {
      for (let i = 0; i + 3 < other.length; i += 4) {
        const [start, calls, failures, slow] = other.slice(i, i + 4).map(Number)
        const index = Math.min(own.index, Math.floor(((start! - ahead) * buckets) / withinMillis))
        all.push({ index, calls: calls!, failures: failures!, slow: slow! })
      }
    }
    return windowOf(all, own.index, buckets)
  }
})

/** A window at `index` of buckets of several processes, some of them of the same slice. */
const windowOf = (all: ReadonlyArray<Bucket>, index: number, buckets: number): Buckets => {
  const kept = all.filter((it) => it.index > index - buckets)
  const past = pastOf(kept.filter((it) => it.index < index))
  const { calls, failures, slow } = pastOf(kept.filter((it) => it.index === index))
  return { index, calls, failures, slow, past }
}
