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
  readonly data: PolicyData
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
 * Makes the shared form of a policy from its data. A policy's file exports it beside the policy, which does not refer to it,
 * so that only a program with a store bundles it.
 *
 * @internal
 */
export type Share = Shareable["share"]

/** The type is that of a method, so that a policy's file can name the type of its own data. */
interface Shareable {
  share(data: PolicyData, shareAny: ShareAny): SharedPolicy<unknown> | undefined
}

/**
 * The same for the data of any policy. It is `undefined` for a custom policy, because only its author knows how to add up two
 * of its states.
 *
 * @internal
 */
export type ShareAny = (data: PolicyData) => SharedPolicy<unknown> | undefined

/**
 * The decisions of a policy over a part of a larger window.
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
