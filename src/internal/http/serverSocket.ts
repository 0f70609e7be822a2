import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

type Request = HttpServerRequest.HttpServerRequest

/** @internal */
export const asksForSocket = ({ headers }: Request): boolean => headers["upgrade"] !== undefined

/**
 * A request whose socket tells when it opens. It is the same object in all else: servers keep notes of their own on a
 * request, and ask it for what its type does not name.
 *
 * @internal
 */
export const withSocketThatTells = (request: Request, onOpen: Effect.Effect<void>): Request =>
  new Proxy(request, {
    get: (target, property) => {
      switch (property) {
        case "upgrade":
          return Effect.map(target.upgrade, (socket) => tellingSocket(socket, onOpen))
        case "modify":
          return (options: Parameters<Request["modify"]>[0]) =>
            withSocketThatTells(target.modify(options), onOpen)
        default:
          return Reflect.get(target, property, target)
      }
    },
    set: (target, property, value) => Reflect.set(target, property, value, target)
  })

const tellingSocket = (socket: Socket.Socket, onOpen: Effect.Effect<void>): Socket.Socket => {
  const telling = (options: { readonly onOpen?: Effect.Effect<void> | undefined } = {}) => ({
    onOpen: options.onOpen === undefined ? onOpen : Effect.zipRight(onOpen, options.onOpen)
  })
  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run: (handler, options) => socket.run(handler, telling(options)),
    runRaw: (handler, options) => socket.runRaw(handler, telling(options)),
    writer: socket.writer
  })
}

/**
 * Whether a route that has opened a socket has only ended with it: clients come and go, and how is up to them.
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
