/** The middleware on real servers and sockets. The breaker uses the clock of the test. */
import type * as HttpApp from "@effect/platform/HttpApp"
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
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { once } from "node:events"
import { Agent, createServer } from "node:http"
import { text } from "node:stream/consumers"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeHalfOpen, settled, tagOf, totalsOf } from "../../kit/index.ts"
import { slowPolicy } from "../client/fixtures.ts"
import {
  askAt,
  begin,
  counted,
  Handler,
  listen,
  routed,
  servers,
  status,
  WaitingHandler
} from "./fixtures.ts"

const {
  "round each route": aroundRoute,
  "round the app": aroundApp,
  "round the server": aroundServer
} = servers

/** Waits until a request has reached the handler of a server. */
const asking = (
  server: Layer.Layer<never, never, HttpServer.HttpServer>,
  handler: WaitingHandler,
  node = createServer()
) =>
  Effect.gen(function* () {
    const ask = askAt(yield* listen(server, node))
    const first = yield* Effect.fork(ask())
    yield* handler.hasBegun
    return { ask, first, giveUp: Effect.zipRight(Fiber.interrupt(first), handler.hasBeenInterrupted) }
  })

for (const [place, serve, route] of [
  ["round the app", aroundApp, routed],
  ["round the server", aroundServer, routed],
  ["round each route", aroundRoute, (app: HttpApp.Default<unknown>) => app]
] as const) {
  describe(`a client that disconnects from a route, with the middleware ${place}`, () => {
    const disconnecting = (breaker: Breaker, options?: CircuitHttpMiddleware.Options) => {
      const handler = new WaitingHandler()
      const guard = CircuitHttpMiddleware.make({ ...options, breaker })
      return Effect.map(asking(serve(route(handler.app), guard), handler), (it) => ({ ...it, handler }))
    }

    for (const [what, options] of [
      ["is Ignored", {}],
      ["is Ignored whatever classify answers", { classify: () => Outcome.failure() }]
    ] as const) {
      test(`D4 R3.1.4 a client that disconnects from a route ${what}`, function* () {
        const breaker = yield* make()
        const { giveUp } = yield* disconnecting(breaker, options)
        yield* giveUp
        yield* counted(breaker, { ignored: 1 })
      })
    }

    test("D4 a client that disconnects from a route gives the slot of its probe back", function* () {
      const breaker = yield* makeHalfOpen()
      const { ask, giveUp, handler } = yield* disconnecting(breaker)
      assert.strictEqual((yield* ask()).status, 503)
      yield* giveUp
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
      yield* handler.ends(status(200))
      assert.strictEqual((yield* ask()).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })

    test("R3.1.4 a client that disconnects after slowerThan counts as slow", function* () {
      const breaker = yield* make({ tripPolicy: slowPolicy(1) })
      const { giveUp } = yield* disconnecting(breaker)
      yield* TestClock.adjust("2 seconds")
      yield* giveUp
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  })
}

test("R3.1.4 a client that disconnects while a route calls a dependency is Ignored by its breaker", function* () {
  const breaker = yield* make()
  const dependency = new WaitingHandler()
  const { giveUp } = yield* asking(HttpServer.serve(routed(breaker.protect(dependency.app))), dependency)
  yield* giveUp
  yield* counted(breaker, { ignored: 1 })
})

/** A probe whose client has disconnected, which the server has noticed, while its handler continues. */
const abandoned = (serve: typeof aroundApp) =>
  Effect.gen(function* () {
    const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
    const handler = new WaitingHandler()
    const node = createServer()
    const hasLeft = yield* Deferred.make<void>()
    node.once("request", (_, response) => {
      response.once("close", () => Deferred.unsafeDone(hasLeft, Exit.void))
    })
    const server = serve(handler.app, CircuitHttpMiddleware.make({ breaker }))
    const { ask, first } = yield* asking(server, handler, node)
    yield* Fiber.interrupt(first)
    yield* Deferred.await(hasLeft)
    yield* settled
    assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
    assert.strictEqual((yield* ask()).status, 503)
    return { breaker, handler, ask }
  })

for (const [what, serve, answer] of [
  ["round the app", aroundApp, HttpServerResponse.text("too late")],
  ["round the app, with a failure", aroundApp, HttpServerResponse.text("too late", { status: 500 })],
  ["round the server, without a body", aroundServer, status(204)],
  ["round the server, without a body, with a failure", aroundServer, status(500)]
] as const) {
  test(`D4 a handler without a router continues and counts by its answer, with the middleware ${what}`, function* () {
    const { breaker, handler } = yield* abandoned(serve)
    yield* handler.ends(answer)
    yield* settled
    assert.strictEqual(yield* tagOf(breaker), answer.status === 500 ? "Open" : "Closed")
  })
}

// Node reports nothing when a body could not be sent, so the server continues to wait.
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

for (const [place, serve] of Object.entries({
  "round the app": aroundApp,
  "round the server": aroundServer
})) {
  describe(`a server with the middleware ${place}`, () => {
    const serving = (breaker: Breaker, app: HttpApp.Default<unknown>) =>
      serve(app, CircuitHttpMiddleware.make({ breaker }))

    test("D1 a server answers on one connection, and runs no handler while the circuit is open", function* () {
      const breaker = yield* make()
      const handler = new Handler(500)
      const node = createServer()
      let connections = 0
      node.on("connection", () => connections++)
      const port = yield* listen(serving(breaker, handler.app), node)
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Agent({ keepAlive: true, maxSockets: 1 })),
        (agent) => Effect.sync(() => agent.destroy())
      )
      const statusOf = Effect.map(askAt(port, agent)(), ({ status }) => status)
      assert.deepStrictEqual(yield* Effect.replicateEffect(statusOf, 4), [500, 503, 503, 503])
      handler.answers = 200
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Effect.replicateEffect(statusOf, 2), [200, 200])
      assert.deepStrictEqual([handler.runs, connections], [3, 1])
    })

    test("R3.1.2 a server sends a stream as it arrives", function* () {
      const breaker = yield* make()
      const isRead = yield* Deferred.make<void>()
      const body = Stream.make("first, ").pipe(
        Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(isRead), "second"))),
        Stream.encodeText
      )
      const response = yield* begin(
        yield* listen(serving(breaker, Effect.succeed(HttpServerResponse.stream(body))))
      )
      const [first] = yield* Effect.promise(() => once(response, "data"))
      assert.strictEqual(String(first), "first, ")
      yield* Deferred.succeed(isRead, undefined)
      assert.strictEqual(yield* Effect.promise(() => text(response)), "second")
      assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, failed: 0 })
    })

    test("R3.2.5 a server answers others while a probe hangs beyond probeTimeout", function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
      const handler = new WaitingHandler()
      const { ask, giveUp } = yield* asking(serving(breaker, routed(handler.app)), handler)
      assert.strictEqual((yield* ask()).status, 503)
      yield* TestClock.adjust("5 seconds")
      const next = yield* Effect.fork(ask())
      yield* handler.hasBegun
      yield* giveUp
      yield* handler.ends(status(200))
      assert.strictEqual((yield* next).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })

    test("R3.1.2 a server that shuts down lets a running call end, and counts it", function* () {
      const breaker = yield* make()
      const handler = new WaitingHandler()
      const scope = yield* Scope.make()
      const { ask, first } = yield* Scope.extend(
        asking(serving(breaker, routed(handler.app)), handler),
        scope
      )
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ask())))
      yield* handler.ends(status(500))
      assert.strictEqual((yield* first).status, 500)
      yield* Fiber.join(closing)
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual(handler.runs, 1)
    })
  })
}

test("D5 a body that breaks while it is sent is a failure", function* () {
  const breaker = yield* make()
  const body = Stream.concat(Stream.make("first, "), Stream.die("broken")).pipe(Stream.encodeText)
  const app = Effect.succeed(HttpServerResponse.stream(body))
  const ask = askAt(yield* listen(aroundServer(app, CircuitHttpMiddleware.make({ breaker }))))
  assert.strictEqual((yield* ask()).status, 200)
  yield* settled
  assert.deepInclude(yield* totalsOf(breaker), { succeeded: 0, failed: 1 })
})

test("R3.1.2 a server that shuts down with its breaker lets a running call end", function* () {
  const handler = new WaitingHandler()
  const server = HttpServer.serve(routed(handler.app), CircuitHttpMiddleware.make())
  const scope = yield* Scope.make()
  const withBreaker = Layer.provide(server, CircuitBreaker.layer())
  const { first } = yield* Scope.extend(asking(withBreaker, handler), scope)
  const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
  yield* settled
  yield* handler.ends(HttpServerResponse.text("done"))
  assert.strictEqual((yield* first).body, "done")
  yield* Fiber.join(closing)
})
