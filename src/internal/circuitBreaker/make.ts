import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker, Options, ProtectOptions } from "../../CircuitBreaker.ts"
import { CircuitBreakerRegistry } from "../../CircuitBreakerRegistry.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import { CircuitStore } from "../../CircuitStore.ts"
import { admit } from "../breaker/admit.ts"
import { Breaker } from "../breaker/breaker.ts"
import { defaultKey } from "../breaker/circuits.ts"
import * as controls from "../breaker/controls.ts"
import * as Fleet from "../fleet/join.ts"
import { coordinatesNothing } from "../stores/memory.ts"
import { checkCall, checkKey, checkStream, decode } from "./options.ts"
import type { Request } from "../breaker/protect.ts"
import { protect } from "../breaker/protect.ts"
import { protectStream } from "../breaker/protectStream.ts"
import * as Reading from "../breaker/reading.ts"

/** @internal */
export const make = (options: Options): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* CircuitBreakerRegistry
    const store = yield* CircuitStore
    const breaker = yield* Effect.withFiberRuntime<Breaker, never, Scope.Scope>((caller) =>
      Effect.suspend(() => {
        const settings = decode(options)
        return coordinatesNothing(store)
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
  const service: CircuitBreaker = {
    name: settings.name,
    protect: (effect) =>
      protect({
        breaker,
        effect,
        key: undefined,
        classify: settings.classify,
        goOn: undefined,
        onStart: undefined
      }),
    protectWith: dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, options: ProtectOptions<A, E>) => {
      const { classify = settings.classify, key } = options
      checkCall(options)
      return protect({ breaker, effect, key, classify, goOn: undefined, onStart: undefined })
    }),
    protectStream: (stream, options) => {
      if (options !== undefined) checkStream(options)
      return protectStream(breaker, stream, options?.key)
    },
    admit: (key) => admit(breaker, checkKey(key)),
    state: (key) => Reading.state(breaker, checkKey(key) ?? defaultKey),
    snapshot: (key) => Reading.snapshot(breaker, checkKey(key) ?? defaultKey),
    circuits: Reading.circuits(breaker),
    transitions: breaker.transitions.stream,
    subscribe: breaker.transitions.queue,
    trip: (key) => controls.trip(breaker, checkKey(key)),
    reset: (key) => controls.reset(breaker, checkKey(key)),
    isolate: (key) => controls.isolate(breaker, checkKey(key)),
    disable: (key) => controls.disable(breaker, checkKey(key)),
    awaitReady: (key) => controls.awaitReady(breaker, checkKey(key))
  }
  const guarding: Guarding = {
    [guardKey]: (effect, { classify, goOn, key, onStart }) =>
      protect({ breaker, effect, key, classify, goOn, onStart })
  }
  // Not enumerable: a breaker that is made of this one has its own way to guard.
  return Object.defineProperty(service, guardKey, { value: guarding[guardKey] })
}

/**
 * What an adapter does with a breaker beyond its public interface. The name is the same in every copy of this package,
 * so that an adapter of one works with a breaker of another.
 */
const guardKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitBreaker/guard/1")

interface Guarding {
  readonly [guardKey]: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    guard: Guard<A>
  ) => Effect.Effect<A, E | CircuitOpenError, R>
}

type Guard<A> = Pick<Request<A, unknown, unknown>, "key" | "classify" | "goOn" | "onStart">

/**
 * Guards an effect whose call may go on after it, or be settled before its end. A breaker that somebody else has made
 * settles such a call with its effect.
 *
 * @internal
 */
export const protectOn = <A, E, R>(
  service: CircuitBreaker,
  effect: Effect.Effect<A, E, R>,
  guard: Guard<A>
): Effect.Effect<A, E | CircuitOpenError, R> =>
  guardKey in service
    ? (service as CircuitBreaker & Guarding)[guardKey](effect, guard)
    : service.protectWith(effect, { key: guard.key, classify: guard.classify })
