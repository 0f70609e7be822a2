import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Transition } from "../../Transition.ts"
import { Broadcast } from "./broadcast.ts"

/**
 * The part of a breaker that a registry uses.
 *
 * @internal
 */
export interface Named {
  readonly name: string
}

/**
 * The registry of `CircuitBreakerRegistry`, for any type of breaker.
 *
 * @internal
 */
export interface Registry<Breaker extends Named> {
  readonly breakers: Effect.Effect<ReadonlyArray<Breaker>>
  readonly get: (name: string) => Effect.Effect<Option.Option<Breaker>>
  readonly transitions: Stream.Stream<Transition>
  readonly register: (breaker: Breaker) => Effect.Effect<void, never, Scope.Scope>
  readonly unsafePublish: (transition: Transition) => void
}

/** @internal */
export const unsafeMake = <Breaker extends Named>(): Registry<Breaker> => {
  const live = new Set<Breaker>()
  const transitions = new Broadcast<Transition>()
  return {
    breakers: Effect.sync(() => Array.from(live)),
    get: (name) =>
      Effect.sync(() => Option.fromNullable(Array.from(live).findLast((it) => it.name === name))),
    transitions: transitions.stream,
    register: (breaker) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          live.add(breaker)
        }),
        () => Effect.sync(() => live.delete(breaker))
      ),
    unsafePublish: (transition) => transitions.publish(transition)
  }
}

/**
 * The key of the registry in the environment. No key of a breaker's service begins like this.
 *
 * @internal
 */
export const key = "@effect-circuit-breaker/CircuitBreakerRegistry"

/**
 * The registry in the environment, for the code that makes breakers. The public module has a reference with the same
 * key and the full type of a breaker, which this layer does not know. Effect identifies references by their keys alone.
 *
 * @internal
 */
export class CurrentRegistry extends Context.Reference<CurrentRegistry>()(key, {
  defaultValue: (): Registry<Named> => unsafeMake<Named>()
}) {}
