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

/**
 * What one process reports of its window to the others: plain numbers.
 *
 * @internal
 */
export type Contribution = ReadonlyArray<number | Contribution>

/**
 * How the windows of several processes are put together. Times in a contribution are read off a clock that all of the
 * processes share: `ahead` is by how many milliseconds that clock is ahead of the process's own.
 *
 * @internal
 */
export interface Sharing<W> {
  contribution(window: W, now: number, ahead: number): Contribution
  /** Whether a list of numbers is a contribution to such a window. */
  accepts(contribution: Contribution): boolean
  /** The window of all processes: this one's own, and what the others contribute. */
  merge(window: W, others: ReadonlyArray<Contribution>, now: number, ahead: number): W
}

/**
 * Whether three numbers count calls, and some of them as failed and slow.
 *
 * @internal
 */
export const areCounts = (calls: unknown, failures: unknown, slow: unknown): boolean =>
  isCount(calls, Infinity) && isCount(failures, calls) && isCount(slow, calls)

const isCount = (count: unknown, most: number): count is number =>
  typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= most

/** @internal */
export const areTimes = (contribution: Contribution): contribution is ReadonlyArray<number> =>
  contribution.every((it) => typeof it === "number")
