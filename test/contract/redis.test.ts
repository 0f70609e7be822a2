import { describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"
import { Fleet, newPrefix, withProcesses } from "../redis/fixtures.ts"
import { describeWith } from "../redis/RedisServer.ts"

describeWith("given", "the store in Redis", () => {
  // Nothing of an earlier run.
  const prefix = newPrefix()
  const connect = Effect.flatMap(Fleet, ({ server }) =>
    Effect.map(
      Layer.build(RedisCircuitStore.layer({ ...server.address, prefix, deadline: "2 seconds" })),
      Context.get(CircuitStore.CircuitStore)
    )
  )

  describe("keeps the laws of stores", { concurrent: true }, () => {
    withProcesses(0, (test) => {
      for (const law of testing.storeLaws) {
        test(`${law.about}: ${law.name}`, () =>
          Effect.flatMap(Fleet, (fleet) => law.check(Effect.provideService(connect, Fleet, fleet))))
      }
    })
  })
})
