import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

type Request = HttpServerRequest.HttpServerRequest

/**
 * Whether a request asks for a socket.
 *
 * @internal
 */
export const asksForSocket = ({ headers }: Request): boolean => headers["upgrade"] !== undefined

/**
 * Makes a request that runs an effect when its socket opens. It is a proxy, because servers store properties on a
 * request and read others that its type leaves out.
 *
 * @internal
 */
export const observingSocket = (request: Request, onOpen: Effect.Effect<void>): Request =>
  new Proxy(request, {
    get: (target, property) => {
      switch (property) {
        case "upgrade":
          return Effect.map(target.upgrade, (socket) => observedSocket(socket, onOpen))
        case "modify":
          return (options: Parameters<Request["modify"]>[0]) =>
            observingSocket(target.modify(options), onOpen)
        default:
          return Reflect.get(target, property, target)
      }
    }
  })

const observedSocket = (socket: Socket.Socket, onOpen: Effect.Effect<void>): Socket.Socket => {
  let isOpen = false
  const opened = Effect.suspend(() => {
    isOpen = true
    return onOpen
  })
  const observing = (options: { readonly onOpen?: Effect.Effect<void> | undefined } = {}) => ({
    onOpen: options.onOpen === undefined ? opened : Effect.zipRight(opened, options.onOpen)
  })
  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run: (handler, options) => socket.run(handler, observing(options)),
    runRaw: (handler, options) => socket.runRaw(handler, observing(options)),
    // On some platforms a route that only sends does not run its socket, so the first write counts as opening.
    writer: Effect.map(
      socket.writer,
      (write) => (chunk) => (isOpen ? write(chunk) : Effect.zipLeft(write(chunk), opened))
    )
  })
}

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
