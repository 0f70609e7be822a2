import { CircuitBreaker } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// Nobody listens there: calls go on under the process's own circuits.
const store = RedisCircuitStore.layer({ host: "127.0.0.1", port: 1, deadline: "20 millis" })
const charged: string = await CircuitBreaker.protect(Effect.succeed("charged")).pipe(
  Effect.provide(Layer.provide(CircuitBreaker.layer(), store)),
  Effect.runPromise
)
if (charged !== "charged") throw new Error("the call did not go on")

const refused = await CircuitBreaker.protect(Effect.void).pipe(
  Effect.flip,
  Effect.provide(testing.layer({ state: "Open" })),
  Effect.runPromise
)
if (refused.state !== "Open") throw new Error("the circuit was not open")
