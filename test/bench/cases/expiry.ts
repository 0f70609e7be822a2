import { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { acquireRelease, makeClock, repeat, work } from "../effect3.ts"
import { inOrder, makeKeys, scaled, shuffled } from "../key-order.ts"
import { worstCalls } from "../single-calls.ts"
import type { Case, Cases } from "../case.ts"

const hour = 3_600_000

/** Every circuit has been idle for too long, and calls go on: on keys of before, and on one that stays in use. */
const worstCall =
  (count: number): Case =>
  async (scale) => {
    const keys = makeKeys(scaled(count, scale))
    let release: () => Promise<void> = async () => {}

    const preparePass = async () => {
      await release()
      const { advance, clock } = makeClock()
      const options = { capacity: keys.length + 1, idleTimeToLive: "1 hour" } as const
      const acquired = await acquireRelease(CircuitBreaker.make(options).pipe(Effect.withClock(clock)))
      release = acquired.release
      const breaker = acquired.value
      const call = (key: string) => breaker.protectWith(Effect.sync(work), { key })
      const [first, again] = [inOrder(keys), shuffled(keys)]
      await Effect.runPromise(repeat(() => call(first()))(keys.length).pipe(Effect.withClock(clock)))
      advance(2 * hour)
      return (index: number) => {
        const key = index % 2 === 0 ? again() : "in use"
        Effect.runSync(Effect.withClock(call(key), clock))
      }
    }

    // two idle circuits go with a call, if it is done in constant time: this is enough to see the last of them off
    return () => worstCalls(Math.ceil(keys.length * 0.6), preparePass)
  }

export const cases: Cases = {
  "100000": worstCall(100_000),
  "1000000": worstCall(1_000_000)
}
