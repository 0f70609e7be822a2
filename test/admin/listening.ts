/** Consumers of events, on sockets of their own. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { once } from "node:events"
import { type IncomingMessage, request } from "node:http"
import { connect } from "node:net"
import type { Server } from "./fixtures.ts"

export interface Received {
  readonly event: string
  readonly data: unknown
}

export interface Listener {
  readonly response: IncomingMessage
  /** Waits for the next event. */
  readonly next: Effect.Effect<Received>
  /** Waits for the next event of a kind, and passes over others. */
  readonly nextOf: <A>(event: string) => Effect.Effect<A>
  /** Everything that has come so far, as text. */
  readonly text: () => string
  /** Waits until the server has ended the connection. */
  readonly ended: Effect.Effect<void>
  readonly leave: Effect.Effect<void>
}

/** Connects a consumer that reads everything as it comes. The connection closes with the scope. */
export const listen = ({ origin }: Server, headers: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<Received>()
    const asked = request(`${origin}/circuits/events`, { headers })
    asked.end()
    const [response] = yield* Effect.promise(async () => (await once(asked, "response")) as [IncomingMessage])
    let text = ""
    let rest = ""
    response.setEncoding("utf8")
    response.on("data", (chunk: string) => {
      text += chunk
      const blocks = (rest + chunk).split("\n\n")
      rest = blocks.pop() ?? ""
      for (const block of blocks) {
        const received = /^(?:: \w+\n\n)?event: (\w+)\ndata: (.*)$/.exec(block)
        if (received !== null)
          events.unsafeOffer({ event: received[1] ?? "", data: JSON.parse(received[2] ?? "") })
      }
    })
    const closed = new Promise<void>((resolve) => {
      response.once("close", resolve)
      // An abrupt end is an end too.
      response.on("error", () => resolve())
    })
    const leave = Effect.sync(() => asked.destroy())
    yield* Effect.addFinalizer(() => leave)
    const next = Queue.take(events)
    const nextOf = <A>(event: string): Effect.Effect<A> =>
      Effect.flatMap(next, (received) =>
        received.event === event ? Effect.succeed(received.data as A) : nextOf<A>(event)
      )
    const listener: Listener = {
      response,
      next,
      nextOf,
      text: () => text,
      ended: Effect.promise(() => closed),
      leave
    }
    return listener
  })

/** Connects a consumer that reads nothing, not even the answer's first line. */
export const connectSilently = ({ host }: Server) =>
  Effect.gen(function* () {
    const [name, port] = host.split(":")
    const socket = connect(Number(port), name)
    yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
    yield* Effect.promise(() => once(socket, "connect"))
    socket.on("error", () => {})
    socket.pause()
    socket.write(`GET /circuits/events HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    return socket
  })
