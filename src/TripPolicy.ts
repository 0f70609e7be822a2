/**
 * When a Closed circuit opens: a policy decides from the outcomes of calls.
 *
 * Policies are plain data. A value out of range is refused when a breaker is made with it, with an error that names
 * the option, the value and the range. All bounds are inclusive.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import type { Kind } from "./internal/core/policies/kind.ts"
import * as table from "./internal/core/policies/table.ts"
import { readPolicy } from "./internal/options/tripPolicyConfig.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * @since 0.1.0
 * @category models
 */
export type TripPolicy = Consecutive | FailureCount | FailureRate | SlowCallRate | AnyOf | AllOf | Custom

/**
 * @since 0.1.0
 * @category models
 */
export interface Consecutive {
  readonly _tag: "Consecutive"
  readonly failures: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FailureCount extends FailureCountOptions {
  readonly _tag: "FailureCount"
}

/**
 * @since 0.1.0
 * @category options
 */
export interface FailureCountOptions {
  /** How many failures open the circuit; an integer of at least 1. */
  readonly failures: number
  /** How long a failure counts; positive, may be infinite: then it counts until the next close. */
  readonly within: Duration.DurationInput
}

/**
 * The calls a rate looks at: those of a span of time, or the latest so many.
 *
 * @since 0.1.0
 * @category options
 */
export interface RateWindow {
  /** How long a call counts; positive and finite. Either this or `calls`. */
  readonly within?: Duration.DurationInput | undefined
  /** How many slices the time is counted in (default 10). A call is forgotten at most one slice before `within`. */
  readonly buckets?: number | undefined
  /** How many of the latest calls count; an integer of at least 1. Either this or `within`. */
  readonly calls?: number | undefined
  /**
   * The fewest calls in the window that can open the circuit. The default is `calls`; over time it is 10, or 1 where
   * `minimumFailures` is given.
   */
  readonly minimumCalls?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface FailureRateOptions extends RateWindow {
  /** The share of failures that opens the circuit; above 0 and at most 1. */
  readonly threshold: number
  /** The fewest failures in the window that can open the circuit (default 1). */
  readonly minimumFailures?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FailureRate extends FailureRateOptions {
  readonly _tag: "FailureRate"
}

/**
 * @since 0.1.0
 * @category options
 */
export interface SlowCallRateOptions extends RateWindow {
  /** How long a call has to run to count as slow; positive and finite. */
  readonly slowerThan: Duration.DurationInput
  /** The share of slow calls that opens the circuit; above 0 and at most 1. */
  readonly threshold: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SlowCallRate extends SlowCallRateOptions {
  readonly _tag: "SlowCallRate"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface AnyOf {
  readonly _tag: "AnyOf"
  readonly policies: ReadonlyArray<TripPolicy>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface AllOf {
  readonly _tag: "AllOf"
  readonly policies: ReadonlyArray<TripPolicy>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Custom extends CustomOptions<unknown> {
  readonly _tag: "Custom"
}

/**
 * One finished call, as a custom policy sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  /** A `Success` or a `Failure`; an `Ignored` one never reaches a policy. */
  readonly outcome: Outcome
  /** When it ended, in milliseconds of a clock that never runs backwards; only differences mean something. */
  readonly at: number
  readonly elapsedMillis: number
}

/**
 * @since 0.1.0
 * @category options
 */
export interface CustomOptions<State> {
  /** The window of a circuit that has just closed. */
  readonly initial: State
  /** The window after one more call; a new value, never the old one changed. */
  record(state: State, call: Call): State
  /** Whether to open, asked when a call has changed the state; `now` is read off the same clock as `call.at`. */
  trips(state: State, now: number): boolean
}

/**
 * Opens on the n-th failure in a row. A success starts the count over.
 *
 * @since 0.1.0
 * @category constructors
 */
export const consecutive = (failures: number): TripPolicy => ({ _tag: "Consecutive", failures })

/**
 * Opens on the n-th failure within a span of time, exact to the millisecond. Successes do not matter.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * TripPolicy.failureCount({ failures: 4, within: "60 seconds" })
 * // the total since the circuit last closed
 * TripPolicy.failureCount({ failures: 3, within: Infinity })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const failureCount = (options: FailureCountOptions): TripPolicy => ({
  _tag: "FailureCount",
  ...options
})

/**
 * Opens when the share of failures in the window reaches `threshold`. A rate without a failure never opens.
 *
 * Over time, a call older than `within` never counts, and one younger than `within - within / buckets` always does.
 *
 * **Gotchas**
 *
 * A success can be the call that opens: the one with which `minimumCalls` is reached.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * // over time
 * TripPolicy.failureRate({ threshold: 0.1, within: "120 seconds", minimumFailures: 5 })
 * // over the latest calls
 * TripPolicy.failureRate({ threshold: 0.5, calls: 100 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const failureRate = (options: FailureRateOptions): TripPolicy => ({ _tag: "FailureRate", ...options })

/**
 * Opens when the share of calls that ran at least `slowerThan` reaches `threshold`. A call that was interrupted after
 * running that long counts too, so a dependency that hangs behind an outer timeout opens the circuit.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 0.5, within: "30 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const slowCallRate = (options: SlowCallRateOptions): TripPolicy => ({
  _tag: "SlowCallRate",
  ...options
})

/**
 * Opens when any of the policies does. Each keeps its own window.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * TripPolicy.anyOf(
 *   TripPolicy.consecutive(5),
 *   TripPolicy.failureRate({ threshold: 0.2, within: "1 minute", minimumCalls: 50 })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const anyOf = (...policies: ReadonlyArray<TripPolicy>): TripPolicy => ({ _tag: "AnyOf", policies })

/**
 * Opens when all of the policies say so at the same time. Each keeps its own window.
 *
 * A probe counts as slow if it ran as long as the most patient of the slow-call policies among them asks for.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * // a high share of failures, and many of them
 * TripPolicy.allOf(
 *   TripPolicy.failureRate({ threshold: 0.5, calls: 20 }),
 *   TripPolicy.failureCount({ failures: 10, within: "1 minute" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const allOf = (...policies: ReadonlyArray<TripPolicy>): TripPolicy => ({ _tag: "AllOf", policies })

/**
 * A policy of your own: a window and two pure functions. If one of them throws, the call's own exit still reaches its
 * caller, the call is not counted, and the defect is logged once.
 *
 * @example
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * // opens on a failure that asks for a pause, however rare failures are
 * TripPolicy.make({
 *   initial: false,
 *   record: (asked: boolean, { outcome }) =>
 *     asked || (outcome._tag === "Failure" && outcome.retryAfter !== undefined),
 *   trips: (asked) => asked
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <State>(options: CustomOptions<State>): TripPolicy =>
  // Only this policy's own states ever reach its functions.
  ({ _tag: "Custom", ...(options as CustomOptions<unknown>) })

/**
 * Reads a policy from configuration. `TYPE` is one of `consecutive`, `failureCount`, `failureRate` and `slowCallRate`;
 * the other keys are the policy's options: `FAILURES`, `WITHIN`, `THRESHOLD`, `CALLS`, `MINIMUM_CALLS`,
 * `MINIMUM_FAILURES`, `BUCKETS`, `SLOWER_THAN`. With a `name`, all of them lie below it: in the environment, the type of
 * `TripPolicy.config("TRIP")` is the variable `TRIP_TYPE`. An option that its type needs and that is not there is missing
 * data, and one out of range invalid data.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Effect from "effect/Effect"
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * const provider = ConfigProvider.fromMap(
 *   new Map([
 *     ["TRIP.TYPE", "failureCount"],
 *     ["TRIP.FAILURES", "4"],
 *     ["TRIP.WITHIN", "60 seconds"]
 *   ])
 * )
 * const policy = Effect.runSync(Effect.withConfigProvider(TripPolicy.config("TRIP"), provider))
 *
 * assert.strictEqual(policy._tag, "FailureCount")
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const config = (name?: string): Config.Config<TripPolicy> => {
  // What is read has been decoded as a policy, and a policy is what the constructors make.
  const read = readPolicy(kinds) as Config.Config<TripPolicy>
  return name === undefined ? read : Config.nested(read, name)
}

/** Of each policy, the file that knows what its options mean: the compiler says so if one of them is not known there. */
const kinds: { readonly [Tag in TripPolicy["_tag"]]: Kind<OptionsOf<Tag>> } = table.kinds

type OptionsOf<Tag extends TripPolicy["_tag"]> = Exclude<
  keyof Extract<TripPolicy, { readonly _tag: Tag }> & string,
  "_tag"
>
