/**
 * Policies that decide, from the outcomes of calls, when a Closed circuit opens.
 *
 * **Details**
 *
 * | policy               | opens on                                                    |
 * | -------------------- | ----------------------------------------------------------- |
 * | {@link consecutive}  | a number of failures in a row                               |
 * | {@link failureCount} | a number of failures within a time                          |
 * | {@link failureRate}  | a share of failures, within a time or of the latest calls   |
 * | {@link slowCallRate} | a share of slow calls, within a time or of the latest calls |
 * | {@link anyOf}        | the decision of one of several policies                     |
 * | {@link allOf}        | the decision of all of several policies at the same time    |
 * | {@link make}         | the decision of a function of your own                      |
 *
 * A policy is an object of its options. It also carries the code of its kind, so a program bundles only the policies
 * that it uses. All bounds are inclusive.
 *
 * **Gotchas**
 *
 * The constructors do not check their options. A breaker refuses an option out of range when it is made, with an error
 * that names the option, the received value and the allowed range.
 *
 * A policy cannot be written as a literal or read from JSON, because its code would be missing. {@link config} reads
 * one from configuration.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import { kind as allOfKind } from "./internal/core/policies/allOf.ts"
import { kind as anyOfKind } from "./internal/core/policies/anyOf.ts"
import { kind as consecutiveKind } from "./internal/core/policies/consecutive.ts"
import { kind as customKind } from "./internal/core/policies/custom.ts"
import { kind as failureCountKind } from "./internal/core/policies/failureCount.ts"
import { kind as failureRateKind } from "./internal/core/policies/failureRate.ts"
import type { Kind, OfKind } from "./internal/core/policies/kind.ts"
import { kindKey } from "./internal/core/policies/kind.ts"
import { kind as slowCallRateKind } from "./internal/core/policies/slowCallRate.ts"
import * as table from "./internal/core/policies/table.ts"
import { readPolicy } from "./internal/options/tripPolicyConfig.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * A policy that decides when a Closed circuit opens.
 *
 * @since 0.1.0
 * @category models
 */
export type TripPolicy = Consecutive | FailureCount | FailureRate | SlowCallRate | AnyOf | AllOf | Custom

/**
 * A policy made by {@link consecutive}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Consecutive extends OfKind<"failures"> {
  readonly _tag: "Consecutive"
  readonly failures: number
}

/**
 * A policy made by {@link failureCount}.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailureCount extends FailureCountOptions, OfKind<keyof FailureCountOptions> {
  readonly _tag: "FailureCount"
}

/**
 * A policy made by {@link failureRate}.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailureRate extends FailureRateOptions, OfKind<keyof FailureRateOptions> {
  readonly _tag: "FailureRate"
}

/**
 * A policy made by {@link slowCallRate}.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlowCallRate extends SlowCallRateOptions, OfKind<keyof SlowCallRateOptions> {
  readonly _tag: "SlowCallRate"
}

/**
 * A policy made by {@link anyOf}.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnyOf extends OfKind<"policies"> {
  readonly _tag: "AnyOf"
  readonly policies: ReadonlyArray<TripPolicy>
}

/**
 * A policy made by {@link allOf}.
 *
 * @since 0.1.0
 * @category models
 */
export interface AllOf extends OfKind<"policies"> {
  readonly _tag: "AllOf"
  readonly policies: ReadonlyArray<TripPolicy>
}

/**
 * A policy made by {@link make}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Custom extends CustomOptions<unknown>, OfKind<keyof CustomOptions<unknown>> {
  readonly _tag: "Custom"
}

/**
 * A finished call, as a custom policy receives it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  /** The outcome: a `Success` or a `Failure`. An `Ignored` call is not recorded. */
  readonly outcome: Outcome
  /** The time at which the call ended, in milliseconds of a monotonic clock. Only differences are meaningful. */
  readonly at: number
  /** The duration of the call in milliseconds. */
  readonly elapsedMillis: number
}

/**
 * Options of {@link failureCount}.
 *
 * @since 0.1.0
 * @category options
 */
