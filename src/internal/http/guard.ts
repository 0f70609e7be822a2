import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { Outcome } from "../../Outcome.ts"
import type { RunningCall } from "../breaker/call.ts"
import { stepsIn } from "../circuitBreaker/steps.ts"
import type { Caller } from "../fiber/caller.ts"
import { refuseValue } from "../options/checks.ts"

/**
 * Uses the breaker of an adapter's options, or the one in the environment.
 *
 * @internal
 */
export const withBreaker = <A, E, R>(
  breaker: CircuitBreaker | undefined,
  f: (breaker: CircuitBreaker) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | CircuitBreaker> =>
  breaker === undefined ? Effect.flatMap(CircuitBreaker, f) : f(breaker)

/**
 * Runs an effect as one call. `effectOf` gets the running call, and `onSuccess` settles it by the value of the effect.
 * There is no running call in a dry run that would have rejected it, as a part of another call, and with a breaker that
 * this library did not make, which settles the call itself when the effect ends.
 *
 * @internal
 */
export const callWith = <A, E, R>(
  service: CircuitBreaker,
  request: { readonly key: string | undefined; readonly classify: (exit: Exit.Exit<A, E>) => Outcome },
  effectOf: (call: RunningCall | undefined) => Effect.Effect<A, E, R>,
  onSuccess: (call: RunningCall, value: A, caller: Caller) => Effect.Effect<A> = concludeWith
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const steps = stepsIn(service)
  if (steps === undefined) return service.protectWith(effectOf(undefined), request)
  return steps.begin(request, (call, restore, caller) =>
    call === undefined
      ? restore(effectOf(undefined))
      : Effect.matchCauseEffect(restore(steps.within(call, effectOf(call))), {
          onFailure: (cause) => call.conclude(Exit.failCause(cause), caller),
          onSuccess: (value) => onSuccess(call, value, caller)
        })
  )
}

const concludeWith = <A>(call: RunningCall, value: A, caller: Caller): Effect.Effect<A> =>
  call.conclude(Exit.succeed(value), caller)

/**
 * Refuses an option that is no breaker.
 *
 * @internal
 */
export const checkBreaker = (
  option: string,
  breaker: CircuitBreaker | undefined
): CircuitBreaker | undefined =>
  breaker === undefined || Predicate.hasProperty(breaker, "protectWith")
    ? breaker
    : refuseValue(option, "a breaker, as CircuitBreaker.make gives it", breaker)

/**
 * The `Retry-After` of a rejection in whole seconds, at least one: the error of a HalfOpen or Recovering circuit has
 * zero, which would invite a client to retry at once. An isolated circuit has none, because its end is not known. A
 * number that is not safe could have a text with an exponent, which is no number of the header.
 *
 * @internal
 */
export const retryAfterSeconds = ({ retryAfter }: CircuitOpenError): number | undefined =>
  Duration.isFinite(retryAfter)
    ? Math.min(Math.max(1, Math.ceil(Duration.toSeconds(retryAfter))), Number.MAX_SAFE_INTEGER)
    : undefined

/**
 * The header `Retry-After` of a rejection, if it has one.
 *
 * @internal
 */
export const retryAfterHeader = (error: CircuitOpenError): Record<string, string> => {
  const seconds = retryAfterSeconds(error)
  return seconds === undefined ? {} : { "retry-after": String(seconds) }
}

/**
 * Guards an effect, and answers its rejection. The effect may itself fail with a `CircuitOpenError`, so an error is
 * taken for the rejection only if the effect was not started.
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
    const observed = Effect.suspend(() => {
      isStarted = true
      return effect
    })
    return Effect.catchIf(guard(observed), (_error): _error is CircuitOpenError => !isStarted, answer)
  })
