/**
 * The list of all live breakers of a process.
 *
 * **When to use**
 *
 * Use it to observe or control breakers from one place, as an administration page or a health check does.
 *
 * **Example** (A health check)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerRegistry } from "effect-circuit-breaker"
 *
 * const unhealthy = Effect.gen(function* () {
 *   const breakers = yield* CircuitBreakerRegistry.breakers
 *   const snapshots = yield* Effect.forEach(breakers, (breaker) => breaker.circuits)
 *   return snapshots.flat().filter(({ state }) => state._tag !== "Closed")
 * })
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make({ name: "payments" })
 *   yield* breaker.isolate("eu")
 *   const circuits = yield* unhealthy
 *   return circuits.map(({ breaker, key }) => `${breaker} ${key}`)
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["payments eu"])
 * ```
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
 * A list of live breakers. A breaker is live until its scope closes.
 *
 * **Details**
 *
 * `register` and `unsafePublish` are called by the breakers themselves.
 *
 * @since 0.1.0
 * @category models
 */
export interface Registry {
  /** The live breakers, oldest first. */
  readonly breakers: Effect.Effect<ReadonlyArray<CircuitBreaker>>
  /** The live breaker with a name. If there are several, it is the one that was made last. */
  readonly get: (name: string) => Effect.Effect<Option.Option<CircuitBreaker>>
  /**
   * The transitions of all breakers from the moment of subscription, including breakers that are made later.
   */
  readonly transitions: Stream.Stream<Transition>
  /** Lists a breaker until the scope closes. */
  readonly register: (breaker: CircuitBreaker) => Effect.Effect<void, never, Scope.Scope>
  /** Publishes a transition to the subscribers of `transitions`. */
  readonly unsafePublish: (transition: Transition) => void
}

/**
 * The registry in which breakers are listed, by default one for the whole process.
 *
 * @since 0.1.0
 * @category references
 */
export class CircuitBreakerRegistry extends Context.Reference<CircuitBreakerRegistry>()(internal.key, {
  defaultValue: (): Registry => unsafeMake()
}) {}

/**
 * Makes an empty registry.
 *
 * **When to use**
 *
 * Use it to separate the breakers of a test, or of a part of a program, from those of the rest of the process.
 *
 * **Example** (A registry for one program)
 *
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
 * The live breaker with a name. If there are several, it is the one that was made last.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get = (name: string): Effect.Effect<Option.Option<CircuitBreaker>> =>
  Effect.flatMap(CircuitBreakerRegistry, (registry) => registry.get(name))

/**
 * The transitions of all breakers from the moment of subscription, including breakers that are made later.
 *
 * @since 0.1.0
 * @category accessors
 */
export const transitions: Stream.Stream<Transition> = Stream.unwrap(
  Effect.map(CircuitBreakerRegistry, (registry) => registry.transitions)
)
