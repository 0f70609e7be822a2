import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { allocated } from "../allocated.ts"
import { acquire, loop, repeat, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases, PrepareLoops } from "../case.ts"

const bare = Effect.sync(work)
const consecutive = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

type Body = () => Effect.Effect<unknown, unknown>

interface Calls {
  readonly options?: CircuitBreaker.Options
  readonly bareBody: Body
  readonly protect: (breaker: CircuitBreaker.CircuitBreaker) => Body
  /** How many calls fill the window first. */
  readonly fill?: number
}

const calls =
  ({ bareBody, fill = 0, options = consecutive, protect }: Calls): PrepareLoops =>
  async (scale) => {
    const breaker = await acquire(CircuitBreaker.make(options))
    const guarded = loop(protect(breaker))
    await guarded(scale === "full" ? fill : 1)
    return { bare: loop(bareBody), guarded }
  }

/** One protected effect, run again and again. */
const reused: Calls = {
  bareBody: () => bare,
  protect: (breaker) => {
    const guarded = breaker.protect(bare)
    return () => guarded
  }
}

const anew: Calls = {
  bareBody: () => Effect.sync(work),
  protect: (breaker) => () => breaker.protect(Effect.sync(work))
}

const failing = Effect.fail("down")
const oneInHundred = (most: Effect.Effect<unknown, unknown>, one: Effect.Effect<unknown>): Body => {
  let made = 0
  return () => (++made % 100 === 0 ? one : most)
}

/** One call in a hundred fails, so that a window has something to count. */
const mixed: Calls = {
  bareBody: oneInHundred(bare, Effect.exit(failing)),
  protect: (breaker) => oneInHundred(breaker.protect(bare), Effect.exit(breaker.protect(failing)))
}

const overCalls = (fill: number) => ({
  options: { ...consecutive, tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: fill }) },
  fill
})

const tenBuckets = TripPolicy.failureRate({
  threshold: 0.5,
  within: "30 seconds",
  minimumCalls: 20,
  buckets: 10
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
  reused: timed(calls(reused)),
  anew: timed(calls(anew)),
  bytes: allocated(calls(reused)),
  "tag-reused": tag(
    () => protectedByTag,
    () => bare
  ),
  "tag-anew": tag(
    () => CircuitBreaker.protect(Effect.sync(work)),
    () => Effect.sync(work)
  ),
  "10-buckets": timed(calls({ ...reused, options: { ...consecutive, tripPolicy: tenBuckets } })),
  "10000-calls": timed(calls({ ...reused, ...overCalls(10_000) })),
  "100000-calls": timed(calls({ ...reused, ...overCalls(100_000) })),
  mixed: timed(calls(mixed)),
  "10000-calls-mixed": timed(calls({ ...mixed, ...overCalls(10_000) })),
  schedule: timed(
    calls({ ...reused, options: { ...consecutive, openDuration: Schedule.exponential("1 second") } })
  )
}
