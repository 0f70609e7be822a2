/** Routes that answer with a socket, which goes on after it has been opened, on real servers. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeHalfOpen, settled, tagOf, totalsOf } from "../../kit/index.ts"
import { slowPolicy } from "../client/fixtures.ts"
import { counted, eventually, eventuallyCounted, listen, servers, status } from "./fixtures.ts"

/** Answers with a socket for as long as the client keeps it open. */
const route = Effect.gen(function* () {
  const socket = yield* HttpServerRequest.upgrade
  yield* socket.run(() => Effect.void)
  return HttpServerResponse.empty()
})

interface Client {
  /** Closes it, with a code of the protocol. */
  readonly close: (code: number) => Effect.Effect<void>
  readonly ends: Effect.Effect<Exit.Exit<void, Socket.SocketError>>
}

/** Opens a socket, and waits until it is open or has failed. */
const connect = (port: number, path = "/"): Effect.Effect<Client, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* Socket.makeWebSocket(`ws://127.0.0.1:${port}${path}`)
    const isOpen = yield* Deferred.make<void, Socket.SocketError>()
    const running = yield* socket
      .run(() => Effect.void, { onOpen: Effect.asVoid(Deferred.succeed(isOpen, undefined)) })
      .pipe(
        Effect.onError((cause) => Deferred.failCause(isOpen, cause)),
        Effect.forkScoped
      )
    yield* Deferred.await(isOpen)
    const write = yield* socket.writer
    return {
      close: (code: number) => Effect.orDie(write(new Socket.CloseEvent(code))),
      ends: Fiber.await(running)
    }
  }).pipe(Effect.provide(NodeSocket.layerWebSocketConstructor))

for (const [place, server] of Object.entries(servers)) {
  describe(`a route that answers with a socket, with the middleware ${place}`, () => {
    const path = place === "round a mounted app" ? "/mounted" : "/"

    const serve = (breaker: Breaker, app: HttpApp.Default<unknown> = route) =>
      listen(server(app, CircuitHttpMiddleware.make({ breaker })))

    test("E13 after an outage, the first socket that opens closes the circuit, and the next ones are admitted", function* () {
      const breaker = yield* makeHalfOpen()
      const port = yield* serve(breaker)

      yield* connect(port, path)
      yield* breaker.awaitReady()

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* connect(port, path)
      yield* connect(port, path)
      yield* counted(breaker, { succeeded: 1, failed: 1 })
    })

    test("E13 a socket that is refused before it opens counts by its answer", function* () {
      const breaker = yield* makeHalfOpen()
      const port = yield* serve(breaker, Effect.succeed(status(503)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(connect(port, path))))
      yield* counted(breaker, { failed: 2 })
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(connect(port, path))))
      assert.deepInclude(yield* totalsOf(breaker), { rejected: 1 })
    })

    for (const [what, code, app] of [
      ["that its client closes with 1000", 1000, route],
      ["that its client closes with 1001", 1001, route],
      ["that its client closes with 1011", 1011, route],
      ["that its client closes with 3000", 3000, route],
      ["whose route answers 500 after it has closed", 1000, Effect.as(route, status(500))]
    ] as const) {
      test(`E13 a socket ${what} is a success`, function* () {
        const breaker = yield* make()
        const client = yield* connect(yield* serve(breaker, app), path)
        yield* client.close(code)
        yield* client.ends
        yield* eventuallyCounted(breaker, { succeeded: 1 })
      })
    }

    test("E13 a socket whose route fails while it is open is a failure", function* () {
      const breaker = yield* make()
      const failing = Effect.flatMap(HttpServerRequest.upgrade, (socket) =>
        socket.run(() => Effect.void, { onOpen: Effect.die("the dependency is gone") })
      )
      const port = yield* serve(breaker, Effect.as(failing, status(200)))
      yield* Effect.exit(connect(port, path))
      yield* eventuallyCounted(breaker, { failed: 1 })
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })

    test("E13 a socket that stays open long is not slow", function* () {
      const breaker = yield* make({ tripPolicy: slowPolicy(1) })
      const opened = yield* Deferred.make<void>()
      const long = Effect.flatMap(HttpServerRequest.upgrade, (socket) =>
        socket.run(() => Effect.void, { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) })
      )
      const client = yield* connect(yield* serve(breaker, Effect.as(long, status(200))), path)
      yield* Deferred.await(opened)
      yield* TestClock.adjust("1 hour")
      yield* client.close(1000)
      yield* client.ends
      yield* eventually(totalsOf(breaker), ({ succeeded }) => succeeded > 0)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.deepInclude((yield* breaker.snapshot()).window, { slow: 0 })
    })
  })
}

