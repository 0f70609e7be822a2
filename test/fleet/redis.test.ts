import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"

const fails = Effect.fail("down")
describe("redis", () => {
  it.scopedLive("opens both", () =>
    Effect.gen(function* () {
      const prefix = `t${Math.random()}:`
      const make = Effect.map(
        Layer.build(
          CircuitBreaker.layer({ tripPolicy: TripPolicy.consecutive(5), openDuration: "500 millis" }).pipe(
            Layer.provide(RedisCircuitStore.layer({ prefix, syncInterval: "200 millis" }))
          )
        ),
        Context.get(CircuitBreaker.CircuitBreaker)
      )
      const a = yield* make,
        b = yield* make
      const tag = (b: CircuitBreaker.CircuitBreaker) => Effect.map(b.state(), (s) => s._tag)
      yield* a.protect(Effect.void)
      yield* b.protect(Effect.void)
      yield* Effect.replicateEffect(Effect.exit(a.protect(fails)), 3)
      yield* Effect.sleep("30 millis")
      yield* Effect.replicateEffect(Effect.exit(b.protect(fails)), 2)
      const t = performance.now()
      while ((yield* tag(a)) !== "Open" && performance.now() - t < 2000) yield* Effect.sleep("1 millis")
      console.log("spread in", performance.now() - t, yield* tag(a), yield* tag(b))
      const c = yield* make
      const r = yield* Effect.flip(c.protect(Effect.void))
      console.log(String(r))
      yield* Effect.sleep("520 millis")
      console.log(yield* tag(a), yield* tag(b), yield* tag(c))
      yield* c.protect(Effect.void)
      yield* Effect.sleep("20 millis")
      console.log(yield* tag(a), yield* tag(b), yield* tag(c))
    })
  )
})
