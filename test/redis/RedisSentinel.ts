/** A primary, a replica of it, and a sentinel that makes the replica the primary where the primary fails. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { eventually } from "./fixtures.ts"
import { freePort } from "./ports.ts"
import type { RedisProcess } from "./RedisProcess.ts"
import * as Process from "./RedisProcess.ts"
import type { Address } from "./RedisServer.ts"

export interface RedisSentinel {
  readonly primary: RedisProcess
  readonly replica: RedisProcess
  /** Where clients ask for the primary; `host` and `port` are those of the sentinel itself. */
  readonly address: Address & { readonly sentinels: Array<Address>; readonly name: string }
  /** Waits until the sentinel sends clients to the replica. */
  readonly failedOver: Effect.Effect<void>
}

const { host } = Process
const name = "mymaster"

export const make: Effect.Effect<RedisSentinel, never, Scope.Scope> = Effect.gen(function* () {
  const dir = yield* Process.directory
  const primary = yield* Process.server({ dir, dbfilename: "primary.rdb" })
  const replica = yield* Process.server({
    dir,
    dbfilename: "replica.rdb",
    replicaof: `${host} ${primary.port}`
  })
  yield* eventually(
    Effect.map(replica.command("INFO", "replication"), (info) =>
      String(info).includes("master_link_status:up")
    ),
    true
  )
  const sentinel = yield* startSentinel(dir, primary)
  // It learns of the replica from the primary, and promotes none that it has not heard of itself.
  yield* eventually(
    Effect.map(sentinel.command("SENTINEL", "REPLICAS", name), (it) =>
      JSON.stringify(it).includes('"master-link-status","ok"')
    ),
    true
  )
  const current = Effect.map(sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), (it) =>
    Array.isArray(it) ? it.join(":") : ""
  )
  const at = { host, port: sentinel.port }
  return {
    primary,
    replica,
    address: { ...at, sentinels: [at], name },
    failedOver: eventually(current, `${host}:${replica.port}`)
  }
})

const startSentinel = (dir: string, primary: RedisProcess): Effect.Effect<RedisProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    const file = join(dir, "sentinel.conf")
    const settings = [
      `port ${port}`,
      `bind ${host}`,
      `dir ${dir}`,
      `sentinel monitor ${name} ${host} ${primary.port} 1`,
      `sentinel down-after-milliseconds ${name} 2000`,
      `sentinel failover-timeout ${name} 10000`
    ]
    yield* Effect.promise(() => writeFile(file, settings.join("\n")))
    return yield* Process.start(port, [file, "--sentinel"], "+monitor")
  })
