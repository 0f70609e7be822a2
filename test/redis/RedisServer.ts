/**
 * Redis servers for tests: each of its own, so that it can be stopped, silenced and emptied. Where `REDIS_URL` names a
 * server, the tests that do nothing to it use that one.
 */
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { freePort } from "./ports.ts"

export interface Address {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
}

export interface RedisServer {
  readonly address: Address
  readonly command: (...command: ReadonlyArray<string>) => Effect.Effect<unknown>
}

export interface OwnRedisServer extends RedisServer {
  /** Starts it again, on the same port and with nothing in it. */
  readonly start: Effect.Effect<void>
  /** `kill -9` */
  readonly kill: Effect.Effect<void>
  /** It stays connected and says nothing. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

const isInstalled = spawnSync("redis-server", ["--version"]).status === 0
const url = process.env["REDIS_URL"]

/** A server of the test's own, which ends with the scope. */
export const make: Effect.Effect<OwnRedisServer, never, Scope.Scope> = Effect.gen(function* () {
  const port = yield* Effect.promise(freePort)
  const address = { host: "127.0.0.1", port }
  let child: ChildProcess | undefined
  const start = Effect.promise(async () => {
    const options = ["--port", `${port}`, "--bind", address.host, "--save", "", "--appendonly", "no"]
    const started = spawn("redis-server", options, { stdio: ["ignore", "pipe", "ignore"] })
    child = started
    for await (const output of started.stdout.iterator({ destroyOnReturn: false })) {
      if (String(output).includes("Ready to accept connections")) break
    }
    started.stdout.resume()
  })
  const kill = Effect.promise(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  })
  yield* Effect.acquireRelease(start, () => kill)
  return {
    address,
    command: commandOn(address),
    start,
    kill,
    freeze: Effect.sync(() => child?.kill("SIGSTOP")),
    thaw: Effect.sync(() => child?.kill("SIGCONT"))
  }
})

/** The server that `REDIS_URL` names, or one of the test's own. */
export const given: Effect.Effect<RedisServer, never, Scope.Scope> = Effect.suspend(() => {
  if (url === undefined) return make
  const { hostname: host, password, port, username } = new URL(url)
  const address = {
    host,
    port: Number(port || 6379),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) })
  }
  return Effect.succeed({ address, command: commandOn(address) })
})

const commandOn =
  (address: Address): RedisServer["command"] =>
  (name = "PING", ...args) =>
    Effect.acquireUseRelease(
      Effect.sync(() => new Redis({ ...address, maxRetriesPerRequest: null })),
      (client) => Effect.promise(() => client.call(name, ...args)),
      (client) => Effect.sync(() => client.disconnect())
    )

const describeHow =
  (concurrent: boolean) =>
  (server: "own" | "given", name: string, tests: () => void): void => {
    const isThere = isInstalled || (server === "given" && url !== undefined)
    describe.skipIf(!isThere && process.env["CI"] === undefined)(name, { concurrent }, () => {
      beforeAll(() => {
        assert.isTrue(isThere, "Install redis-server: in CI the tests on Redis must not be skipped.")
      })
      tests()
    })
  }

/**
 * Tests that need a server: one of their own, or whichever there is. They mostly wait, and run at the same time. They
 * are skipped where there is no server, but not in CI.
 */
export const describeWith = describeHow(true)

/** The same for tests that would be in each other's way. */
export const describeInTurn = describeHow(false)
