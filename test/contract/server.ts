import { Redis } from "ioredis"

const url = new URL(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379")

/** Where the server for these tests is. */
export const address = {
  host: url.hostname,
  port: Number(url.port || 6379),
  ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
  ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) })
}

const answers = async (): Promise<boolean> => {
  const client = new Redis({
    ...address,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2_000
  })
  client.on("error", () => undefined)
  try {
    await client.connect()
    return (await client.ping()) === "PONG"
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

/** Whether there is a server. In CI there has to be one: its tests fail then, where they would be skipped. */
export const isServed = process.env["CI"] !== undefined || (await answers())
