import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel"
import { assertRejects, loop, loopHandled, work } from "../promise.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const makePolicy = (failures: number) =>
  circuitBreaker(handleAll, { halfOpenAfter: 3_600_000, breaker: new ConsecutiveBreaker(failures) })

export const cases: Cases = {
  closed: timed(async () => {
    const policy = makePolicy(5)
    return { bare: loop(work), guarded: loop(() => policy.execute(work)) }
  }),
  rejection: timed(async () => {
    const policy = makePolicy(1)
    const guarded = () => policy.execute(work)
    await assertRejects(() => policy.execute(() => Promise.reject(new Error("down"))))
    await assertRejects(guarded)
    return { bare: loopHandled(work), guarded: loopHandled(guarded) }
  })
}
