import * as Rows from "./rows.ts"
import type { Counts, Sharing } from "./window.ts"
import { areCounts } from "./window.ts"

/**
 * The latest `size` calls in a ring: `next` is the place to be written next, `marks` holds two bits a place, failed
 * and slow.
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

/**
 * Each process contributes the counts of its own latest calls, and the merged window holds their sum.
 *
 * @internal
 */
export const sharing: Sharing<LastCalls> = {
  contribution: ({ calls, failures, slow }) => [calls, failures, slow],
  accepts: ([calls, failures, slow, ...more]) => more.length === 0 && areCounts(calls, failures, slow),
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
