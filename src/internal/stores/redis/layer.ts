import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import { type Cluster, Redis } from "ioredis"
import type { Store } from "../../../CircuitStore.ts"
import type { Options } from "../../../RedisCircuitStore.ts"
import { makeCoordination } from "../coordination.ts"
import { refuseValue } from "../../options/checks.ts"
import { isCluster, Listener } from "./listener.ts"
import * as RedisStore from "./store.ts"

/** @internal */
export const connect = (
  options: Options & Omit<RedisOptions, keyof Options>
): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval, ...redis } = options
    const [client, subscriber] = yield* Effect.all(
      [
        open({ ...redis, enableOfflineQueue: false, maxRetriesPerRequest: 0 }),
        // Whoever listens subscribes again; ioredis would leave a refusal unhandled, which ends the process.
        open({ ...redis, maxRetriesPerRequest: null, autoResubscribe: false })
      ],
      { concurrency: "unbounded" }
    )
    return yield* fromClients(
      { client, subscriber },
      { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval },
      () => client.disconnect(true)
    )
  })

const open = (options: RedisOptions): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis({
        connectTimeout: 2_000,
        // A connection that has died without a word is noticed although nothing is sent on it.
        keepAlive: 10_000,
        // One that is there and says nothing, too; where there are sentinels, they know of another.
        socketTimeout: 2_000,
        failoverDetector: true,
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // A replica that was a primary: look again for the primary.
        reconnectOnError: (error) => error.message.includes("READONLY"),
        ...options
      })
      return { client, forsake: stayConnected(client) }
    }),
    ({ client, forsake }) =>
      Effect.sync(() => {
        forsake()
        client.disconnect()
      })
  ).pipe(
    Effect.map(({ client }) => client),
    // A server that takes longer is not waited for: calls go on without it.
    Effect.tap((client) => Effect.timeoutOption(connected(client), "1 second"))
  )

/**
 * Connects anew when ioredis gives up: an attempt to connect that is broken off ends the client for good, and a failover
 * that its sentinels tell of meanwhile breaks it off. Returns how to leave that.
 */
const stayConnected = (client: Redis): (() => void) => {
  let isBrokenOff = false
  // Every other error is reported by whoever asks.
  const onError = (error: Error): void => {
    isBrokenOff = error.message === "Connection is closed."
  }
  const onEnd = (): void => {
    if (isBrokenOff) client.connect().catch(() => undefined)
  }
  client.on("error", onError).on("end", onEnd)
  return () => client.off("end", onEnd)
}

/** Waits until the first attempt to connect has come to an end, good or bad. */
const connected = (client: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    const done = () => {
      client.off("ready", done).off("close", done)
      resume(Effect.void)
    }
    client.on("ready", done).on("close", done)
    return Effect.sync(() => client.off("ready", done).off("close", done))
  })

/** @internal */
export const fromClients = (
  { client, subscriber }: { readonly client: Redis | Cluster; readonly subscriber: Redis | Cluster },
  options: Options,
  reconnect = () => (isCluster(client) ? client.refreshSlotsCache() : undefined)
): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { prefix = "circuit:", ...coordination } = options
    if (typeof prefix !== "string") refuseValue("RedisCircuitStore: prefix", "a string", prefix)
    const decoded = makeCoordination("RedisCircuitStore", coordination)
    return Effect.map(Listener.make(subscriber), (listener) =>
      RedisStore.make({ client, listener, prefix, coordination: decoded, reconnect })
    )
  })
