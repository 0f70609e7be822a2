import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import { Redis } from "ioredis"
import type { Reason } from "./reason.ts"
import { isAborted, watch } from "./reason.ts"

/**
 * A client that reconnects until its scope closes, and the reason while it is not connected.
 *
 * @internal
 */
export interface Connection {
  readonly client: Redis
  readonly reason: Reason
}

/**
 * Opens a connection, and waits a second at most for the first attempt to connect.
 *
 * @internal
 */
export const open = (options: RedisOptions): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis({
        connectTimeout: 2_000,
        // With keep-alive, TCP detects a dead connection even if nothing is sent.
        keepAlive: 10_000,
        // A connection to a silent server is closed, and the sentinels, if there are any, name another server.
        socketTimeout: 2_000,
        failoverDetector: true,
        retryStrategy: (attempt) => Math.min(attempt * 50, 500),
        // If the server has become a replica, a new connection may reach the primary.
        reconnectOnError: (error) => error.message.includes("READONLY"),
        ...options
      })
      client.on("error", (error) => {
        if (isOfSelect(error)) client.stream.destroy()
      })
      return { client, reason: watch(client), letEnd: reconnectAtEnd(client) }
    }),
    ({ client, letEnd, reason }) =>
      Effect.sync(() => {
        letEnd()
        client.disconnect()
        reason.stop()
      })
  ).pipe(
    // The store does not wait longer for a server, because calls go on without it.
    Effect.tap(({ client }) => Effect.timeoutOption(connected(client), "1 second"))
  )

/**
 * Reconnects when ioredis gives up: an attempt to connect that is aborted ends the client for good, and a failover that
 * its sentinels report meanwhile aborts it. Returns a function that lets the client end.
 */
const reconnectAtEnd = (client: Redis): (() => void) => {
  let hasAborted = false
  const onError = (error: unknown): void => {
    hasAborted = isAborted(error)
  }
  const onEnd = (): void => {
    if (hasAborted) client.connect().catch(() => undefined)
  }
  client.on("error", onError).on("end", onEnd)
  return () => client.off("end", onEnd)
}

/** Whether the server refused the database. ioredis would then use the database 0, which may belong to others. */
const isOfSelect = (error: Error): boolean => "command" in error && Object(error.command).name === "select"

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
