import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { acquire, loop, quietly, work } from "../effect3.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)

const makeOpen = async () => {
  const breaker = await acquire(
    CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration: "1 hour" })
  )
  await Effect.runPromise(quietly(Effect.ignore(breaker.protect(Effect.fail("down")))))
  await Effect.runPromise(Effect.flip(breaker.protect(bare)))
  return breaker
}

/** The loop goes on after a rejection, which is part of its time, as it is of a plain failure's and of the peers'. */
export const cases: Cases = {
  reused: timed(async () => {
    const breaker = await makeOpen()
    const [failure, rejection] = [Effect.ignore(Effect.fail("down")), Effect.ignore(breaker.protect(bare))]
    return { bare: loop(() => failure), guarded: loop(() => rejection) }
  }),
  anew: timed(async () => {
    const breaker = await makeOpen()
    return {
      bare: loop(() => Effect.ignore(Effect.fail("down"))),
      guarded: loop(() => Effect.ignore(breaker.protect(Effect.sync(work))))
    }
  })
}
