import { CircuitBreaker, CircuitStore, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Redis } from "ioredis"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { quietly } from "./effect3.ts"

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** A Redis of its own for a case, which ends with its process. */
export const startRedis = async (): Promise<{ readonly client: Redis; readonly port: number }> => {
  const port = await freePort()
  const server = spawn("redis-server", ["--port", `${port}`, "--save", "", "--appendonly", "no"], {
    stdio: "ignore"
  })
  server.on("error", () => {
    throw new Error("redis-server was not found: it is Debian's package of that name")
  })
  process.on("exit", () => server.kill("SIGKILL"))
  const client = new Redis({ port, host: "127.0.0.1", retryStrategy: () => 20 })
  client.on("error", () => undefined)
  await client.ping()
  return { client, port }
}

/** The number of commands that breakers have sent so far. The commands of a script are not counted again. */
export const commandsOf = async (client: Redis): Promise<number> => {
  const stats = await client.info("commandstats")
  const counts = stats.matchAll(/cmdstat_(?:evalsha|eval|ping):calls=(\d+)/g)
  return [...counts].reduce((sum, [, calls]) => sum + Number(calls), 0)
}

/** A breaker that shares its circuits through a Redis on this machine. */
export const makeShared = (
  port: number,
  options: CircuitBreaker.Options,
  storeOptions?: CircuitStore.Options
) =>
  Layer.build(
    Layer.provide(CircuitBreaker.layer(options), RedisCircuitStore.layer({ port, ...storeOptions }))
  ).pipe(Effect.map(Context.get(CircuitBreaker.CircuitBreaker)), Effect.orDie, quietly)

/** A store in a Redis on this machine. It waits longer for an answer than a breaker would: here it is asked very much at once. */
export const makeStore = (port: number) =>
  Layer.build(RedisCircuitStore.layer({ port, deadline: "1 minute" })).pipe(
    Effect.map(Context.get(CircuitStore.CircuitStore)),
    Effect.orDie,
    quietly
  )

/** It opens on the first failure, which is then the one that decides. */
export const opensAtOnce: CircuitBreaker.Options = {
  name: "opens at once",
  tripPolicy: TripPolicy.consecutive(1)
}

/** Milliseconds on a clock that all processes of the machine have. */
export const clock = (): number => Number(process.hrtime.bigint()) / 1e6
