import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { acquire, loop, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)

// the loop goes on after a rejection: part of the time of each side, ours and the peers'
const handled = <A, E>(effect: Effect.Effect<A, E>) => Effect.catchAll(effect, () => Effect.void)

const makeOpen = async () => {
  const breaker = await acquire(
    CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration: "1 hour" })
  )
  const trip = handled(breaker.protect(Effect.fail("down")))
  await Effect.runPromise(Logger.withMinimumLogLevel(trip, LogLevel.None))
  await Effect.runPromise(Effect.flip(breaker.protect(bare)))
  return breaker
}

export const cases: Cases = {
  reused: timed(async () => {
    const breaker = await makeOpen()
    const [bareHandled, guardedHandled] = [handled(bare), handled(breaker.protect(bare))]
    return { bare: loop(() => bareHandled), guarded: loop(() => guardedHandled) }
  }),
  anew: timed(async () => {
    const breaker = await makeOpen()
    return {
      bare: loop(() => handled(Effect.sync(work))),
      guarded: loop(() => handled(breaker.protect(Effect.sync(work))))
    }
  })
}
