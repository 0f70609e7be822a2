/** The middleware on real servers and sockets. The breaker goes by the clock of the test. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { once } from "node:events"
import { Agent, createServer, get, type IncomingMessage } from "node:http"
import { text } from "node:stream/consumers"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeHalfOpen, settled, tagOf, totalsOf } from "../../rules/fixtures.ts"
import { askAt, Handler, listen, routed, status, WaitingHandler } from "./fixtures.ts"

type Guard = CircuitHttpMiddleware.Middleware<never>
type Server = Layer.Layer<never, never, HttpServer.HttpServer>

const aroundApp = (app: HttpApp.Default<unknown>, guard: Guard): Server => HttpServer.serve(guard(app))
const aroundServer = (app: HttpApp.Default<unknown>, guard: Guard): Server => HttpServer.serve(app, guard)
const aroundRoutes = (router: HttpRouter.HttpRouter<unknown>, guard: Guard): Server =>
  HttpServer.serve(HttpRouter.use(router, guard))

const guardOf = (breaker: Breaker) => CircuitHttpMiddleware.make({ breaker })

for (const [place, server] of Object.entries({
  "round the app": aroundApp,
  "round the server": aroundServer,
  "round each route": aroundRoutes
})) {
  describe(`a client that disconnects from a route, with the middleware ${place}`, () => {
    /** A client that has asked, and gives up when it is interrupted. */
    const begin = (breaker: Breaker) =>
      Effect.gen(function* () {
        const handler = new WaitingHandler()
        const ask = askAt(yield* listen(server(routed(handler.app), guardOf(breaker))))
        const client = yield* Effect.fork(ask())
        yield* handler.hasBegun
        return { handler, ask, giveUp: Effect.zipRight(Fiber.interrupt(client), handler.hasBeenInterrupted) }
      })

    test("D4 R3.1.4 a client that disconnects from a route is Ignored", function* () {
      const breaker = yield* make()
      const { giveUp } = yield* begin(breaker)
      yield* giveUp
      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 0, failed: 0, ignored: 1, rejected: 0 })
    })

    test("D4 a client that disconnects from a route gives the slot of its probe back", function* () {
      const breaker = yield* makeHalfOpen()
      const { ask, giveUp, handler } = yield* begin(breaker)
      assert.strictEqual((yield* ask()).status, 503)
      yield* giveUp
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
      yield* handler.ends(status(200))
      assert.strictEqual((yield* ask()).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })

    test("R3.1.4 a client that disconnects after slowerThan counts as slow", function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
      })
      const { giveUp } = yield* begin(breaker)
      yield* TestClock.adjust("2 seconds")
      yield* giveUp
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  })
}

describe("a client that disconnects from a route that calls a dependency behind a breaker", () => {
  test("R3.1.4 a client that disconnects while a route calls a dependency is Ignored by its breaker", function* () {
    const breaker = yield* make()
    const dependency = new WaitingHandler()
    const ask = askAt(yield* listen(HttpServer.serve(routed(breaker.protect(dependency.app)))))
    const client = yield* Effect.fork(ask())
    yield* dependency.hasBegun
    yield* Fiber.interrupt(client)
    yield* dependency.hasBeenInterrupted
    assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 0, failed: 0, ignored: 1, rejected: 0 })
  })
})

describe("a client that disconnects from a handler without a router", () => {
  /** A probe whose client has left, as the server has noticed, while its handler runs on. */
  const abandoned = (server: typeof aroundApp) =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
      const handler = new WaitingHandler()
      const node = createServer()
      const ask = askAt(yield* listen(server(handler.app, guardOf(breaker)), node))
      const hasLeft = yield* Deferred.make<void>()
      node.once("request", (_, response) => {
        response.once("close", () => Deferred.unsafeDone(hasLeft, Exit.void))
      })
      const client = yield* Effect.fork(ask())
      yield* handler.hasBegun
      yield* Fiber.interrupt(client)
      yield* Deferred.await(hasLeft)
      yield* settled
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
      assert.strictEqual((yield* ask()).status, 503)
      return { breaker, handler, ask }
    })

  for (const [what, server, answer] of [
    ["round the app", aroundApp, HttpServerResponse.text("too late")],
    ["round the app, with a failure", aroundApp, HttpServerResponse.text("too late", { status: 500 })],
    ["round the server, without a body", aroundServer, status(204)],
    ["round the server, without a body, with a failure", aroundServer, status(500)]
  ] as const) {
    test(`D4 a handler without a router runs on and counts by its answer, with the middleware ${what}`, function* () {
      const { breaker, handler } = yield* abandoned(server)
      yield* handler.ends(answer)
      yield* settled
      assert.strictEqual(yield* tagOf(breaker), answer.status === 500 ? "Open" : "Closed")
    })
  }

  // Node never tells that a body could not be sent, so the server does not come back from sending it.
  test("R3.2.5 a body that cannot be sent holds the slot of a probe until probeTimeout", function* () {
    const { ask, breaker, handler } = yield* abandoned(aroundServer)
    yield* handler.ends(HttpServerResponse.text("too late"))
    yield* settled
    assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
    yield* TestClock.adjust("5 seconds")
    assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0 })
    yield* handler.ends(status(200))
    assert.strictEqual((yield* ask()).status, 200)
    assert.strictEqual(yield* tagOf(breaker), "Closed")
  })
})

