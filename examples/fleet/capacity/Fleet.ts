/**
 * Real breakers on a Redis, with connections of their own as if each had its own process, to check what was computed.
 */
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import type { Redis } from "ioredis"
import { setTimeout as sleep } from "node:timers/promises"
import { rate } from "./Costs.ts"
import type { Work } from "./Work.ts"
import { medianOf, times, workOf } from "./Work.ts"

type Breaker = CircuitBreaker.CircuitBreaker

const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Logger.withMinimumLogLevel(effect, LogLevel.None))

/** Makes so many breakers, each of which has called so many circuits. */
const start = async (port: number, nodes: number, circuits: number, options: CircuitBreaker.Options) => {
  const scope = await run(Scope.make())
  // All of them share this process, which may be too busy for a short deadline.
  const layer = CircuitBreaker.layer(options).pipe(
    Layer.provide(RedisCircuitStore.layer({ port, deadline: "5 seconds" }))
  )
  const make = Effect.map(Layer.buildWithScope(layer, scope), Context.get(CircuitBreaker.CircuitBreaker))
  const breakers = await run(Effect.replicateEffect(make, nodes, { concurrency: "unbounded" }))
  await Promise.all(breakers.map((breaker) => callAll(breaker, circuits)))
  await sleep(500)
  return { breakers, stop: () => run(Scope.close(scope, Exit.void)) }
}

const call = (breaker: Breaker, key: string, effect: Effect.Effect<unknown, string>) =>
  run(Effect.exit(breaker.protectWith(effect, { key })))

const callAll = async (breaker: Breaker, circuits: number) => {
  for (let i = 0; i < circuits; i++) await call(breaker, `key-${i}`, Effect.void)
}

/**
 * The work of a second of a fleet whose circuits all have a failure a second, each time at a node taken by chance. Every
 * node calls every circuit twice a second.
 */
export const measureFailing = async (
  redis: Redis,
  port: number,
  nodes: number,
  circuits: number
): Promise<Work> => {
  const { breakers, stop } = await start(port, nodes, circuits, { name: "failing", tripPolicy: rate })
  const calling = new AbortController()
  const callOn = async () => {
    for (let step = 0; !calling.signal.aborted; step++) {
      const nextAt = performance.now() + 50
      // In twenty steps, a second, each circuit fails once; in ten each node calls all circuits.
      for (let i = step % 20; i < circuits; i += 20) {
        await call(breakers[Math.floor(Math.random() * nodes)]!, `key-${i}`, Effect.fail("down"))
      }
      for (let i = step % 10; i < nodes; i += 10) await callAll(breakers[i]!, circuits)
      await sleep(Math.max(0, nextAt - performance.now()))
    }
  }
  const calls = callOn()
  // The first slices of the windows fill.
  await sleep(12_000)
  const startedAt = performance.now()
  const all = await workOf(redis, () => sleep(10_000))
  const seconds = (performance.now() - startedAt) / 1000
  calling.abort()
  await calls
  await stop()
  return times(all, 1 / seconds)
}

/** The number of exchanges and changes of state so far. */
const exchangesOf = async (redis: Redis): Promise<number> =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0)

const open = async (redis: Redis, port: number, nodes: number, name: string) => {
  const options = { name, tripPolicy: TripPolicy.consecutive(2), openDuration: "1 minute" } as const
  const { breakers, stop } = await start(port, nodes, 1, options)
  const fail = () => call(breakers[0]!, "key-0", Effect.fail("down"))
  const isOpen = (breaker: Breaker) => Effect.runSync(breaker.state("key-0"))._tag === "Open"
  const healthy = await workOf(redis, async () => {
    for (let i = 0; i < 10; i++) await Promise.all(breakers.map((breaker) => callAll(breaker, 1)))
    await sleep(1_000)
  })
  const firstFailure = await workOf(redis, async () => {
    const before = await exchangesOf(redis)
    await fail()
    while ((await exchangesOf(redis)) < before + nodes) await sleep(20)
    // The node that has announced it asks once more.
    await sleep(150)
  })
  const opening = await workOf(redis, async () => {
    await fail()
    while (!breakers.every(isOpen)) await sleep(1)
  })
  await stop()
  return { healthy, firstFailure, opening }
}

/**
 * Ten calls of each node while nothing fails; the first failure of a circuit, until all nodes report; and the failure
 * that opens it, until all nodes know.
 */
export const measureOpening = async (redis: Redis, port: number, nodes: number) => {
  const rounds: Array<Awaited<ReturnType<typeof open>>> = []
  for (let i = 0; i < 5; i++) rounds.push(await open(redis, port, nodes, `opening-${i}`))
  return {
    healthy: medianOf(rounds.map(({ healthy }) => healthy)),
    firstFailure: medianOf(rounds.map(({ firstFailure }) => firstFailure)),
    opening: medianOf(rounds.map(({ opening }) => opening))
  }
}
