/** Commands with which tests inspect a server. */
import * as Effect from "effect/Effect"
import type { RedisServer } from "./RedisServer.ts"
import { until } from "./waiting.ts"

/** The keys with this prefix. */
export const keysIn = ({ command }: RedisServer, prefix = ""): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(command("KEYS", "*"), (keys) =>
    Array.isArray(keys) ? keys.map(String).filter((key) => key.startsWith(prefix)) : []
  )

/** The number of connections that are subscribed to a channel. */
export const subscribersOf = ({ command }: RedisServer, channel: string): Effect.Effect<number> =>
  Effect.map(command("PUBSUB", "NUMSUB", channel), (it) => (Array.isArray(it) ? Number(it[1]) : 0))

/** A number, or another value, that `INFO` names in one of its sections. */
export const infoOf = (
  { command }: RedisServer,
  section: string,
  name: string
): Effect.Effect<string | undefined> =>
  Effect.map(command("INFO", section), (info) => new RegExp(`^${name}:(.*?)\r$`, "m").exec(String(info))?.[1])

/** Waits until a replica is connected to its primary and has all that the primary has. */
export const replicated = (primary: RedisServer, replica: RedisServer): Effect.Effect<void> =>
  until(
    Effect.map(
      Effect.all([
        infoOf(replica, "replication", "master_link_status"),
        infoOf(primary, "replication", "master_repl_offset"),
        infoOf(replica, "replication", "slave_repl_offset")
      ]),
      ([link, written, read]) => link === "up" && written === read
    )
  )
