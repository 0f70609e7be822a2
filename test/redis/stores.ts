/** Stores for tests that ask them directly, without a breaker. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import { answering } from "./waiting.ts"
import { deadlineMillis } from "./options.ts"
import type { Address } from "./RedisServer.ts"

export const storeOf = <E>(
  layer: Layer.Layer<CircuitStore.CircuitStore, E>
): Effect.Effect<CircuitStore.Store, E, Scope.Scope> =>
  Effect.map(Layer.build(layer), Context.get(CircuitStore.CircuitStore))

/** A store on a server that answers. */
export const storeOn = (address: Address): Effect.Effect<CircuitStore.Store, never, Scope.Scope> =>
  storeOf(
    // A busy machine must not count as a failing server.
    RedisCircuitStore.layer({
      ...address,
      connectTimeout: 30_000,
      socketTimeout: 30_000,
      deadline: deadlineMillis
    })
  ).pipe(Effect.tap((store) => answering(store)))