for (const [place, server] of Object.entries({
  "round the app": aroundApp,
  "round the server": aroundServer
})) {
  describe(`a server with the middleware ${place}`, () => {
    test("D1 a server answers on one connection, and runs no handler while the circuit is open", function* () {
      const breaker = yield* make()
      const handler = new Handler()
      const node = createServer()
      let connections = 0
      node.on("connection", () => connections++)
      const port = yield* listen(server(handler.app, guardOf(breaker)), node)
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Agent({ keepAlive: true, maxSockets: 1 })),
        (agent) => Effect.sync(() => agent.destroy())
      )
      const statusOf = Effect.map(askAt(port, agent)(), ({ status }) => status)
      handler.answers = 500
      assert.deepStrictEqual(yield* Effect.replicateEffect(statusOf, 4), [500, 503, 503, 503])
      handler.answers = 200
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Effect.replicateEffect(statusOf, 2), [200, 200])
      assert.strictEqual(handler.runs, 3)
      assert.strictEqual(connections, 1)
    })

    test("R3.1.2 a server sends a stream as it arrives", function* () {
      const breaker = yield* make()
      const isRead = yield* Deferred.make<void>()
      const body = Stream.make("first, ").pipe(
        Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(isRead), "second"))),
        Stream.encodeText
      )
      const port = yield* listen(server(HttpServerResponse.stream(body), guardOf(breaker)))
      const rest = yield* Effect.promise(async () => {
        const [response] = (await once(get({ host: "127.0.0.1", port, agent: false }), "response")) as [
          IncomingMessage
        ]
        const [first] = (await once(response, "data")) as [Buffer]
        assert.strictEqual(first.toString(), "first, ")
        Deferred.unsafeDone(isRead, Exit.void)
        return text(response)
      })
      assert.strictEqual(rest, "second")
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, failed: 0 })
    })

    test("R3.2.5 a server answers others while a probe hangs beyond probeTimeout", function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
      const handler = new WaitingHandler()
      const ask = askAt(yield* listen(server(routed(handler.app), guardOf(breaker))))
      const hanging = yield* Effect.fork(ask())
      yield* handler.hasBegun
      assert.strictEqual((yield* ask()).status, 503)
      yield* TestClock.adjust("5 seconds")
      const next = yield* Effect.fork(ask())
      yield* handler.hasBegun
      yield* Fiber.interrupt(hanging)
      yield* handler.hasBeenInterrupted
      yield* handler.ends(status(200))
      assert.strictEqual((yield* next).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })

    test("R3.1.2 a server that shuts down lets a running call end, and counts it", function* () {
      const breaker = yield* make()
      const handler = new WaitingHandler()
      const scope = yield* Scope.make()
      const listening = listen(server(routed(handler.app), guardOf(breaker)))
      const ask = askAt(yield* Scope.extend(listening, scope))
      const running = yield* Effect.fork(ask())
      yield* handler.hasBegun
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ask())))
      yield* handler.ends(status(500))
      assert.strictEqual((yield* running).status, 500)
      yield* Fiber.join(closing)
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual(handler.runs, 1)
    })
  })
}

describe("a server with the middleware", () => {
  test("D5 a body that breaks while it is sent is a failure", function* () {
    const breaker = yield* make()
    const body = Stream.concat(Stream.make("first, "), Stream.die("broken")).pipe(Stream.encodeText)
    const ask = askAt(yield* listen(aroundServer(HttpServerResponse.stream(body), guardOf(breaker))))
    assert.strictEqual((yield* ask()).status, 200)
    yield* settled
    assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, failed: 1 })
  })

  test("R3.1.2 a server that shuts down with its breaker lets a running call end", function* () {
    const handler = new WaitingHandler()
    const server = HttpServer.serve(routed(handler.app), CircuitHttpMiddleware.make())
    const scope = yield* Scope.make()
    const listening = listen(Layer.provide(server, CircuitBreaker.layer()))
    const ask = askAt(yield* Scope.extend(listening, scope))
    const running = yield* Effect.fork(ask())
    yield* handler.hasBegun
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* settled
    yield* handler.ends(HttpServerResponse.text("done"))
    assert.strictEqual((yield* running).body, "done")
    yield* Fiber.join(closing)
  })
})
