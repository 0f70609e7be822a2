import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker, Options, ProtectOptions } from "../../CircuitBreaker.ts"
import { admit } from "../breaker/admit.ts"
import { awaitReady } from "../breaker/awaitReady.ts"
import type { Request } from "../breaker/begin.ts"
import { Breaker } from "../breaker/breaker.ts"
import { type Inspected, inspectedKey } from "../breaker/inspected.ts"
import * as Controls from "../breaker/controls.ts"
import { protect } from "../breaker/protect.ts"
import { protectStream } from "../breaker/protectStream.ts"
import * as Reading from "../breaker/reading.ts"
import type { Classify } from "../breaker/classify.ts"
import { CurrentStore, joinOf } from "../breaker/join.ts"
import { CurrentRegistry } from "../observe/registry.ts"
import { checkCall, checkKey, checkStream, decode } from "./options.ts"
import { stepsKey, stepsOf } from "./steps.ts"

/** @internal */
export const make = (options: Options): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* CurrentRegistry
    const store = Option.getOrUndefined(yield* Effect.serviceOption(CurrentStore))
    const settings = decode(options)
    const join = store && joinOf(store)
    const publish = registry.unsafePublish
    const breaker = yield* join === undefined
      ? Effect.withFiberRuntime<Breaker>((caller) =>
          Effect.succeed(new Breaker({ settings, publish }, caller))
        )
      : join({ settings, publish }, store)
    const service = serviceOf(breaker)
    yield* Effect.addFinalizer(() => Effect.sync(() => breaker.close()))
    yield* registry.register(service)
    return service
  })

const serviceOf = (breaker: Breaker): CircuitBreaker => {
  const { settings } = breaker
  const request = (key?: string, classify: Classify = settings.classify): Request => ({
    breaker,
    key,
    classify
  })
  const keyed =
    <A>(operation: (breaker: Breaker, key: string | undefined) => A) =>
    (key?: string): A =>
      operation(breaker, checkKey(key))
  const unkeyed = request()
  const service: CircuitBreaker = {
    name: settings.name,
    protect: (effect) => protect(unkeyed, effect),
    protectWith: dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, options: ProtectOptions<A, E>) => {
      checkCall(options)
      return protect(request(options.key, options.classify), effect)
    }),
    protectStream: (stream, options) => {
      if (options !== undefined) checkStream(options)
      return protectStream(request(options?.key), stream)
    },
    admit: keyed((_, key) => admit(request(key))),
    state: keyed(Reading.state),
    snapshot: keyed(Reading.snapshot),
    circuits: Reading.circuits(breaker),
    transitions: breaker.transitions.stream,
    subscribe: breaker.transitions.queue,
    trip: keyed(Controls.trip),
    reset: keyed(Controls.reset),
    isolate: keyed(Controls.isolate),
    disable: keyed(Controls.disable),
    awaitReady: keyed(awaitReady)
  }
  // The properties are not enumerable, so that a breaker made by spreading this one does not have them: its operations
  // may be others.
  return Object.defineProperties(service, {
    [stepsKey]: { value: stepsOf(breaker) },
    [inspectedKey]: { value: breaker satisfies Inspected }
  })
}
