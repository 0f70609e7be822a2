import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { CircuitBreaker } from "../../CircuitBreaker.ts"
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
