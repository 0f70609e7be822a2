import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import { refuseValue } from "../options/checks.ts"

/**
 * Uses the breaker that an adapter was given, or the one in the environment.
 *
 * @internal
 */
export const withBreaker = <A, E, R>(
  breaker: CircuitBreaker | undefined,
  f: (breaker: CircuitBreaker) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | CircuitBreaker> =>
  breaker === undefined ? Effect.flatMap(CircuitBreaker, f) : f(breaker)

/** @internal */
export const checkBreaker = (what: string, breaker: CircuitBreaker | undefined): CircuitBreaker | undefined =>
  breaker === undefined || Predicate.hasProperty(breaker, "protectWith")
    ? breaker
    : refuseValue(what, "a breaker, as CircuitBreaker.make gives it", breaker)

/**
 * `Retry-After` for a rejection, in whole seconds and at least one: a circuit that is HalfOpen or Recovering has no time
 * to name, and zero would be an invitation to hammer it. None for an isolated circuit, which only its keeper can free.
 *
 * @internal
 */
export const retryAfterSeconds = ({ retryAfter }: CircuitOpenError): number | undefined =>
  Duration.isFinite(retryAfter) ? Math.max(1, Math.ceil(Duration.toSeconds(retryAfter))) : undefined

/** @internal */
export const retryAfterHeader = (error: CircuitOpenError): Record<string, string> => {
  const seconds = retryAfterSeconds(error)
  return seconds === undefined ? {} : { "retry-after": String(seconds) }
}

/**
 * Guards an effect and answers its rejection. The effect may fail with a `CircuitOpenError` of its own; the rejection is
 * the one of an effect that was not started.
 *
 * @internal
 */
export const answerRejection = <A, E, R, B, R2>(
  effect: Effect.Effect<A, E, R>,
  guard: (effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpenError, R2>,
  answer: (error: CircuitOpenError) => Effect.Effect<B>
): Effect.Effect<A | B, E, R2> =>
  Effect.suspend(() => {
    let isStarted = false
    const noted = Effect.suspend(() => {
      isStarted = true
      return effect
    })
    return Effect.catchIf(guard(noted), (_error): _error is CircuitOpenError => !isStarted, answer)
  })
