import type { Counts, Sharing } from "../windows/window.ts"

/**
 * One finished call. An `Ignored` one reaches a policy only if it was interrupted, and then counts only if it was slow.
 *
 * @internal
 */
export interface Call {
  readonly outcome: { readonly _tag: "Success" | "Failure" | "Ignored" }
  readonly interrupted: boolean
  readonly at: number
  readonly elapsedMillis: number
}

/**
 * Something that a policy looks at: a number of calls, or a share of them from 0 to 1.
 *
 * @internal
 */
export interface Figure {
  /** The name of the figure, such as `failures in a row`. */
  readonly what: string
  readonly value: number
  readonly threshold: number
  readonly unit: "Count" | "Share"
}

/**
 * A trip policy ready to run: pure functions over a window of its own kind.
 *
 * @internal
 */
export interface Policy<W> {
  readonly initial: W
  /** Returns the same window where the call changes nothing. */
  record(window: W, call: Call): W
  trips(window: W, now: number): boolean
  counts(window: W, now: number): Counts
  /** Which policy has tripped, and by which figures; asked of a window that trips. */
  describe(window: W, now: number): string
  /** The counts of a window with their thresholds. The policy trips when all are reached. A combination has none. */
  figures(window: W, now: number): ReadonlyArray<Figure>
  /** The policies that a combination is made of, and how many of them have to trip. Its window is a list of theirs. */
  readonly parts?: { readonly needed: "any" | "all"; readonly policies: ReadonlyArray<Policy<unknown>> }
  /** The policy as plain data, checked: two processes go by the same policy where the text of this is the same. */
  readonly data: object
  /** The lengths of its time windows in milliseconds; infinity for a window in which nothing expires. */
  readonly spans: ReadonlyArray<number>
  /** Whether all of its functions are this library's own. */
  readonly isBuiltIn: boolean
  /** Whether a success has to carry its time: without it, a healthy call needs no clock. */
  readonly timesSuccesses: boolean
  /** Whether calls have to carry how long they ran. */
  readonly measuresElapsed: boolean
  /** Whether an interrupted call may count. */
  readonly countsInterrupted: boolean
  /** A call that runs this long counts as slow, and fails as a probe; infinity where the policy does not look at that. */
  readonly slowerThanMillis: number
  /**
   * The same policy over windows of several processes; none for a program's own policy, because only its author knows
   * what two of its states make together.
   */
  share(): SharedPolicy<unknown> | undefined
}

/**
 * A policy whose window is spread over several processes.
 *
 * @internal
 */
export interface SharedPolicy<W> extends Policy<W>, Sharing<W> {}

/**
 * The properties of policies of this library that need only the outcome of a call, and the time of a failure.
 *
 * @internal
 */
export const needsOutcomes = {
  isBuiltIn: true,
  timesSuccesses: false,
  measuresElapsed: false,
  countsInterrupted: false,
  slowerThanMillis: Infinity
}
