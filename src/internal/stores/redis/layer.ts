import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import { type Cluster, Redis } from "ioredis"
import type { Store } from "../../../CircuitStore.ts"
import type { Options } from "../../../RedisCircuitStore.ts"
import { makeCoordination } from "../coordination.ts"
import { isCluster, Listener } from "./listener.ts"
import * as RedisStore from "./store.ts"

/**
 * Makes a store on connections of its own, which are closed with the scope.
 *
 * @internal
 */
export const connect = (
  options: Options & Omit<RedisOptions, keyof Options>
): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval, ...redis } = options
    const [client, subscriber] = yield* Effect.all(
      [
        open({ ...redis, enableOfflineQueue: false, maxRetriesPerRequest: 0 }),
        // The listener subscribes again itself, because ioredis would leave a refusal unhandled, which ends the process.
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
        // TCP notices a connection that has died silently even if nothing is sent on it.
        keepAlive: 10_000,
        // A connection to a silent server is closed, and the sentinels, if there are any, name another server.
        socketTimeout: 2_000,
        failoverDetector: true,
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // If the server has become a replica, a new connection may reach the primary.
        reconnectOnError: (error) => error.message.includes("READONLY"),
        ...options
      })
      return { client, letEnd: reconnectAtEnd(client) }
    }),
    ({ client, letEnd }) =>
      Effect.sync(() => {
        letEnd()
        client.disconnect()
      })
  ).pipe(
    Effect.map(({ client }) => client),
    // The store does not wait longer for a server, because calls go on without it.
    Effect.tap((client) => Effect.timeoutOption(connected(client), "1 second"))
  )

/**
 * Reconnects when ioredis gives up: an attempt to connect that is aborted ends the client for good, and a failover that
 * its sentinels report meanwhile aborts it. Returns a function that lets the client end.
 */
const reconnectAtEnd = (client: Redis): (() => void) => {
  let isAborted = false
  // Every other error also fails a command, which reports it.
  const onError = (error: Error): void => {
    isAborted = error.message === "Connection is closed."
  }
  const onEnd = (): void => {
    if (isAborted) client.connect().catch(() => undefined)
  }
  client.on("error", onError).on("end", onEnd)
  return () => client.off("end", onEnd)
}

/** Waits until the first attempt to connect has succeeded or failed. */
const connected = (client: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    const done = () => {
      client.off("ready", done).off("close", done)
      resume(Effect.void)
    }
    client.on("ready", done).on("close", done)
    return Effect.sync(() => client.off("ready", done).off("close", done))
  })

/**
 * Makes a store on given connections.
 *
 * @internal
 */
export const fromClients = (
  { client, subscriber }: { readonly client: Redis | Cluster; readonly subscriber: Redis | Cluster },
  options: Options,
  reconnect = () => (isCluster(client) ? client.refreshSlotsCache() : undefined)
): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { prefix = "circuit:", ...coordination } = options
    const decoded = makeCoordination("RedisCircuitStore", coordination)
    return Effect.map(Listener.make(subscriber), (listener) =>
      RedisStore.make({ client, listener, prefix, coordination: decoded, reconnect })
    )
  })
