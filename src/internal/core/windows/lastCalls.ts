import * as Rows from "./rows.ts"
import * as Sections from "./section.ts"
import type { Counts, Sharing } from "./window.ts"

/**
 * The latest `size` calls in a ring. `next` is the place that is written next, and `marks` has two bits per place:
 * failed and slow.
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
export const empty: LastCalls = { calls: 0, failures: 0, slow: 0, next: 0, marks: Rows.empty }

/** @internal */
export const record = (window: LastCalls, size: number, failed: boolean, slow: boolean): LastCalls => {
  const mark = (failed ? failedBit : 0) | (slow ? slowBit : 0)
  // A full ring of unmarked calls is the same wherever it begins, so it need not be copied.
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

/**
 * The latest calls of one of several processes, and the number of all calls that it has recorded. That number tells how
 * many of the latest calls are not reported yet.
 *
 * @internal
 */
export interface NumberedCalls {
  readonly ring: LastCalls
  readonly recorded: number
}

/** @internal */
export const none: NumberedCalls = { ring: empty, recorded: 0 }

/** @internal */
export const recordNumbered = (
  { recorded, ring }: NumberedCalls,
  size: number,
  failed: boolean,
  slow: boolean
): NumberedCalls => ({ ring: record(ring, size, failed, slow), recorded: recorded + 1 })

/**
 * A row holds the calls of one report, at most `size`, at the time of the report. A shared window has at least the
 * latest `size` calls of all processes. It has more if only a part of its oldest row is needed, or while older rows are
 * kept for processes that have not seen them. A rate is the share among all calls of the window.
 *
 * @internal
 */
export const sharing = (size: number): Sharing<NumberedCalls> => ({
  layouts: (freshMillis) => [{ unitMillis: 1, span: Infinity, enough: size, freshMillis, parts: 10 }],
  difference: (window, reported, now) => {
    const { calls, failures, slow } = latest(window.ring, size, window.recorded - reported.recorded)
    return [{ floor: -Infinity, rows: calls > 0 ? [[now, calls, failures, slow]] : [] }]
  },
  gather: ([section = Sections.empty]) => {
    const sum = { calls: 0, failures: 0, slow: 0 }
    for (const [, calls, failures, slow] of section.rows) {
      sum.calls += calls
      sum.failures += failures
      sum.slow += slow
    }
    return { ring: { ...empty, ...sum }, recorded: sum.calls }
  }
})

/** The counts of the latest `calls` calls, or of all calls in the ring if it has fewer. */
const latest = (ring: LastCalls, size: number, calls: number): Counts => {
  if (calls >= ring.calls) return ring
  const counts = { calls, failures: 0, slow: 0 }
  for (let i = 1; i <= calls; i++) {
    const mark = markAt(ring.marks, (ring.next - i + size) % size)
    counts.failures += mark & failedBit
    counts.slow += (mark & slowBit) / slowBit
  }
  return counts
}

const markAt = (marks: Rows.Rows, place: number): number =>
  (Rows.get(marks, Math.floor(place / placesPerWord)) >>> ((place % placesPerWord) * 2)) & 3
