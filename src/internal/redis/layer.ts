import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cluster, RedisOptions } from "ioredis"
import { Redis } from "ioredis"
import type { Store } from "../../CircuitStore.ts"
import type { Options } from "../../RedisCircuitStore.ts"
import { decodeCoordination } from "../fleet/coordination.ts"
import { Listener } from "./listener.ts"
import * as RedisStore from "./store.ts"

/** @internal */
export const connect = (
  options: Options & Omit<RedisOptions, keyof Options>
): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval, ...redis } = options
    const client = yield* open({ ...redis, enableOfflineQueue: false, maxRetriesPerRequest: 0 })
    const subscriber = yield* open({ ...redis, maxRetriesPerRequest: null })
    return fromClients(
      { client, subscriber },
      { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval }
    )
  })

const open = (options: RedisOptions): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Redis>((resume) => {
      const client = new Redis({
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // A replica that was a primary: look again for the primary.
        reconnectOnError: (error) => error.message.startsWith("READONLY"),
        ...options
      })
      // Reported by whoever asks.
      client.on("error", () => undefined)
      const connected = () => resume(Effect.succeed(client))
      client.once("ready", connected)
      client.once("close", connected)
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** @internal */
export const fromClients = (
  clients: { readonly client: Redis | Cluster; readonly subscriber: Redis | Cluster },
  options: Options
): Store => {
  const { prefix = "circuit:", ...coordination } = options
  return RedisStore.make(
    clients.client,
    new Listener(clients.subscriber),
    prefix,
    decodeCoordination("RedisCircuitStore", coordination)
  )
}
