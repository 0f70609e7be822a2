import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type { CircuitBreaker, Operations, ProtectOptions } from "../../CircuitBreaker.ts"

/**
 * The operations of the breaker in the environment. Each gets the service from the calling fiber, in one step of its
 * run loop.
 *
 * @internal
 */
export const accessors = <Self>(tag: Context.Tag<Self, CircuitBreaker>): Operations<Self> => {
  const use = <A, E, R>(
    f: (breaker: CircuitBreaker) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R | Self> =>
    Effect.withFiberRuntime<A, E, R | Self>((fiber) => f(Context.unsafeGet(fiber.currentContext, tag)))
  return {
    protect: (effect) => use((breaker) => breaker.protect(effect)),
    protectWith: dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, options: ProtectOptions<A, E>) =>
      use((breaker) => breaker.protectWith(effect, options))
    ),
    state: (key) => use((breaker) => breaker.state(key)),
    snapshot: (key) => use((breaker) => breaker.snapshot(key)),
    circuits: use((breaker) => breaker.circuits),
    transitions: Stream.unwrap(Effect.map(tag, (breaker) => breaker.transitions)),
    trip: (key) => use((breaker) => breaker.trip(key)),
    reset: (key) => use((breaker) => breaker.reset(key)),
    protectStream: (stream, options) =>
      Stream.unwrap(Effect.map(tag, (breaker) => breaker.protectStream(stream, options))),
    admit: (key) => use((breaker) => breaker.admit(key)),
    subscribe: use((breaker) => breaker.subscribe),
    disable: (key) => use((breaker) => breaker.disable(key)),
    isolate: (key) => use((breaker) => breaker.isolate(key)),
    awaitReady: (key) => use((breaker) => breaker.awaitReady(key))
  }
}
