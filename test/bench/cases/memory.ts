import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { acquireRelease, loop, repeat, work } from "../effect3.ts"
import { makeNode } from "../fleet/node.ts"
import { portOf, startRedis } from "../fleet/redis.ts"
import { usedBytes } from "../heap.ts"
import { inOrder, makeKeys, scaled } from "../key-order.ts"
import type { Case, Cases, Scale } from "../case.ts"

type Make = (
  options: CircuitBreaker.Options
) => Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope>

interface Filling {
  readonly keys: number
  readonly callsPerKey: number
  readonly tripPolicy: TripPolicy.TripPolicy
}

const bare = Effect.sync(work)

/** `read` answers the bytes a closed circuit, without its key: the program has that in hand anyway. */
const fill = async (filling: Filling, scale: Scale, make: Make) => {
  const { callsPerKey, tripPolicy } = filling
  const keys = makeKeys(scaled(filling.keys, scale))
  const { release, value: breaker } = await acquireRelease(make({ tripPolicy, capacity: keys.length + 1 }))
  const call = (key: string) => {
    const guarded = breaker.protectWith(bare, { key })
    return repeat(() => guarded)(callsPerKey)
  }
  await Effect.runPromise(call("the first one brings what all have in common"))
  const before = usedBytes()
  const next = inOrder(keys)
  await loop(() => call(next()))(keys.length)
  const held = (await Effect.runPromise(breaker.circuits)).length
  if (held !== keys.length + 1) throw new Error(`holds ${held} circuits of ${keys.length + 1}`)
  return { read: () => (usedBytes() - before) / keys.length, breaker, release }
}

const bytes =
  (filling: Filling, prepareMake: () => Promise<Make> = async () => CircuitBreaker.make): Case =>
  async (scale) => {
    const make = await prepareMake()
    return async () => {
      const { read, release } = await fill(filling, scale, make)
      const sample = { bytes: read() }
      await release()
      return sample
    }
  }

/** The same where filling takes long: filled once, and read again in each round. */
const bytesFilledOnce =
  (filling: Filling): Case =>
  async (scale) => {
    const { breaker, read } = await fill(filling, scale, CircuitBreaker.make)
    return async () => {
      const sample = { bytes: read() }
      await Effect.runPromise(breaker.state())
      return sample
    }
  }

const makeShared = async (): Promise<Make> => {
  const port = portOf(await startRedis())
  return (options) => Effect.orDie(makeNode(port, options))
}

const consecutive = { callsPerKey: 1, tripPolicy: TripPolicy.consecutive(5) }
const rate = { callsPerKey: 100, tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 100 }) }

export const cases: Cases = {
  "consecutive-100000": bytes({ ...consecutive, keys: 100_000 }),
  "consecutive-1000000": bytes({ ...consecutive, keys: 1_000_000 }),
  "rate-100000": bytesFilledOnce({ ...rate, keys: 100_000 }),
  "rate-1000000": bytesFilledOnce({ ...rate, keys: 1_000_000 }),
  "shared-10000": bytes({ ...consecutive, keys: 10_000 }, makeShared)
}
