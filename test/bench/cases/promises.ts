import * as assert from "node:assert"
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel"
import CircuitBreaker from "opossum"
import { timed } from "../case.ts"
import type { Cases, Loop } from "../case.ts"

/** The work of `effect3.ts` as a promise-based library wraps it. */
const work = async () => 1

/** Calls and awaits, one after the other. */
const loop =
  (call: () => Promise<unknown>): Loop =>
  async (calls) => {
    for (let done = 0; done < calls; done++) await call()
  }

/** The same where every call may be rejected, and the caller goes on. */
const loopHandled =
  (call: () => Promise<unknown>): Loop =>
  async (calls) => {
    for (let done = 0; done < calls; done++) {
      try {
        await call()
      } catch {
        continue
      }
    }
  }

const makeCockatiel = (failures: number) =>
  circuitBreaker(handleAll, { halfOpenAfter: 3_600_000, breaker: new ConsecutiveBreaker(failures) })

// no timeout: the others set no timer for a call either
const makeOpossum = () => new CircuitBreaker(work, { timeout: false, resetTimeout: 3_600_000 })

export const cases: Cases = {
  cockatielClosed: timed(async () => {
    const policy = makeCockatiel(5)
    return { bare: loop(work), guarded: loop(() => policy.execute(work)) }
  }),
  cockatielRejection: timed(async () => {
    const policy = makeCockatiel(1)
    const guarded = () => policy.execute(work)
    await assert.rejects(() => policy.execute(() => Promise.reject(new Error("down"))))
    await assert.rejects(guarded)
    return { bare: loopHandled(work), guarded: loopHandled(guarded) }
  }),
  opossumClosed: timed(async () => {
    const breaker = makeOpossum()
    return { bare: loop(work), guarded: loop(() => breaker.fire()) }
  }),
  opossumRejection: timed(async () => {
    const breaker = makeOpossum()
    breaker.open()
    const guarded = () => breaker.fire()
    await assert.rejects(guarded)
    return { bare: loopHandled(work), guarded: loopHandled(guarded) }
  })
}
