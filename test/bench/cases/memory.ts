import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { acquireRelease, loop, repeat, work } from "../effect3.ts"
import { usedBytes } from "../heap.ts"
import { inTurn, makeKeys, scaled } from "../key-order.ts"
import type { Case, Cases } from "../case.ts"

interface Filling {
  readonly keys: number
  readonly callsPerKey: number
  readonly tripPolicy: TripPolicy.TripPolicy
}

const bare = Effect.sync(work)

const fill = async (keys: ReadonlyArray<string>, { callsPerKey, tripPolicy }: Filling) => {
  const next = inTurn(keys)
  const acquired = await acquireRelease(CircuitBreaker.make({ tripPolicy, capacity: keys.length }))
  const breaker = acquired.value
  const fillNext = () => {
    const call = breaker.protectWith(bare, { key: next() })
    return repeat(() => call)(callsPerKey)
  }
  await loop(fillNext)(keys.length)
  const held = await Effect.runPromise(breaker.circuits)
  if (held.length !== keys.length) {
    throw new Error(`holds ${held.length} circuits of ${keys.length}`)
  }
  return acquired
}

/** Bytes a closed circuit, without its key: the program has that in hand anyway. */
const bytes =
  (filling: Filling): Case =>
  async (scale) => {
    const keys = makeKeys(scaled(filling.keys, scale))
    const first = await fill(keys.slice(0, 10), filling)
    await first.release()
    return async () => {
      const before = usedBytes()
      const filled = await fill(keys, filling)
      const after = usedBytes()
      await filled.release()
      return { bytes: (after - before) / keys.length }
    }
  }

/** The same where filling takes long: filled once, and read again in each round. */
const bytesFilledOnce =
  (filling: Filling): Case =>
  async (scale) => {
    const keys = makeKeys(scaled(filling.keys, scale))
    const before = usedBytes()
    const { value: breaker } = await fill(keys, filling)
    return async () => {
      const sample = { bytes: (usedBytes() - before) / keys.length }
      await Effect.runPromise(breaker.state(keys[0]))
      return sample
    }
  }

const consecutive = { callsPerKey: 1, tripPolicy: TripPolicy.consecutive(5) }
const rate = { callsPerKey: 100, tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 100 }) }

export const cases: Cases = {
  "consecutive-100000": bytes({ ...consecutive, keys: 100_000 }),
  "consecutive-1000000": bytes({ ...consecutive, keys: 1_000_000 }),
  "rate-100000": bytesFilledOnce({ ...rate, keys: 100_000 }),
  "rate-1000000": bytesFilledOnce({ ...rate, keys: 1_000_000 })
}
