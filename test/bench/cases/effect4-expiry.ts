import * as Clock from "effect-4/Clock"
import * as Effect from "effect-4/Effect"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import { admitEach, makeBreaker, work } from "../effect4.ts"
import { makeKeys, scaled, shuffled } from "../key-order.ts"
import { worstCalls } from "../single-calls.ts"
import type { Case, Cases } from "../case.ts"

const hour = 3_600_000

const makeClock = () => {
  let millis = 0
  const nanos = () => BigInt(millis) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => millis,
    currentTimeNanosUnsafe: nanos,
    monotonicTimeNanosUnsafe: nanos,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never
  }
  const advance = (by: number) => {
    millis += by
  }
  return { clock, advance }
}

/** As in `expiry.ts`. The sweep comes with the first call, so that a few calls tell as much. */
const worstCall =
  (count: number): Case =>
  async (scale) => {
    const keys = makeKeys(scaled(count, scale))
    const preparePass = async () => {
      const { advance, clock } = makeClock()
      const made = await makeBreaker({
        tripPolicy: CircuitBreaker.consecutive(5),
        openDuration: "30 seconds"
      })
      const withClock = Effect.provideService(Clock.Clock, clock)
      const again = shuffled(keys)
      await Effect.runPromise(withClock(admitEach(made, keys)))
      advance(2 * hour)
      return (index: number) => {
        const key = index % 2 === 0 ? again() : "in use"
        Effect.runSync(withClock(made.breaker.execute(Effect.sync(work), { key })))
      }
    }
    return () => worstCalls(Math.ceil(keys.length / 20), preparePass)
  }

export const cases: Cases = {
  "100000": worstCall(100_000),
  "1000000": worstCall(1_000_000)
}
