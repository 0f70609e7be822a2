import type { Counts, Sharing } from "../windows/window.ts"

/**
 * A finished call. An `Ignored` call reaches a policy only if it was interrupted, and counts only if it was slow.
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
 * A value that a policy compares with a threshold: a number of calls, or a share of them from 0 to 1.
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
 * A compiled trip policy: pure functions over its window.
 *
 * @internal
 */
export interface Policy<W> {
  readonly initial: W
  /** Returns the same window if the call changes nothing. */
  record(window: W, call: Call): W
  trips(window: W, now: number): boolean
  counts(window: W, now: number): Counts
  /** Names the policy that tripped, with its figures. It is called only for a window that trips. */
  describe(window: W, now: number): string
  /**
   * The figures of a window. The policy trips when all of them reach their thresholds. A combination has none of its
   * own.
   */
  figures(window: W, now: number): ReadonlyArray<Figure>
  /** The policies of a combination, and how many of them have to trip. Its window is the list of their windows. */
  readonly parts?: { readonly needed: "any" | "all"; readonly policies: ReadonlyArray<Policy<unknown>> }
  /** The checked options as plain data. Two processes have the same policy if the JSON of this is equal. */
  readonly data: PolicyData
  /** The lengths of its time windows in milliseconds; infinity for a window in which nothing expires. */
  readonly spans: ReadonlyArray<number>
  /** Whether this library wrote all of its functions. */
  readonly isBuiltIn: boolean
  /** Whether a success has to carry its time. If not, a call of a healthy circuit does not read the clock. */
  readonly timesSuccesses: boolean
  /** Whether calls have to carry their duration. */
  readonly measuresElapsed: boolean
  /** Whether an interrupted call may count. */
  readonly countsInterrupted: boolean
  /** The duration from which a call is slow, which fails a probe; infinity if the policy measures no durations. */
  readonly slowerThanMillis: number
}

/** @internal */
export interface PolicyData {
  /** The tag of its kind. */
  readonly _tag: string
}

/**
 * A policy whose window is spread over several processes.
 *
 * @internal
 */
export interface SharedPolicy<W> extends Policy<W>, Sharing<W> {}

/**
 * Makes the shared form of a policy from its data. The file of a policy exports this function next to the policy, which
 * does not refer to it, so that only a program with a store bundles it.
 *
 * @internal
 */
export type Share = Shareable["share"]

/** A method, whose parameters are bivariant, so that the file of a policy can declare the type of its own data. */
interface Shareable {
  share(data: PolicyData, shareAny: ShareAny): SharedPolicy<unknown> | undefined
}

/**
 * Makes the shared form of any policy from its data. The result is `undefined` for a custom policy, because only its
 * author knows how to add up two of its states.
 *
 * @internal
 */
export type ShareAny = (data: PolicyData) => SharedPolicy<unknown> | undefined

/**
 * Applies the decisions of a policy to a part of a larger window.
 *
 * @internal
 */
export const decidingBy = <W, Part>(
  policy: Policy<Part>,
  partOf: (window: W) => Part
): Omit<Policy<W>, "initial" | "record"> => ({
  ...policy,
  trips: (window, now) => policy.trips(partOf(window), now),
  counts: (window, now) => policy.counts(partOf(window), now),
  describe: (window, now) => policy.describe(partOf(window), now),
  figures: (window, now) => policy.figures(partOf(window), now)
})

/**
 * The properties of built-in policies that need only the outcome of a call, and the time of a failure.
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
