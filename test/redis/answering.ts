import * as Effect from "effect/Effect"
import type { CircuitStore } from "effect-circuit-breaker"

/** Waits until a store answers. */
export const answering = (store: CircuitStore.Store): Effect.Effect<void> =>
  store.exchange([]).pipe(
    Effect.catchAll((error) => Effect.zipRight(Effect.sleep("20 millis"), Effect.fail(error))),
    Effect.eventually,
    Effect.asVoid
  )
