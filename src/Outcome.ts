/**
 * The verdict on one call: what a breaker makes of the exit of a protected effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import type { Predicate } from "effect/Predicate"

/**
 * `Success` and `Failure` count; `Ignored` says nothing about the dependency and counts nowhere.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Success | Failure | Ignored

/**
 * @since 0.1.0
 * @category models
 */
export interface Success {
  readonly _tag: "Success"
}

/**
 * `retryAfter` is the dependency's own word on when to come back. On the failure that opens the circuit it can
 * lengthen that opening, up to the breaker's `maxOpenDuration`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly _tag: "Failure"
  readonly retryAfter?: Duration.Duration | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Ignored {
  readonly _tag: "Ignored"
}

/**
 * The dependency did well.
 *
 * @since 0.1.0
 * @category constructors
 */
export const success: Success = { _tag: "Success" }

/**
 * The call says nothing about the dependency: it is in no window, and a probe gives its slot back and neither closes nor
 * opens the circuit.
 *
 * **Gotchas**
 *
 * A circuit whose probes are all Ignored stays HalfOpen. Where an error shows that the dependency is well, classify it as
 * {@link success}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ignored: Ignored = { _tag: "Ignored" }

const plainFailure: Failure = { _tag: "Failure" }

/**
 * The dependency did badly. `retryAfter` is how long it asked to be left alone, if it did.
 *
 * @example
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
    : { _tag: "Failure", retryAfter: Duration.decode(options.retryAfter) }

/**
 * The default classifier: a success is a `Success`, an exit that is only interruption is `Ignored`, and everything
 * else, defects too, is a `Failure`.
 *
 * @since 0.1.0
 * @category classifiers
 */
export const fromExit = (exit: Exit.Exit<unknown, unknown>): Outcome =>
  exit._tag === "Success" ? success : Cause.isInterruptedOnly(exit.cause) ? ignored : plainFailure

/**
 * A classifier for which a typed error is a `Failure` only if `predicate` holds for it; other typed errors are
 * `Ignored`, where many other libraries take them for successes. Successes, defects and interruption are judged as by
 * {@link fromExit}.
 *
 * @example
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
export const failWhen =
  <E>(predicate: Predicate<E>) =>
  <A>(exit: Exit.Exit<A, E>): Outcome => {
    if (exit._tag === "Success") return success
    if (Cause.isInterruptedOnly(exit.cause)) return ignored
    if (Cause.isDie(exit.cause)) return plainFailure
    for (const error of Cause.failures(exit.cause)) {
      if (predicate(error)) return plainFailure
    }
    return ignored
  }

/**
 * The reverse of {@link failWhen}: a typed error for which `predicate` holds is `Ignored`, every other is a `Failure`.
 *
 * @example
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
export const ignoreWhen = <E>(predicate: Predicate<E>): (<A>(exit: Exit.Exit<A, E>) => Outcome) =>
  failWhen((error) => !predicate(error))
