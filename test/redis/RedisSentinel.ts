/** A primary, its replica, and a sentinel that promotes the replica at a test's request. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { replicated } from "./commands.ts"
import { freePort } from "./ports.ts"
import type { Address, OwnRedisServer } from "./RedisServer.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually, until } from "./waiting.ts"

export interface RedisSentinel {
  readonly primary: OwnRedisServer
  readonly replica: OwnRedisServer
  /** The address at which clients ask for the primary; `host` and `port` are those of the sentinel. */
  readonly address: Address & { readonly sentinels: Array<Address>; readonly name: string }
  /** Makes the sentinel direct clients to the replica, and waits until it does. */
  readonly failOver: Effect.Effect<void>
}

const { host } = RedisServer
const name = "mymaster"

export const make: Effect.Effect<RedisSentinel, never, Scope.Scope> = Effect.gen(function* () {
  const dir = yield* RedisServer.directory
  const primary = yield* RedisServer.make({ dir, dbfilename: "primary.rdb" })
  const replicaof = `${host} ${primary.address.port}`
  const replica = yield* RedisServer.make({ dir, dbfilename: "replica.rdb", replicaof })
  yield* replicated(primary, replica)
  const sentinel = yield* startSentinel(dir, primary)
  const ask = (...args: ReadonlyArray<string>) => sentinel.command("SENTINEL", ...args)
  // It learns of the replica from the primary, and promotes none that it has not asked itself.
  yield* until(
    Effect.map(ask("REPLICAS", name), (it) => JSON.stringify(it).includes('"master-link-status","ok"'))
  )
  const current = Effect.map(ask("GET-MASTER-ADDR-BY-NAME", name), (it) =>
    Array.isArray(it) ? it.join(":") : ""
  )
  const promoted = `${host}:${replica.address.port}`
  // On a busy machine the sentinel may find the replica unfit for a moment, and refuses.
  const promote = Effect.ignore(Effect.sandbox(ask("FAILOVER", name)))
  return {
    primary,
    replica,
    address: { ...sentinel.address, sentinels: [sentinel.address], name },
    failOver: eventually(
      Effect.tap(current, (address) => (address === promoted ? Effect.void : promote)),
      promoted
    )
  }
})

const startSentinel = (
  dir: string,
  primary: OwnRedisServer
): Effect.Effect<OwnRedisServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    const file = join(dir, "sentinel.conf")
    const settings = [
      `port ${port}`,
      `bind ${host}`,
      `dir ${dir}`,
      `sentinel monitor ${name} ${host} ${primary.address.port} 1`,
      // A busy machine must not count as a failure: the test says when the primary has failed.
      `sentinel down-after-milliseconds ${name} 600000`,
      `sentinel failover-timeout ${name} 600000`
    ]
    yield* Effect.promise(() => writeFile(file, settings.join("\n")))
    return yield* RedisServer.launch(port, [file, "--sentinel"], "+monitor")
  })
