import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker, Classify, Options, ProtectOptions } from "../CircuitBreaker.ts"
import { CircuitBreakerRegistry } from "../CircuitBreakerRegistry.ts"
import type { CircuitOpenError } from "../CircuitOpenError.ts"
import { CircuitStore } from "../CircuitStore.ts"
import { Breaker } from "./breaker.ts"
import { defaultKey } from "./circuits.ts"
import * as controls from "./controls.ts"
import * as Fleet from "./fleet/join.ts"
import { alone } from "./fleet/memory.ts"
import { decode } from "./options.ts"
import type { Afterwards } from "./protect.ts"
import { protect } from "./protect.ts"
import { snapshotOf, stateOf } from "./reading.ts"

/** @internal */
export const make = (options: Options): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* CircuitBreakerRegistry
    const store = yield* CircuitStore
    const breaker = yield* Effect.withFiberRuntime<Breaker, never, Scope.Scope>((caller) =>
      Effect.suspend(() => {
        const settings = decode(options)
        return store === alone
          ? Effect.succeed(new Breaker(settings, registry, caller))
          : Fleet.make(settings, registry, store, caller)
      })
    )
    const service = serviceOf(breaker)
    yield* Effect.addFinalizer(() => Effect.sync(() => breaker.close()))
    yield* registry.register(service)
    return service
  })

const serviceOf = (breaker: Breaker): CircuitBreaker => {
  const { settings } = breaker
  const read = <A>(f: (now: number) => A): Effect.Effect<A> =>
    Effect.withFiberRuntime((caller) => Effect.succeed(f(breaker.now(caller))))
  const service: CircuitBreaker = {
    name: settings.name,
    protect: (effect) => protect(breaker, effect, undefined, settings.classify),
    protectWith: dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, options: ProtectOptions<A, E>) =>
      protect(breaker, effect, options.key, options.classify ?? settings.classify)
    ),
    state: (key = defaultKey) => read((now) => stateOf(breaker, breaker.circuits.find(key, now), now)),
    snapshot: (key = defaultKey) =>
      read((now) => snapshotOf(breaker, breaker.circuits.find(key, now), key, now)),
    circuits: read((now) =>
      Array.from(breaker.circuits.all(now), (held) => snapshotOf(breaker, held, held.key, now))
    ),
    transitions: breaker.transitions.stream,
    trip: (key) => controls.trip(breaker, key),
    reset: (key) => controls.reset(breaker, key),
    isolate: (key) => controls.isolate(breaker, key),
    awaitReady: (key) => controls.awaitReady(breaker, key)
  }
  breakers.set(service, breaker)
  return service
}

const breakers = new WeakMap<CircuitBreaker, Breaker>()

/**
 * Guards an effect whose call may go on after it. A breaker that somebody else has made settles such a call with its
 * effect.
 *
 * @internal
 */
export const protectOn = <A, E, R>(
  service: CircuitBreaker,
  effect: Effect.Effect<A, E, R>,
  key: string,
  classify: Classify,
  afterwards: Afterwards<A>
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const breaker = breakers.get(service)
  return breaker === undefined
    ? service.protectWith(effect, { key, classify })
    : protect(breaker, effect, key, classify, afterwards)
}
