import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { acquire, loop, repeat, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)
const consecutive = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

type Body = () => Effect.Effect<unknown, unknown>

/** Times calls of a breaker, once so many of them have filled its window. */
const calls = (
  options: CircuitBreaker.Options,
  bareBody: Body,
  protect: (breaker: CircuitBreaker.CircuitBreaker) => Body,
  fill: number
) =>
  timed(async (scale) => {
    const breaker = await acquire(CircuitBreaker.make(options))
    const guarded = loop(protect(breaker))
    await guarded(scale === "full" ? fill : 1)
    return { bare: loop(bareBody), guarded }
  })

/** One protected effect, run again and again. */
const reused = (options: CircuitBreaker.Options, fill = 0) =>
  calls(
    options,
    () => bare,
    (breaker) => {
      const guarded = breaker.protect(bare)
      return () => guarded
    },
    fill
  )

/** One call in a hundred fails, so that a window has something to count. */
const mixed = (options: CircuitBreaker.Options, fill = 0) => {
  const failing = Effect.fail("down")
  const inHundred = (most: Effect.Effect<unknown, unknown>, one: Effect.Effect<unknown>): Body => {
    let made = 0
    return () => (++made % 100 === 0 ? one : most)
  }
  return calls(
    options,
    inHundred(bare, Effect.exit(failing)),
    (breaker) => inHundred(breaker.protect(bare), Effect.exit(breaker.protect(failing))),
    fill
  )
}

const overCalls = (size: number) => ({
  ...consecutive,
  tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: size })
})

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
  anew: calls(
    consecutive,
    () => Effect.sync(work),
    (breaker) => () => breaker.protect(Effect.sync(work)),
    0
  ),
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
  "10000-calls": reused(overCalls(10_000), 10_000),
  "100000-calls": reused(overCalls(100_000), 100_000),
  mixed: mixed(consecutive),
  "10000-calls-mixed": mixed(overCalls(10_000), 10_000),
  schedule: reused({ ...consecutive, openDuration: Schedule.exponential("1 second") })
}
