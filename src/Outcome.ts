/**
 * The verdict on one call: `Success`, `Failure` or `Ignored`.
 *
 * A classifier makes an outcome of the exit of a protected effect. It is the option `classify` of a breaker or of a
 * single call, and {@link fromExit} by default.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import type { Predicate } from "effect/Predicate"
import { callable, duration } from "./internal/options/checks.ts"

/**
 * The verdict on one call.
 *
 * **Details**
 *
 * `Success` and `Failure` count under the trip policy. `Ignored` says nothing about the dependency and counts under no
 * policy.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Success | Failure | Ignored

/**
 * The outcome of a call for which the dependency worked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Success {
  readonly _tag: "Success"
}

/**
 * The outcome of a call for which the dependency did not work.
 *
 * **Details**
 *
 * `retryAfter` is the time after which the dependency asked to be called again. If this failure opens the circuit, the
 * opening lasts at least that long, up to the breaker's `maxOpenDuration`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly _tag: "Failure"
  readonly retryAfter?: Duration.Duration | undefined
}

/**
 * The outcome of a call that says nothing about the dependency.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ignored {
  readonly _tag: "Ignored"
}

/**
 * The outcome `Success`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const success: Success = Object.freeze({ _tag: "Success" })

/**
 * The outcome `Ignored`.
 *
 * **Details**
 *
 * The call is in no window of a trip policy. A probe gives its slot back and neither closes nor reopens the circuit.
 * The one exception is a call that was interrupted: under `TripPolicy.slowCallRate` it counts as slow if it ran long
 * enough.
 *
 * **Gotchas**
 *
 * A circuit whose probes are all Ignored stays HalfOpen. If an error shows that the dependency works, classify it as
 * {@link success}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ignored: Ignored = Object.freeze({ _tag: "Ignored" })

const plainFailure: Failure = Object.freeze({ _tag: "Failure" })

/**
 * Makes the outcome `Failure`.
 *
 * **Details**
 *
 * `retryAfter` is the time after which the dependency asked to be called again, if it did.
 *
 * **Gotchas**
 *
 * Throws a `RangeError` if `retryAfter` is not a duration.
 *
 * **Example** (Passing on the delay that an error asks for)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Duration from "effect/Duration"
 * import * as Exit from "effect/Exit"
 * import { Outcome } from "effect-circuit-breaker"
 *
 * class Overloaded {
 *   readonly retryAfterSeconds = 20
 * }
 *
 * // for the option `classify` of a breaker or of a call
 * const classify = (exit: Exit.Exit<unknown, unknown>) =>
 *   Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error instanceof Overloaded
 *     ? Outcome.failure({ retryAfter: `${exit.cause.error.retryAfterSeconds} seconds` })
 *     : Outcome.fromExit(exit)
 *
 * assert.deepStrictEqual(classify(Exit.fail(new Overloaded())), {
 *   _tag: "Failure",
 *   retryAfter: Duration.seconds(20)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const failure = (options?: { readonly retryAfter?: Duration.DurationInput | undefined }): Failure =>
  options?.retryAfter === undefined
    ? plainFailure
    : { _tag: "Failure", retryAfter: duration("Outcome.failure: retryAfter", options.retryAfter) }

/**
 * The default classifier, for which every error and every defect is a failure.
 *
 * **Details**
 *
 * A success is a `Success`, an exit that is only interruption is `Ignored`, and every other exit is a `Failure`.
 *
 * **Example** (Classifying exits)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Exit from "effect/Exit"
 * import * as FiberId from "effect/FiberId"
 * import { Outcome } from "effect-circuit-breaker"
 *
 * assert.deepStrictEqual(Outcome.fromExit(Exit.succeed("charged")), Outcome.success)
 * assert.deepStrictEqual(Outcome.fromExit(Exit.fail("unavailable")), Outcome.failure())
 * assert.deepStrictEqual(Outcome.fromExit(Exit.die(new Error("a bug"))), Outcome.failure())
 * assert.deepStrictEqual(Outcome.fromExit(Exit.interrupt(FiberId.none)), Outcome.ignored)
 * ```
 *
 * @since 0.1.0
 * @category classifiers
 */
export const fromExit = (exit: Exit.Exit<unknown, unknown>): Outcome =>
  exit._tag === "Success" ? success : Cause.isInterruptedOnly(exit.cause) ? ignored : plainFailure

/**
 * Makes a classifier for which a typed error is a `Failure` only if `predicate` holds for it.
 *
 * **When to use**
 *
 * Use it if few of the effect's errors are faults of the dependency. Use {@link ignoreWhen} if most of them are.
 *
 * **Details**
 *
 * Other typed errors are `Ignored`. Successes, defects and interruption are classified as by {@link fromExit}. Of a
 * cause with several typed errors, one for which `predicate` holds is enough.
 *
 * **Gotchas**
 *
 * Many other libraries count an error that is no failure as a success, which can close a half-open circuit. Here it
 * does not.
 *
 * **Example** (Counting one error)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Exit from "effect/Exit"
 * import { Outcome } from "effect-circuit-breaker"
 *
 * const classify = Outcome.failWhen((error) => error === "unavailable")
 *
 * assert.deepStrictEqual(classify(Exit.fail("unavailable")), Outcome.failure())
 * assert.deepStrictEqual(classify(Exit.fail("not found")), Outcome.ignored)
 * ```
 *
 * @since 0.1.0
 * @category classifiers
 */
export const failWhen = <E>(predicate: Predicate<E>): (<A>(exit: Exit.Exit<A, E>) => Outcome) =>
  failures(callable("Outcome.failWhen: predicate", predicate))

const failures =
  <E>(isFailure: Predicate<E>) =>
  <A>(exit: Exit.Exit<A, E>): Outcome => {
    if (exit._tag === "Success") return success
    if (Cause.isInterruptedOnly(exit.cause)) return ignored
    if (Cause.isDie(exit.cause)) return plainFailure
    for (const error of Cause.failures(exit.cause)) {
      if (isFailure(error)) return plainFailure
    }
    return ignored
  }

/**
 * Makes a classifier for which a typed error is `Ignored` if `predicate` holds for it, and a `Failure` otherwise.
 *
 * **When to use**
 *
 * Use it if most of the effect's errors are faults of the dependency, and a few, such as "not found", are not. It is
 * the reverse of {@link failWhen}.
 *
 * **Example** (Ignoring one error)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Exit from "effect/Exit"
 * import { Outcome } from "effect-circuit-breaker"
 *
 * const classify = Outcome.ignoreWhen((error) => error === "not found")
 *
 * assert.deepStrictEqual(classify(Exit.fail("not found")), Outcome.ignored)
 * assert.deepStrictEqual(classify(Exit.fail("unavailable")), Outcome.failure())
 * ```
 *
 * @since 0.1.0
 * @category classifiers
 */
export const ignoreWhen = <E>(predicate: Predicate<E>): (<A>(exit: Exit.Exit<A, E>) => Outcome) => {
  const isIgnored = callable("Outcome.ignoreWhen: predicate", predicate)
  return failures((error) => !isIgnored(error))
}