export interface FailureCountOptions {
  /** The number of failures that opens the circuit (an integer of at least 1). */
  readonly failures: number
  /**
   * The time for which a failure counts (above 0). If it is infinite, a failure counts until the circuit next closes.
   */
  readonly within: Duration.DurationInput
}

/**
 * Options for the window of a rate: the calls within a time, or a number of the latest calls.
 *
 * **Gotchas**
 *
 * Give either `within` or `calls`.
 *
 * @since 0.1.0
 * @category options
 */
export interface RateWindow {
  /** The time for which a call counts (above 0 and finite). */
  readonly within?: Duration.DurationInput | undefined
  /**
   * The number of buckets into which the time is divided (default 10; an integer of at least 1). A call may expire up
   * to one bucket early.
   */
  readonly buckets?: number | undefined
  /** The number of latest calls that count (an integer of at least 1). */
  readonly calls?: number | undefined
  /**
   * The smallest number of calls in the window that can open the circuit (an integer of at least 1, and at most
   * `calls`). The default is `calls`. With `within` it is 10, or 1 if `minimumFailures` is given.
   */
  readonly minimumCalls?: number | undefined
}

/**
 * Options of {@link failureRate}.
 *
 * @since 0.1.0
 * @category options
 */
export interface FailureRateOptions extends RateWindow {
  /** The share of failures that opens the circuit (above 0 and at most 1). */
  readonly threshold: number
  /**
   * The smallest number of failures in the window that can open the circuit (default 1; an integer of at least 1, and
   * at most `calls`).
   */
  readonly minimumFailures?: number | undefined
}

/**
 * Options of {@link slowCallRate}.
 *
 * @since 0.1.0
 * @category options
 */
export interface SlowCallRateOptions extends RateWindow {
  /** The duration from which a call counts as slow (above 0 and finite). */
  readonly slowerThan: Duration.DurationInput
  /** The share of slow calls that opens the circuit (above 0 and at most 1). */
  readonly threshold: number
}

/**
 * Options of {@link make}: the functions of a custom policy.
 *
 * **Gotchas**
 *
 * Several circuits may share a state, so `record` has to return a new one instead of changing it.
 *
 * @since 0.1.0
 * @category options
 */
export interface CustomOptions<State> {
  /** The state of a circuit that has just closed. */
  readonly initial: State
  /** Returns the state after one more call. */
  record(state: State, call: Call): State
  /**
   * Whether the circuit opens. It is called after each recorded call, even if the state is the same. `now` is a time of
   * the same clock as `call.at`.
   */
  trips(state: State, now: number): boolean
}

