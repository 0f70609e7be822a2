import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { runNow } from "../../fiber/caller.ts"

type Request = HttpServerRequest.HttpServerRequest

/**
 * Whether a request asks for a socket.
 *
 * @internal
 */
export const asksForSocket = ({ headers }: Request): boolean => headers["upgrade"] !== undefined

/**
 * Observes the socket of a request.
 *
 * @internal
 */
export interface SocketObserver {
  /** The socket has opened. */
  readonly onOpen: Effect.Effect<void>
  /** The connection has closed, before or after the socket has opened. */
  readonly onClose: Effect.Effect<void>
}

/**
 * Makes a request whose socket is observed. It is a proxy, because servers store properties on a request and read
 * others that its type leaves out.
 *
 * @internal
 */
export const observingSocket = (request: Request, observer: SocketObserver): Request =>
  new Proxy(request, {
    get: (target, property) => {
      switch (property) {
        case "upgrade":
          return Effect.map(target.upgrade, (socket) => observedSocket(socket, target, observer))
        case "modify":
          return (options: Parameters<Request["modify"]>[0]) =>
            observingSocket(target.modify(options), observer)
        default:
          return Reflect.get(target, property, target)
      }
    }
  })

const observedSocket = (
  socket: Socket.Socket,
  { source }: Request,
  { onClose, onOpen }: SocketObserver
): Socket.Socket => {
  let isOpen = false
  const opened = Effect.suspend(() => {
    isOpen = true
    return onOpen
  })
  const observing = (options: { readonly onOpen?: Effect.Effect<void> | undefined } = {}) => ({
    onOpen: options.onOpen === undefined ? opened : Effect.zipRight(opened, options.onOpen)
  })
  // The platform's server for Node.js never ends a handshake that it has refused, so only the connection shows that.
  // A defect that is thrown in a listener would end the process.
  const observed = <A, E, R>(running: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime((caller) => {
      connectionOf(source)?.once("close", () => runNow(caller, onClose))
      return running
    })
  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run: (handler, options) => observed(socket.run(handler, observing(options))),
    runRaw: (handler, options) => observed(socket.runRaw(handler, observing(options))),
    // On some platforms a route that only sends does not run its socket, so the first write counts as opening.
    writer: Effect.map(
      socket.writer,
      (write) => (chunk) => (isOpen ? write(chunk) : Effect.zipLeft(write(chunk), opened))
    )
  })
}

interface Connection {
  readonly once: (event: "close", listener: () => void) => unknown
}

/** The connection of a request, if its server has the form of that of Node.js. */
const connectionOf = (source: unknown): Connection | undefined =>
  Predicate.hasProperty(source, "socket") && isConnection(source.socket) ? source.socket : undefined

const isConnection = (socket: unknown): socket is Connection =>
  Predicate.hasProperty(socket, "once") && Predicate.isFunction(socket.once)

/**
 * Whether a route has failed only because its socket ended. A client may close a socket at any time, so this is not a
 * failure of the route.
 *
 * @internal
 */
export const isSocketEnd = (cause: Cause.Cause<unknown>): boolean =>
  Cause.reduce<boolean, unknown>(cause, true, (all, part) => {
    switch (part._tag) {
      case "Fail":
        return Option.some(all && Socket.isSocketError(part.error))
      case "Die":
        return Option.some(all && Socket.isSocketError(part.defect))
      default:
        return Option.none()
    }
  })
