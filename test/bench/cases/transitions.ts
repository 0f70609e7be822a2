import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { acquire, acquireRelease, makeClock, quietly, repeat } from "../effect3.ts"
import { median } from "../statistics.ts"
import { timed } from "../timed.ts"
import type { Case, Cases } from "../case.ts"

/** The first is used before any other, then the second, and so on in turn. */
const alternating = (effects: ReadonlyArray<Effect.Effect<void>>) => {
  let made = 0
  const next = repeat(() => effects[made++ % effects.length]!)
  return (calls: number) => Effect.runPromise(quietly(next(calls)))
}

/** Nanoseconds of an opening, among the first and among the last of very many in a row. */
const openings: Case = async (scale) => {
  const [count, some] = scale === "full" ? [10_000, 100] : [10, 2]
  const mostMillis = 20_000

  const pass = async (count: number) => {
    const { advance, clock } = makeClock()
    const { release, value: breaker } = await acquireRelease(
      CircuitBreaker.make({
        tripPolicy: TripPolicy.consecutive(1),
        openDuration: Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("1 minute"))
      }).pipe(Effect.withClock(clock))
    )
    const open = breaker.protect(Effect.fail("down")).pipe(Effect.ignore, Effect.withClock(clock), quietly)
    const nanos: Array<number> = []
    const startedAt = performance.now()
    while (nanos.length < count) {
      const from = performance.now()
      Effect.runSync(open)
      const until = performance.now()
      nanos.push((until - from) * 1e6)
      advance(61_000)
      if (until - startedAt > mostMillis) {
        throw new Error(`opening ${nanos.length} of ${count} took ${(until - from).toFixed(1)} ms`)
      }
    }
    const { openings } = await Effect.runPromise(
      Effect.map(breaker.state(), (state) => ({ openings: 0, ...state })).pipe(Effect.withClock(clock))
    )
    if (openings !== count) throw new Error(`opened ${openings} times, not ${count}`)
    await release()
    return { first: median(nanos.slice(0, some)), last: median(nanos.slice(-some)) }
  }

  // until its code has been optimised
  await pass(count / 10)
  return () => pass(count)
}

export const cases: Cases = {
  "by-hand": timed(async () => {
    const breaker = await acquire(CircuitBreaker.make())
    return {
      bare: alternating([Effect.void, Effect.void]),
      guarded: alternating([breaker.trip(), breaker.reset()])
    }
  }),
  openings
}
