import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"

// Effect's CommonJS modules here, its ES modules there: fibers, layers, tags and the clock have to be of one kind.
class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
  tripPolicy: TripPolicy.consecutive(1)
}) {}

const program = Effect.gen(function* () {
  const charge = Payments.protect(Effect.fail("unavailable"))
  yield* Effect.ignore(charge)
  const rejected = yield* Effect.flip(charge)
  if (!(rejected instanceof CircuitOpenError)) throw new Error("the circuit did not open")
  yield* TestClock.adjust("30 seconds")
  yield* Payments.protect(Effect.void)
  return yield* Payments.state()
})

Effect.runPromise(Effect.provide(program, Layer.provideMerge(Payments.layer, TestContext.TestContext))).then(
  (state) => {
    if (state._tag !== "Closed") throw new Error("the circuit did not close")
  }
)