/**
 * Opens on a number of failures in a row.
 *
 * **When to use**
 *
 * Use it for a dependency that either works or does not. It is the default policy, with 5 failures.
 *
 * **Details**
 *
 * A success resets the count. Calls count in the order in which they end.
 *
 * **Example** (The third failure in a row)
 *
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * TripPolicy.consecutive(3)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const consecutive = (failures: number): TripPolicy => ({
  _tag: "Consecutive",
  [kindKey]: consecutiveKind,
  failures
})

/**
 * Opens on a number of failures within a time.
 *
 * **When to use**
 *
 * Use it if a few failures are too many, however many calls succeed between them.
 *
 * **Details**
 *
 * The window slides and is exact to the millisecond. Successes do not count.
 *
 * **Example** (Failures within a minute, and failures in total)
 *
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
  [kindKey]: failureCountKind,
  ...options
})

/**
 * Opens when the share of failures reaches a threshold.
 *
 * **When to use**
 *
 * Use `within` for steady traffic. Use `calls` for traffic that varies much, where a time would have too few calls.
 *
 * **Details**
 *
 * With `within`, a call that is older than `within` never counts, and one that is younger than
 * `within - within / buckets` always counts. A rate without a failure never opens.
 *
 * **Gotchas**
 *
 * A success can open the circuit, if it is the call that completes `minimumCalls`.
 *
 * **Example** (A rate over a time, and over the latest calls)
 *
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
export const failureRate = (options: FailureRateOptions): TripPolicy => ({
  _tag: "FailureRate",
  [kindKey]: failureRateKind,
  ...options
})

/**
 * Opens when the share of slow calls reaches a threshold.
 *
 * **When to use**
 *
 * Use it for a dependency that becomes slow instead of failing.
 *
 * **Details**
 *
 * - A call is slow if it ran at least `slowerThan`, whether it succeeded or failed. A call that was interrupted after
 *   that time counts too, so a dependency that hangs behind an outer timeout opens the circuit.
 * - A probe that is slow has failed.
 *
 * **Example** (Half of the calls within 30 seconds are slow)
 *
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
  [kindKey]: slowCallRateKind,
  ...options
})

/**
 * Opens when at least one of several policies does.
 *
 * **Details**
 *
 * Each policy has its own window.
 *
 * **Example** (Failures in a row, or a high rate)
 *
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
export const anyOf = (...policies: ReadonlyArray<TripPolicy>): TripPolicy => ({
  _tag: "AnyOf",
  [kindKey]: anyOfKind,
  policies
})

/**
 * Opens when all of several policies do at the same time.
 *
 * **Details**
 *
 * Each policy has its own window. A probe counts as slow if it ran at least as long as the longest `slowerThan` of the
 * policies.
 *
 * **Example** (A high rate that rests on many failures)
 *
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
 * TripPolicy.allOf(
 *   TripPolicy.failureRate({ threshold: 0.5, calls: 20 }),
 *   TripPolicy.failureCount({ failures: 10, within: "1 minute" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const allOf = (...policies: ReadonlyArray<TripPolicy>): TripPolicy => ({
  _tag: "AllOf",
  [kindKey]: allOfKind,
  policies
})

/**
 * Makes a custom policy from an initial state and two functions.
 *
 * **When to use**
 *
 * Use it if no other policy or combination of policies fits.
 *
 * **Gotchas**
 *
 * - If a function throws, the call's own exit still reaches its caller, the call does not count, and the defect is
 *   logged once per breaker.
 * - A breaker with such a policy cannot share its circuits through a store, because the states of several processes
 *   cannot be added up.
 *
 * **Example** (Opening on a failure that asks for a pause)
 *
 * ```ts
 * import { TripPolicy } from "effect-circuit-breaker"
 *
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
  // The functions are only called with states that they have returned themselves, or with `initial`.
  ({ _tag: "Custom", [kindKey]: customKind, ...(options as CustomOptions<unknown>) })

/**
 * Reads a policy from configuration.
 *
 * **Details**
 *
 * - `TYPE` is one of `consecutive`, `failureCount`, `failureRate` and `slowCallRate`.
 * - The other keys are the options of that policy: `FAILURES`, `WITHIN`, `THRESHOLD`, `CALLS`, `MINIMUM_CALLS`,
 *   `MINIMUM_FAILURES`, `BUCKETS` and `SLOWER_THAN`. A duration is a text such as `30 seconds`; `WITHIN` of a
 *   `failureCount` may be `Infinity`.
 * - A `name` is the path of all of them. In the environment, the type of `TripPolicy.config("TRIP")` is the variable
 *   `TRIP_TYPE`.
 *
 * **Gotchas**
 *
 * A missing required option is a `ConfigError` of missing data, and an option out of range is one of invalid data.
 *
 * **Example** (Reading a count of failures)
 *
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
  // The options were checked as those of a policy, and its kind was added to them.
  const read = readPolicy(kinds) as Config.Config<TripPolicy>
  return name === undefined ? read : Config.nested(read, name)
}

/** The kind of each policy. The type makes the compiler report an option that a kind does not know. */
const kinds: { readonly [Tag in TripPolicy["_tag"]]: Kind<OptionsOf<Tag>> } = table.kinds

type OptionsOf<Tag extends TripPolicy["_tag"]> = Exclude<
  keyof Extract<TripPolicy, { readonly _tag: Tag }> & string,
  "_tag"
>
