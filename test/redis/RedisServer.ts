/**
 * Processes of `redis-server`, each on a port of its own: a server, one of a cluster, or a sentinel. They end with their
 * scope. If `REDIS_URL` names a server, the tests that do not change the server use that one.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./ports.ts"

export interface Address {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
}

export interface RedisServer {
  readonly address: Address
  readonly command: (name: string, ...args: ReadonlyArray<string | number | Buffer>) => Effect.Effect<unknown>
}

export interface OwnRedisServer extends RedisServer {
  /** Starts it again on the same port, with the data of its files. */
  readonly start: Effect.Effect<void>
  /** `kill -9` */
  readonly kill: Effect.Effect<void>
  /** Its connections stay open, and it answers nothing. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

export const host = "127.0.0.1"

const url = process.env["REDIS_URL"]

const isInstalled = spawnSync("redis-server", ["--version"]).status === 0

/** Whether tests can have servers of their own, and whether they can have any. */
export const isAvailable = { own: isInstalled, given: isInstalled || url !== undefined }

/** Starts a server, which writes nothing to disk unless the settings say so. */
export const make = (
  settings: Readonly<Record<string, string | number>> = {}
): Effect.Effect<OwnRedisServer, never, Scope.Scope> =>
  Effect.flatMap(Effect.promise(freePort), (port) => {
    const all = { port, bind: host, save: "", "repl-diskless-sync-delay": 0, ...settings }
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`])
    return launch(port, args, "Ready to accept connections")
  })

/** Starts a process that listens on a port, and waits until it prints `ready`. */
export const launch = (
  port: number,
  args: ReadonlyArray<string>,
  ready: string
): Effect.Effect<OwnRedisServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = { host, port }
    let child: ChildProcess | undefined
    const start = Effect.promise(async () => {
      const started = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] })
      child = started
      let output = ""
      for await (const chunk of started.stdout.iterator({ destroyOnReturn: false })) {
        output += String(chunk)
        if (!output.includes(ready)) continue
        started.stdout.resume()
        return
      }
      throw new Error(`redis-server did not start: ${output}`)
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
      command: yield* commandOn(address),
      start,
      kill,
      freeze: Effect.sync(() => child?.kill("SIGSTOP")),
      thaw: Effect.sync(() => child?.kill("SIGCONT"))
    }
  })

/** The server that `REDIS_URL` names, or one of the test's own. */
export const given: Effect.Effect<RedisServer, never, Scope.Scope> = Effect.suspend(() => {
  if (url === undefined) return make()
  const { hostname, password, port, username } = new URL(url)
  const address = {
    host: hostname,
    port: Number(port || 6379),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) })
  }
  return Effect.map(commandOn(address), (command) => ({ address, command }))
})

/** Sends commands on one connection, which is opened again if it is lost. */
const commandOn = (address: Address): Effect.Effect<RedisServer["command"], never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        new Redis({ ...address, maxRetriesPerRequest: null, enableReadyCheck: false }).on(
          "error",
          () => undefined
        )
      ),
      (client) => Effect.sync(() => client.disconnect())
    ),
    (client) =>
      (name, ...args) =>
        Effect.promise(() => client.call(name, ...args))
  )

/** A directory for the files of a server, which is removed with the scope. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "redis-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
