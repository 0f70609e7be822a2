import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Redis } from "ioredis"
import { setTimeout as sleep } from "node:timers/promises"
import { acquireRelease, quietly, work } from "../effect3.ts"
import { portOf } from "../fleet/redis.ts"
import { medianOf, times, type Work, workOf } from "./meter.ts"
import { rate } from "./units.ts"

type Breaker = CircuitBreaker.CircuitBreaker

// All nodes share this process, which may be too busy for a short deadline.
const makeNode = (port: number, options: CircuitBreaker.Options) =>
  Layer.build(
    Layer.provide(CircuitBreaker.layer(options), RedisCircuitStore.layer({ port, deadline: "5 seconds" }))
  ).pipe(Effect.map(Context.get(CircuitBreaker.CircuitBreaker)), quietly)

/** Breakers on stores of their own, as if each had its own process. */
const start = async (redis: Redis, nodes: number, circuits: number, options: CircuitBreaker.Options) => {
  const made = await Promise.all(
    Array.from({ length: nodes }, () => acquireRelease(makeNode(portOf(redis), options)))
  )
  const breakers = made.map(({ value }) => value)
  await Promise.all(breakers.map((breaker) => callAll(breaker, circuits)))
  await sleep(500)
  return { breakers, stop: () => Promise.all(made.map(({ release }) => release())) }
}

const call = (breaker: Breaker, key: string, effect: Effect.Effect<unknown, string>) =>
  Effect.runPromise(quietly(Effect.exit(breaker.protectWith(effect, { key }))))

const callAll = async (breaker: Breaker, circuits: number) => {
  for (let i = 0; i < circuits; i++) await call(breaker, `key-${i}`, Effect.sync(work))
}

/**
 * A second of a fleet whose circuits all have failures: one a second each, at a node taken by chance. Every node calls
 * every circuit twice a second.
 */
export const measureFailing = async (
  redis: Redis,
  nodes: number,
  circuits: number,
  millis: number
): Promise<Work> => {
  const { breakers, stop } = await start(redis, nodes, circuits, {
    name: "failing",
    tripPolicy: rate
  })
  const calling = new AbortController()
  const run = async () => {
    for (let step = 0; !calling.signal.aborted; step++) {
      const nextAt = performance.now() + 50
      // In twenty steps, a second, each circuit fails once; in ten each node calls all circuits.
      for (let i = step % 20; i < circuits; i += 20) {
        const breaker = breakers[Math.floor(Math.random() * nodes)]!
        await call(breaker, `key-${i}`, Effect.fail("down"))
      }
      for (let i = step % 10; i < nodes; i += 10) await callAll(breakers[i]!, circuits)
      await sleep(Math.max(0, nextAt - performance.now()))
    }
  }
  const running = run()
  // The windows fill.
  await sleep(12_000)
  const startedAt = performance.now()
  const all = await workOf(redis, () => sleep(millis))
  const seconds = (performance.now() - startedAt) / 1000
  calling.abort()
  await running
  await stop()
  return times(all, 1 / seconds)
}

const open = async (redis: Redis, nodes: number, name: string) => {
  const { breakers, stop } = await start(redis, nodes, 1, {
    name,
    tripPolicy: TripPolicy.consecutive(2),
    openDuration: "1 minute"
  })
  const fail = () => call(breakers[0]!, "key-0", Effect.fail("down"))
  const isOpen = (breaker: Breaker) =>
    Effect.runSync(Effect.map(breaker.state("key-0"), ({ _tag }) => _tag === "Open"))
  const healthy = await workOf(redis, async () => {
    for (let i = 0; i < 10; i++) await Promise.all(breakers.map((breaker) => callAll(breaker, 1)))
    await sleep(1_000)
  })
  const warming = await workOf(redis, async () => {
    await fail()
    while ((await redis.hlen(`circuit:{${name}:key-0}`)) < nodes) await sleep(20)
    // The one that told asks once more.
    await sleep(150)
  })
  const opening = await workOf(redis, async () => {
    await fail()
    while (!breakers.every(isOpen)) await sleep(1)
  })
  await stop()
  return { healthy, warming, opening }
}

/**
 * Ten calls of each node while nothing fails; the first failure of a circuit, until all nodes contribute; and then the one
 * that opens it, until all know.
 */
export const measureOpening = async (redis: Redis, nodes: number) => {
  const rounds: Array<Awaited<ReturnType<typeof open>>> = []
  for (let i = 0; i < 5; i++) rounds.push(await open(redis, nodes, `opening-${i}`))
  return {
    healthy: medianOf(rounds.map(({ healthy }) => healthy)),
    warming: medianOf(rounds.map(({ warming }) => warming)),
    opening: medianOf(rounds.map(({ opening }) => opening))
  }
}
