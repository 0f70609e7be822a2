import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"
import { address, isServed } from "./server.ts"

describe.skipIf(!isServed)("the store in Redis", { concurrent: true }, () => {
  // Nothing of an earlier run.
  const prefix = `contract-${globalThis.crypto.randomUUID()}:`
  const connect = Effect.map(
    Layer.build(RedisCircuitStore.layer({ ...address, prefix, deadline: "2 seconds" })),
    Context.get(CircuitStore.CircuitStore)
  )

  for (const law of testing.storeLaws) it.live(`${law.about}: ${law.name}`, () => law.check(connect))
})
