/** Apps without a server: raw streams, hand-made sockets, and other implementations of a breaker. */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { EventEmitter } from "node:events"
import { Readable } from "node:stream"
import { stepsKey } from "../../../src/internal/circuitBreaker/steps.ts"
import { make, makeHalfOpen, makeOpen, settled, tagOf, totalsOf } from "../../kit/index.ts"
import { exitOf, status } from "./fixtures.ts"

/** An app that sends its response itself: it passes it to the pre-response handlers, and sends until the gate opens. */
const sending = (response: HttpServerResponse.HttpServerResponse, gate: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const handler = yield* FiberRef.get(HttpApp.currentPreResponseHandlers)
    const handled = yield* Option.match(handler, {
      onNone: () => Effect.succeed(response),
      onSome: (handle) => handle(request, response)
    })
    yield* Deferred.await(gate)
    return handled
  })

const bodies: Record<string, readonly [HttpServerResponse.HttpServerResponse, "Closed" | "HalfOpen"]> = {
  "a stream": [HttpServerResponse.stream(Stream.empty), "Closed"],
  "a raw stream of Node": [HttpServerResponse.raw(Readable.from(["all"])), "Closed"],
  "a raw stream of the web": [HttpServerResponse.raw(new ReadableStream()), "Closed"],
  "a raw text": [HttpServerResponse.raw("all"), "HalfOpen"],
  "a raw nothing": [HttpServerResponse.raw(null), "HalfOpen"],
  "a text": [HttpServerResponse.text("all"), "HalfOpen"],
  nothing: [HttpServerResponse.empty(), "HalfOpen"]
}

describe("E13 an app that sends its response itself", () => {
  for (const [body, [response, tag]] of Object.entries(bodies)) {
    it.scoped(`E13 has answered with the headers of ${body}: ${tag === "Closed"}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const gate = yield* Deferred.make<void>()
        const app = CircuitHttpMiddleware.make({ breaker })(sending(response, gate))
        const fiber = yield* Effect.fork(exitOf(app))
        yield* settled
        assert.strictEqual(yield* tagOf(breaker), tag)
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.succeed(response))
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
      })
    )
  }

  it.scoped("E13 also sends it in a dry run, in which it is no call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ mode: "observe" })
      const gate = yield* Deferred.make<void>()
      yield* Deferred.succeed(gate, undefined)
      const response = HttpServerResponse.stream(Stream.empty)
      const app = CircuitHttpMiddleware.make({ breaker })(sending(response, gate))
      assert.deepStrictEqual(yield* exitOf(app), Exit.succeed(response))
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, rejected: 1 })
    })
  )
})

/** The result of an app with a socket, which opens at once and ends in the given way. */
const exitWithSocket = <E>(app: HttpApp.Default<E>, end: Effect.Effect<void, Socket.SocketError>) =>
  exitWithRun(app, (_, options) => Effect.zipRight(options?.onOpen ?? Effect.void, end))

/** The result of an app with a socket that runs in the given way on a connection. */
const exitWithRun = <E>(
  app: HttpApp.Default<E>,
  run: Socket.Socket["run"],
  connection: unknown = undefined
) => {
  const socket = Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.succeed(() => Effect.void)
  })
  const request = HttpServerRequest.fromWeb(
    new Request("http://localhost/", { headers: { upgrade: "websocket" } })
  )
  Object.defineProperty(request.source, "socket", { value: connection })
  Object.defineProperty(request, "upgrade", {
    value: Effect.succeed(socket),
    configurable: true,
    writable: true
  })
  return Effect.exit(Effect.provideService(app, HttpServerRequest.HttpServerRequest, request))
}

const route = Effect.gen(function* () {
  const socket = yield* HttpServerRequest.upgrade
  yield* socket.run(() => Effect.void)
  return HttpServerResponse.empty()
})

const closed = new Socket.SocketCloseError({ reason: "Close", code: 1006 })

describe("E13 a route that answers with a socket", () => {
  it.scoped("E13 that ends with its socket fails for its caller as before, and counts as a success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const app = CircuitHttpMiddleware.make({ breaker })(route)
      const exit = yield* exitWithSocket(app, Effect.fail(closed))
      assert.deepStrictEqual(exit, Exit.fail(closed))
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, failed: 0 })
    })
  )

  for (const way of ["run", "runRaw"] as const) {
    it.scoped(`E13 by ${way}, whose handshake the server refuses, gives the slot of its probe back`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const connection = new EventEmitter()
        const refused = Effect.flatMap(HttpServerRequest.upgrade, (socket) =>
          Effect.as(
            socket[way](() => Effect.void),
            status(200)
          )
        )
        const app = CircuitHttpMiddleware.make({ breaker })(refused)
        const fiber = yield* Effect.fork(exitWithRun(app, () => Effect.never, connection))
        yield* settled
        assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })

        connection.emit("close")

        assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
        assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, ignored: 1 })
        yield* Fiber.interrupt(fiber)
        assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, ignored: 1 })
      })
    )
  }

  it.scoped("E13 whose connection closes after it has opened counts by its end", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const connection = new EventEmitter()
      const app = CircuitHttpMiddleware.make({ breaker })(route)

      yield* exitWithRun(
        app,
        (_, options) =>
          Effect.zipRight(
            options?.onOpen ?? Effect.void,
            Effect.sync(() => void connection.emit("close"))
          ),
        connection
      )

      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 1 })
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, ignored: 0 })
    })
  )

  it.scoped("E13 that fails for another reason counts as a failure", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const app = CircuitHttpMiddleware.make({ breaker })(Effect.zipRight(route, Effect.die("broken")))
      const exit = yield* exitWithSocket(app, Effect.void)
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(
        Exit.isFailure(exit) && Option.getOrUndefined(Cause.dieOption(exit.cause)),
        "broken"
      )
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, failed: 1 })
    })
  )

  it.scoped("E13 also opens it in a dry run, in which it is no call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ mode: "observe" })
      const app = CircuitHttpMiddleware.make({ breaker })(route)
      const exit = yield* exitWithSocket(app, Effect.void)
      assert.isTrue(Exit.isSuccess(exit), String(exit))
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, rejected: 1 })
    })
  )
})

describe("E8 another implementation of a breaker", () => {
  it.scoped("E8 settles the call by its response", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const foreign = { ...breaker, [stepsKey]: undefined }
      const app = (code: number) => CircuitHttpMiddleware.make({ breaker: foreign })(status(code))
      assert.deepStrictEqual(yield* exitOf(app(204)), Exit.succeed(status(204)))
      assert.deepStrictEqual(yield* exitOf(app(503)), Exit.succeed(status(503)))
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, failed: 1 })
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})
