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
  /** The window of all processes: this one's own, and what the others contribute. */
  merge(window: W, others: ReadonlyArray<Contribution>, now: number, ahead: number): W
}
