import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { acquire, acquireRelease, loop, quietly, work } from "../effect3.ts"
import { atOnce, clock, makeNode } from "../fleet/node.ts"
import type { Question } from "../fleet/other.ts"
import { commandsOf, portOf, startRedis } from "../fleet/redis.ts"
import { helper } from "../helper.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)
const options = { tripPolicy: TripPolicy.consecutive(5), openDuration: "30 seconds" } as const

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
    const port = portOf(await startRedis())
    const tripping = await acquire(makeNode(port, atOnce))
    const other = helper(new URL("../fleet/other.js", import.meta.url))
    const ask = (question: Question) => other.ask(question)
    await ask({ _tag: "Join", port })
    const trips = scale === "full" ? 200 : 2
    const spreadOf = async (key: string) => {
      await Effect.runPromise(tripping.protectWith(bare, { key }))
      await ask({ _tag: "Use", key })
      const rejected = ask({ _tag: "AwaitRejection", key })
      await sleep(5)
      const failedAt = clock()
      await Effect.runPromise(quietly(Effect.exit(tripping.protectWith(Effect.fail("down"), { key }))))
      return (await rejected) - failedAt
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
