import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { quietly } from "../effect3.ts"

/** A breaker that shares its circuits through a Redis on this machine. */
export const makeNode = (port: number, options: CircuitBreaker.Options) =>
  Layer.build(Layer.provide(CircuitBreaker.layer(options), RedisCircuitStore.layer({ port }))).pipe(
    Effect.map(Context.get(CircuitBreaker.CircuitBreaker)),
    quietly
  )

/** It opens on the first failure, which is then the one that decides. */
export const atOnce: CircuitBreaker.Options = { name: "at once", tripPolicy: TripPolicy.consecutive(1) }

/** Milliseconds on a clock that all processes of the machine have. */
export const clock = (): number => Number(process.hrtime.bigint()) / 1e6
