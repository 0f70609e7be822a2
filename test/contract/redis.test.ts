import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"
import { describeWith } from "../redis/describe.ts"
import { Fleet, withProcesses } from "../redis/Fleet.ts"
import { newPrefix } from "../redis/options.ts"
import { answering } from "../redis/waiting.ts"

describeWith("given", "CircuitStore laws, of the store in Redis", () => {
  const prefix = newPrefix()
  const connect = Effect.flatMap(Fleet, ({ server }) =>
    Layer.build(RedisCircuitStore.layer({ ...server.address, prefix, deadline: "2 seconds" })).pipe(
      Effect.map(Context.get(CircuitStore.CircuitStore)),
      Effect.tap(answering)
    )
  )

  withProcesses(0, (test) => {
    for (const law of testing.storeLaws) {
      test(`CircuitStore law, in Redis: ${law.about}: ${law.name}`, function* () {
        yield* law.check(Effect.provideService(connect, Fleet, yield* Fleet))
      })
    }
  })
})
