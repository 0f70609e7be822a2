import { Redis } from "ioredis"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** A Redis of its own for a case, which ends with its process. */
export const startRedis = async (): Promise<Redis> => {
  const port = await freePort()
  const server = spawn("redis-server", ["--port", String(port), "--save", "", "--appendonly", "no"], {
    stdio: "ignore"
  })
  server.on("error", () => {
    throw new Error("redis-server was not found: it is Debian's package of that name")
  })
  process.on("exit", () => server.kill("SIGKILL"))
  const client = new Redis({ port, host: "127.0.0.1", lazyConnect: false, retryStrategy: () => 20 })
  client.on("error", () => undefined)
  await client.ping()
  return client
}

/** The port a client is connected to. */
export const portOf = (client: Redis): number => client.options.port ?? 6379

/** How many commands the server has been sent so far, those of `client` itself aside. */
export const commandsOf = async (client: Redis): Promise<number> => {
  const stats = await client.info("commandstats")
  let sum = 0
  for (const [, name, calls] of stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)) {
    // What scripts do inside of the server is counted, too: a script is one command of ours.
    if (name === "evalsha" || name === "eval" || name === "ping" || name === "publish") sum += Number(calls)
  }
  return sum
}
