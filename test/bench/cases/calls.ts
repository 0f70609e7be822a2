import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { allocated, timed } from "../case.ts"
import { acquire, bare, failing, loop, quietly, repeat, work } from "../effect3.ts"
import type { Cases, Prepare } from "../case.ts"

const consecutive = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

type Protect = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown, R>

const reused = (protect: Protect) => {
  const guarded = protect(bare)
  return { bare: loop(() => bare), guarded: loop(() => guarded) }
}

const anew = (protect: Protect) => ({
  bare: loop(() => Effect.sync(work)),
  guarded: loop(() => protect(Effect.sync(work)))
})

const under =
  (loops: typeof reused, options: CircuitBreaker.Options = consecutive): Prepare =>
  async () =>
    loops((await acquire(CircuitBreaker.make(options))).protect)

/** The window is full before the first slice is measured. */
const overCalls = (calls: number) =>
  timed(async (size) => {
    const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, calls })
    const loops = await under(reused, { ...consecutive, tripPolicy })(size)
    await loops.guarded(size(calls, 1))
    return loops
  })

/** The breaker comes from the context of each call. */
const throughTag = (
  loops: ReturnType<typeof reused>,
  body: () => Effect.Effect<unknown, unknown, CircuitBreaker.CircuitBreaker>
) =>
  timed(async () => {
    const context = await acquire(Layer.build(CircuitBreaker.layer(consecutive)))
    const guarded = repeat(body)
    return {
      bare: loops.bare,
      guarded: (calls) => Effect.runPromise(Effect.provide(guarded(calls), context))
    }
  })

/** The least that a breaker on a `Ref` can do: a read, the call, and one `modify` that hands its exit through. */
const makeFloor = (): Protect => {
  const ref = Ref.unsafeMake({ closed: true })
  return (effect) =>
    Effect.flatMap(Ref.get(ref), () =>
      Effect.matchCauseEffect(effect, {
        onFailure: (cause) => Effect.flatten(Ref.modify(ref, (state) => [Exit.failCause(cause), state])),
        onSuccess: (value) => Ref.modify(ref, (state) => [value, state])
      })
    )
}

const makeOpen = async () => {
  const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "1 hour" } as const
  const breaker = await acquire(CircuitBreaker.make(options))
  await Effect.runPromise(quietly(Effect.ignore(breaker.protect(failing))))
  await Effect.runPromise(Effect.flip(breaker.protect(bare)))
  return breaker
}

const buckets = TripPolicy.failureRate({
  threshold: 0.5,
  within: "30 seconds",
  minimumCalls: 20,
  buckets: 10
})
const protectedByTag = CircuitBreaker.protect(bare)

export const cases: Cases = {
  reused: timed(under(reused)),
  anew: timed(under(anew)),
  bytes: allocated(under(reused)),
  floorReused: timed(async () => reused(makeFloor())),
  floorAnew: timed(async () => anew(makeFloor())),
  tagReused: throughTag(reused(identity), () => protectedByTag),
  tagAnew: throughTag(anew(identity), () => CircuitBreaker.protect(Effect.sync(work))),
  buckets: timed(under(reused, { ...consecutive, tripPolicy: buckets })),
  calls10000: overCalls(10_000),
  calls100000: overCalls(100_000),
  schedule: timed(under(reused, { ...consecutive, openDuration: Schedule.exponential("1 second") })),
  // the loop goes on after a rejection, which is part of its time, as it is of a plain failure's and of the peers'
  rejectionReused: timed(async () => {
    const breaker = await makeOpen()
    const [failure, rejection] = [Effect.ignore(failing), Effect.ignore(breaker.protect(bare))]
    return { bare: loop(() => failure), guarded: loop(() => rejection) }
  }),
  rejectionAnew: timed(async () => {
    const breaker = await makeOpen()
    return {
      bare: loop(() => Effect.ignore(Effect.fail("down"))),
      guarded: loop(() => Effect.ignore(breaker.protect(Effect.sync(work))))
    }
  })
}
