import {
  CircuitBreaker,
  CircuitBreakerLive,
  CircuitOpenError,
  Outcome,
  TripPolicy
} from "effect-circuit-breaker"
import * as Module from "effect-circuit-breaker/CircuitBreaker"
import * as Effect from "effect/Effect"

class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
  tripPolicy: TripPolicy.consecutive(1),
  classify: Outcome.fromExit
}) {}

const charge: Effect.Effect<never, "unavailable" | CircuitOpenError, Payments> = Payments.protect(
  Effect.fail("unavailable")
)
// @ts-expect-error a breaker adds its error to the type
const unguarded: Effect.Effect<never, "unavailable", Payments> = charge

const rejected = await Effect.flip(unguarded).pipe(
  Effect.zipRight(Effect.flip(charge)),
  Effect.provide(Payments.layer),
  Effect.runPromise
)
if (!(rejected instanceof CircuitOpenError)) throw new Error("the circuit did not open")

const state = await Effect.runPromise(Effect.provide(Module.state(), CircuitBreakerLive))
if (state._tag !== "Closed" || Module.make !== CircuitBreaker.make) throw new Error("not the same module")

const hidden: string = "effect-circuit-breaker/internal/breaker/protect"
const refusal: unknown = await import(hidden).catch((error) => error.code)
if (refusal !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw new Error(`${hidden} can be imported`)
