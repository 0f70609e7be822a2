import CircuitBreaker from "opossum"
import { idleness } from "../idleness.ts"
import { assertRejects, loop, loopHandled, work } from "../promise.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

// no timeout: the others set no timer for a call either
const makeBreaker = () => new CircuitBreaker(work, { timeout: false, resetTimeout: 3_600_000 })

export const cases: Cases = {
  closed: timed(async () => {
    const breaker = makeBreaker()
    return { bare: loop(work), guarded: loop(() => breaker.fire()) }
  }),
  rejection: timed(async () => {
    const breaker = makeBreaker()
    breaker.open()
    const guarded = () => breaker.fire()
    await assertRejects(guarded)
    return { bare: loopHandled(work), guarded: loopHandled(guarded) }
  }),
  idle: idleness(async (count) => {
    const breakers = Array.from({ length: count }, makeBreaker)
    return { fibers: 0, release: async () => breakers.forEach((breaker) => breaker.shutdown()) }
  })
}
