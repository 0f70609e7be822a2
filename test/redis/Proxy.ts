/** A proxy in front of a server, which can delay, close, reset or silence its connections. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { once } from "node:events"
import type { Socket } from "node:net"
import { connect, createServer } from "node:net"
import { setTimeout } from "node:timers/promises"
import type { Address } from "./RedisServer.ts"
import { portOf } from "./ports.ts"

export interface Proxy {
  readonly address: Address
  /** Delays everything that the server sends from now on. */
  readonly delay: (millis: number) => Effect.Effect<void>
  /** Closes the connections, and every new one, until `mend`. */
  readonly cut: Effect.Effect<void>
  /** Resets the connections, once. */
  readonly reset: Effect.Effect<void>
  /** Stops forwarding, while the connections stay open. */
  readonly hush: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
}

export const make = (target: Address): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = new Set<Connection>()
    let delayMillis = 0
    let isCut = false
    const listener = createServer((client) => {
      if (isCut) {
        client.destroy()
        return
      }
      const server = connect(target.port, target.host)
      const connection = { client, server }
      connections.add(connection)
      client.setNoDelay(true)
      client.on("data", (data) => server.write(data))
      let sent: Promise<unknown> = Promise.resolve()
      server.on("data", (data) => {
        // In the order in which it came.
        sent = Promise.all([sent, delayMillis === 0 ? undefined : setTimeout(delayMillis)]).then(() =>
          client.write(data)
        )
      })
      for (const socket of [client, server]) {
        socket.on("error", () => undefined)
        socket.on("close", () => {
          connections.delete(connection)
          client.destroy()
          server.destroy()
        })
      }
    })
    const hangUp = () => connections.forEach(({ client }) => client.destroy())
    yield* Effect.acquireRelease(
      Effect.promise(() => {
        listener.listen(0, "127.0.0.1")
        return once(listener, "listening")
      }),
      () =>
        Effect.sync(() => {
          hangUp()
          listener.close()
        })
    )
    return {
      address: { ...target, host: "127.0.0.1", port: portOf(listener) },
      delay: (millis) =>
        Effect.sync(() => {
          delayMillis = millis
        }),
      cut: Effect.sync(() => {
        isCut = true
        hangUp()
      }),
      reset: Effect.sync(() => connections.forEach(({ client }) => client.resetAndDestroy())),
      hush: Effect.sync(() =>
        connections.forEach(({ client }) => client.removeAllListeners("data").resume())
      ),
      mend: Effect.sync(() => {
        isCut = false
        delayMillis = 0
      })
    }
  })
