import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { median, timed } from "../case.ts"
import { acquire, acquireRelease, failing, makeClock, quietly, repeat } from "../effect3.ts"
import type { Case, Cases } from "../case.ts"

const alternating = (one: Effect.Effect<void>, other: Effect.Effect<void>) => {
  let made = 0
  const next = repeat(() => (made++ % 2 === 0 ? one : other))
  return (calls: number) => Effect.runPromise(quietly(next(calls)))
}

/** Opens so many times in a row: nanoseconds of an opening, among the first and among the last of them. */
const open = async (count: number, some: number) => {
  const { advance, clock } = makeClock()
  const openDuration = Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("1 minute"))
  const { release, value: breaker } = await acquireRelease(
    Effect.withClock(CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration }), clock)
  )
  const call = breaker.protect(failing).pipe(Effect.ignore, Effect.withClock(clock), quietly)
  const nanos: Array<number> = []
  while (nanos.length < count) {
    const from = performance.now()
    Effect.runSync(call)
    nanos.push((performance.now() - from) * 1e6)
    advance(61_000)
  }
  const state = await Effect.runPromise(Effect.withClock(breaker.state(), clock))
  const openings = "openings" in state ? state.openings : 0
  if (openings !== count) throw new Error(`opened ${openings} times, not ${count}`)
  await release()
  return { first: median(nanos.slice(0, some)), last: median(nanos.slice(-some)) }
}

const openings: Case = async (size) => {
  // until its code has been optimised
  await open(size(1_000, 10), 1)
  return () => open(size(10_000, 10), size(100, 2))
}

export const cases: Cases = {
  byHand: timed(async () => {
    const breaker = await acquire(CircuitBreaker.make())
    return {
      bare: alternating(Effect.void, Effect.void),
      guarded: alternating(breaker.trip(), breaker.reset())
    }
  }),
  openings
}
