/** Processes of redis-server that do more than to serve alone, with a directory where they keep their files. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "./ports.ts"

export interface RedisProcess {
  readonly port: number
  readonly command: (name: string, ...args: ReadonlyArray<string | number>) => Effect.Effect<unknown>
  /** `kill -9` */
  readonly kill: Effect.Effect<void>
  /** It stays connected and says nothing. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
}

/** A directory that is removed with the scope. */
export const directory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "redis-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

export const host = "127.0.0.1"

export const server = (
  options: Readonly<Record<string, string | number>>
): Effect.Effect<RedisProcess, never, Scope.Scope> =>
  Effect.flatMap(Effect.promise(freePort), (port) => {
    const all = Object.entries({ port, bind: host, save: "", "repl-diskless-sync-delay": 0, ...options })
    return start(
      port,
      all.flatMap(([name, value]) => [`--${name}`, `${value}`]),
      "Ready to accept connections"
    )
  })

/** Starts it, waits for what it says when it is ready, and ends it with the scope. */
export const start = (
  port: number,
  args: ReadonlyArray<string>,
  ready: string
): Effect.Effect<RedisProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.promise(() => spawned(args, ready)),
      (it) => Effect.promise(() => kill(it))
    )
    const client = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Redis({ host, port, maxRetriesPerRequest: null, enableReadyCheck: false }).on(
          "error",
          () => undefined
        )
      ),
      (it) => Effect.sync(() => it.disconnect())
    )
    return {
      port,
      command: (name, ...args) => Effect.promise(() => client.call(name, ...args)),
      kill: Effect.promise(() => kill(child)),
      freeze: Effect.sync(() => child.kill("SIGSTOP")),
      thaw: Effect.sync(() => child.kill("SIGCONT"))
    }
  })

const spawned = async (args: ReadonlyArray<string>, ready: string): Promise<ChildProcess> => {
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] })
  let said = ""
  for await (const output of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(output)
    if (said.includes(ready)) {
      child.stdout.resume()
      return child
    }
  }
  throw new Error(`redis-server did not start: ${said}`)
}

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGKILL")
  await ended
}
