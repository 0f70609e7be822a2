import type * as Effect from "effect/Effect"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { Request } from "../breaker/begin.ts"
import { begin } from "../breaker/begin.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { RunningCall } from "../breaker/call.ts"
import { within } from "../breaker/nesting.ts"
import type { Caller, Restore } from "../fiber/caller.ts"

/**
 * The property of a public breaker that holds the two steps of a call, for adapters. The symbol is the same in every
 * copy of this package, so that an adapter of one copy works with a breaker of another.
 *
 * @internal
 */
export const stepsKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitBreaker/steps/1")

/** @internal */
export interface Steps {
  readonly begin: <A, E, R>(
    request: Omit<Request, "breaker">,
    use: (call: RunningCall | undefined, restore: Restore, caller: Caller) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpenError, R>
  readonly within: typeof within
}

/** @internal */
export const stepsOf = (breaker: Breaker): Steps => ({
  begin: (request, use) => begin({ breaker, ...request }, use),
  within
})

/**
 * The steps of a breaker; `undefined` for a breaker that this library did not make.
 *
 * @internal
 */
export const stepsIn = (service: CircuitBreaker): Steps | undefined =>
  (service as CircuitBreaker & { readonly [stepsKey]?: Steps })[stepsKey]
