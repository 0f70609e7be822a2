import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { acquire, loop, repeat, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)
const consecutive = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

/** One protected effect, run again and again. `calls` of them fill the window before anything is timed. */
const reused = (options: CircuitBreaker.Options, calls = 0) =>
  timed(async (scale) => {
    const breaker = await acquire(CircuitBreaker.make(options))
    const protectedEffect = breaker.protect(bare)
    const guarded = loop(() => protectedEffect)
    await guarded(scale === "full" ? calls : 1)
    return { bare: loop(() => bare), guarded }
  })

const overCalls = (calls: number) =>
  reused({ ...consecutive, tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls }) }, calls)

/** Through the tag: the breaker comes from the context of each call. */
const tag = (
  body: () => Effect.Effect<number, unknown, CircuitBreaker.CircuitBreaker>,
  bareBody: typeof body
) =>
  timed(async () => {
    const context = await acquire(Layer.build(CircuitBreaker.layer(consecutive)))
    const run = (loopBody: typeof body) => {
      const repeated = repeat(loopBody)
      return (calls: number) => Effect.runPromise(Effect.provide(repeated(calls), context))
    }
    return { bare: run(bareBody), guarded: run(body) }
  })

const protectedByTag = CircuitBreaker.protect(bare)

export const cases: Cases = {
  reused: reused(consecutive),
  anew: timed(async () => {
    const breaker = await acquire(CircuitBreaker.make(consecutive))
    return {
      bare: loop(() => Effect.sync(work)),
      guarded: loop(() => breaker.protect(Effect.sync(work)))
    }
  }),
  "tag-reused": tag(
    () => protectedByTag,
    () => bare
  ),
  "tag-anew": tag(
    () => CircuitBreaker.protect(Effect.sync(work)),
    () => Effect.sync(work)
  ),
  "10-buckets": reused({
    ...consecutive,
    tripPolicy: TripPolicy.failureRate({
      threshold: 0.5,
      within: "30 seconds",
      minimumCalls: 20,
      buckets: 10
    })
  }),
  "10000-calls": overCalls(10_000),
  "100000-calls": overCalls(100_000),
  schedule: reused({ ...consecutive, openDuration: Schedule.exponential("1 second") })
}