const serve = (breaker: Breaker, app: HttpApp.Default<unknown>) =>
  listen(HttpServer.serve(CircuitHttpMiddleware.make({ breaker })(app)))

test("E13 a socket of a channel closes the circuit when it opens", function* () {
  const breaker = yield* makeHalfOpen()
  const echoing = Stream.never.pipe(
    Stream.pipeThroughChannel(HttpServerRequest.upgradeChannel<never>()),
    Stream.runDrain,
    Effect.as(status(200))
  )
  yield* connect(yield* serve(breaker, echoing))
  yield* breaker.awaitReady()
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})

test("E13 a socket that fails after it has opened reopens a half-open circuit", function* () {
  const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
  const gate = yield* Deferred.make<void>()
  const app = Effect.gen(function* () {
    const socket = yield* HttpServerRequest.upgrade
    yield* Effect.raceFirst(
      socket.run(() => Effect.void),
      Effect.zipRight(Deferred.await(gate), Effect.die("gone"))
    )
    return status(200)
  })
  yield* connect(yield* serve(breaker, app))
  const isHalfway = eventually(breaker.state(), (state) => state._tag === "HalfOpen" && state.succeeded === 1)
  assert.deepInclude(yield* isHalfway, { _tag: "HalfOpen", probing: 0, succeeded: 1 })
  yield* Deferred.succeed(gate, undefined)
  yield* eventually(tagOf(breaker), (tag) => tag !== "HalfOpen")
  assert.strictEqual(yield* tagOf(breaker), "Open")
})

test("E13 the route of an open socket may call the same circuit", function* () {
  const breaker = yield* makeHalfOpen()
  const results = yield* Queue.unbounded<string>()
  const app = Effect.gen(function* () {
    const socket = yield* HttpServerRequest.upgrade
    const call = Effect.matchEffect(breaker.protect(Effect.succeed("done")), {
      onFailure: ({ _tag }) => Queue.offer(results, _tag),
      onSuccess: (result) => Queue.offer(results, result)
    })
    yield* socket.run(() => Effect.void, { onOpen: Effect.asVoid(call) })
    return status(200)
  })
  yield* connect(yield* serve(breaker, app))
  assert.strictEqual(yield* Queue.take(results), "done")
  yield* counted(breaker, { succeeded: 2, failed: 1 })
})

test("E13 a socket sends and receives as without a breaker", function* () {
  const breaker = yield* make()
  const app = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    assert.deepStrictEqual(
      [request.method, request.url, request.headers["upgrade"]],
      ["GET", "/?a=1", "websocket"]
    )
    const socket = yield* request.upgrade
    const write = yield* socket.writer
    yield* socket.runRaw((message) => write(`${String(message)}!`))
    return status(200)
  }).pipe(Effect.scoped)
  const port = yield* serve(breaker, app)
  const socket = yield* Effect.provide(
    Socket.makeWebSocket(`ws://127.0.0.1:${port}/?a=1`),
    NodeSocket.layerWebSocketConstructor
  )
  const heard = yield* Stream.make(new TextEncoder().encode("hello")).pipe(
    Stream.concat(Stream.never),
    Stream.pipeThroughChannel(Socket.toChannel(socket)),
    Stream.decodeText(),
    Stream.take(1),
    Stream.runCollect
  )
  assert.deepStrictEqual(Chunk.toReadonlyArray(heard), ["hello!"])
})

test("E13 the first message that is sent settles the probe of a socket that only sends", function* () {
  const breaker = yield* makeHalfOpen()
  const sent: Array<unknown> = []
  // As a platform has it that opens a socket before its route runs it.
  const socket = Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run: () => Effect.never,
    runRaw: () => Effect.never,
    writer: Effect.succeed((message) => Effect.sync(() => sent.push(message)))
  })
  const request: HttpServerRequest.HttpServerRequest = Object.create(
    HttpServerRequest.fromWeb(new Request("http://localhost/")),
    {
      headers: { value: { upgrade: "websocket" } },
      upgrade: { value: Effect.succeed(socket), configurable: true }
    }
  )
  const app = Effect.gen(function* () {
    const { writer } = yield* HttpServerRequest.upgrade
    const write = yield* writer
    yield* write("one")
    yield* write("two")
    return yield* Effect.never
  }).pipe(Effect.scoped)

  yield* CircuitHttpMiddleware.make({ breaker })(app).pipe(
    Effect.provideService(HttpServerRequest.HttpServerRequest, request),
    Effect.forkScoped
  )
  yield* settled

  assert.deepStrictEqual(sent, ["one", "two"])
  yield* counted(breaker, { succeeded: 1, failed: 1 })
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})
