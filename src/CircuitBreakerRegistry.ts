/**
 * Every live breaker of the process, by name.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import * as internal from "./internal/observe/registry.ts"
import type { Transition } from "./Transition.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Registry {
  /** The live breakers, oldest first. */
  readonly breakers: Effect.Effect<ReadonlyArray<CircuitBreaker>>
  /** The live breaker of that name; of several, the one that was made last. */
  readonly get: (name: string) => Effect.Effect<Option.Option<CircuitBreaker>>
  /** The transitions of all breakers, those made later too, from the moment of subscription. */
  readonly transitions: Stream.Stream<Transition>
  /** Lists a breaker until the scope closes. `CircuitBreaker.make` does this. */
  readonly register: (breaker: CircuitBreaker) => Effect.Effect<void, never, Scope.Scope>
  /** Publishes a transition to the subscribers. A breaker does this. */
  readonly unsafePublish: (transition: Transition) => void
}

/**
 * An empty registry, for programs and tests that want one apart from the process's own.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerRegistry } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   yield* CircuitBreaker.make({ name: "payments" })
 *   const breakers = yield* CircuitBreakerRegistry.breakers
 *   return breakers.map((breaker) => breaker.name)
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provideServiceEffect(
 *     CircuitBreakerRegistry.CircuitBreakerRegistry,
 *     Effect.sync(CircuitBreakerRegistry.unsafeMake)
 *   )
 * )
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["payments"])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMake: () => Registry = internal.unsafeMake

/**
 * The registry in which breakers are listed; by default one for the whole process.
 *
 * @since 0.1.0
 * @category references
 */
export class CircuitBreakerRegistry extends Context.Reference<CircuitBreakerRegistry>()(internal.key, {
  defaultValue: unsafeMake
}) {}

/**
 * The live breakers, oldest first.
 *
 * @since 0.1.0
 * @category accessors
 */
export const breakers: Effect.Effect<ReadonlyArray<CircuitBreaker>> = Effect.flatMap(
  CircuitBreakerRegistry,
  (registry) => registry.breakers
)

/**
 * The live breaker of that name; of several, the one that was made last.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get = (name: string): Effect.Effect<Option.Option<CircuitBreaker>> =>
  Effect.flatMap(CircuitBreakerRegistry, (registry) => registry.get(name))

/**
 * The transitions of all breakers, those made later too, from the moment of subscription.
 *
 * @since 0.1.0
 * @category accessors
 */
export const transitions: Stream.Stream<Transition> = Stream.unwrap(
  Effect.map(CircuitBreakerRegistry, (registry) => registry.transitions)
)
