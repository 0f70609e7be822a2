import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { setTimeout as sleep } from "node:timers/promises"
import { acquire, acquireRelease, loop, work } from "../effect3.ts"
import { commandsOf, portOf, startRedis } from "../fleet/redis.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)
const options = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

const makeNode = (port: number, options: CircuitBreaker.Options) =>
  Effect.map(
    Layer.build(Layer.provide(CircuitBreaker.layer(options), RedisCircuitStore.layer({ port }))),
    Context.get(CircuitBreaker.CircuitBreaker)
  )

/** Calls for a while at a steady pace; a part of them fails, spread evenly. */
const callsAt = async (
  breaker: CircuitBreaker.CircuitBreaker,
  callsASecond: number,
  failingShare: number,
  millis: number
) => {
  const succeeding = Effect.asVoid(breaker.protect(bare))
  const failing = breaker.protect(Effect.fail("down"))
  const startedAt = performance.now()
  let made = 0
  let failed = 0
  while (performance.now() - startedAt < millis) {
    const due = ((performance.now() - startedAt) * callsASecond) / 1000
    const now = Math.floor(due - made)
    const next = Effect.suspend(() => {
      made++
      if (made * failingShare < failed + 1) return Effect.ignore(succeeding)
      failed++
      return Effect.ignore(failing)
    })
    await Effect.runPromise(Effect.replicateEffect(next, now, { discard: true }))
    await sleep(1)
  }
  return made
}

const rate = TripPolicy.failureRate({ threshold: 0.9, within: "30 seconds" })

/** A breaker that shares its circuits through Redis. */
export const cases: Cases = {
  closed: timed(async () => {
    const redis = await startRedis()
    const breaker = await acquire(makeNode(portOf(redis), options))
    const guarded = breaker.protect(bare)
    await Effect.runPromise(guarded)
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  }),
  commands: async (scale) => {
    const redis = await startRedis()
    const millis = scale === "full" ? 2000 : 50
    const during = async (callsASecond: number, failingShare: number) => {
      const name = `at ${callsASecond}, ${failingShare}`
      const { release, value: breaker } = await acquireRelease(
        makeNode(portOf(redis), { name, tripPolicy: rate })
      )
      await Effect.runPromise(breaker.protect(bare))
      await sleep(100)
      const before = await commandsOf(redis)
      const made = await callsAt(breaker, callsASecond, failingShare, millis)
      const commands = (await commandsOf(redis)) - before
      await release()
      return { commands: (commands * 1000) / millis, calls: (made * 1000) / millis }
    }
    return async () => {
      const healthy = await during(1000, 0)
      const slow = await during(1000, 0.01)
      const fast = await during(100_000, 0.01)
      return {
        healthy: healthy.commands,
        slow: slow.commands,
        slowCalls: slow.calls,
        fast: fast.commands,
        fastCalls: fast.calls
      }
    }
  },
  "first-call": async (scale) => {
    const redis = await startRedis()
    const breaker = await acquire(makeNode(portOf(redis), options))
    let made = 0
    return async () => {
      const calls = scale === "full" ? 500 : 5
      const startedAt = performance.now()
      for (let i = 0; i < calls; i++) {
        await Effect.runPromise(breaker.protectWith(bare, { key: `key-${made++}` }))
      }
      return { perCall: ((performance.now() - startedAt) * 1e6) / calls }
    }
  },
  spread: async (scale) => {
    const redis = await startRedis()
    const [tripping, other] = [
      await acquire(makeNode(portOf(redis), { tripPolicy: TripPolicy.consecutive(1) })),
      await acquire(makeNode(portOf(redis), { tripPolicy: TripPolicy.consecutive(1) }))
    ]
    const trips = scale === "full" ? 200 : 2
    const spreadOf = async (key: string) => {
      await Effect.runPromise(
        Effect.all([tripping.protectWith(bare, { key }), other.protectWith(bare, { key })])
      )
      const rejected = Effect.map(other.state(key), ({ _tag }) => _tag === "Open")
      const startedAt = performance.now()
      await Effect.runPromise(Effect.exit(tripping.protectWith(Effect.fail("down"), { key })))
      while (!(await Effect.runPromise(rejected))) await sleep(0)
      return performance.now() - startedAt
    }
    let made = 0
    return async () => {
      const millis: Array<number> = []
      for (let i = 0; i < trips; i++) millis.push(await spreadOf(`key-${made++}`))
      millis.sort((a, b) => a - b)
      return { median: millis[trips >> 1] ?? 0, p99: millis[Math.floor(trips * 0.99)] ?? 0 }
    }
  }
}
