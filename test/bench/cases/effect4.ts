import * as Effect from "effect-4/Effect"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import { allocated } from "../allocated.ts"
import { loop, makeBreaker, work } from "../effect4.ts"
import { timed } from "../timed.ts"
import type { Cases, PrepareLoops } from "../case.ts"

const key = "default"
const bare = Effect.sync(work)
const options = { tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" } as const

const reused: PrepareLoops = async () => {
  const { breaker } = await makeBreaker(options)
  const guarded = breaker.execute(bare, { key })
  return { bare: loop(() => bare), guarded: loop(() => guarded) }
}

/** Effect 4's own breaker, with its circuits in memory. */
export const cases: Cases = {
  reused: timed(reused),
  bytes: allocated(reused),
  anew: timed(async () => {
    const { breaker } = await makeBreaker(options)
    return {
      bare: loop(() => Effect.sync(work)),
      guarded: loop(() => breaker.execute(Effect.sync(work), { key }))
    }
  }),
  "10000-calls": timed(async (scale) => {
    const calls = scale === "full" ? 10_000 : 100
    const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, size: calls })
    const { breaker } = await makeBreaker({ ...options, tripPolicy })
    const guarded = loop(() => breaker.execute(bare, { key }))
    await guarded(calls)
    return { bare: loop(() => bare), guarded }
  }),
  rejection: timed(async () => {
    const { breaker } = await makeBreaker({
      tripPolicy: CircuitBreaker.consecutive(1),
      openDuration: "1 hour"
    })
    await Effect.runPromise(Effect.ignore(breaker.execute(Effect.fail("down"), { key })))
    const guarded = breaker.execute(bare, { key })
    await Effect.runPromise(Effect.flip(guarded))
    const [failure, rejection] = [Effect.ignore(Effect.fail("down")), Effect.ignore(guarded)]
    return { bare: loop(() => failure), guarded: loop(() => rejection) }
  })
}
