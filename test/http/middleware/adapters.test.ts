import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compose, flow } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeOpen, tagOf } from "../../kit/index.ts"
import { askAt, Handler, listen, routed } from "./fixtures.ts"

type Server = Layer.Layer<never, never, HttpServer.HttpServer | Breaker>

const mounted = (handler: HttpApp.Default) => HttpLayerRouter.add("GET", "/", handler)

const made = HttpMiddleware.make(CircuitHttpMiddleware.make())

const quiet = { disableLogger: true, disableListenLog: true }

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("orders", { topLevel: true }).add(HttpApiEndpoint.get("list", "/"))
) {}

/** Ways to guard a handler by the breaker of the environment, or by a given one. */
const adapters: Record<string, (handler: HttpApp.Default, breaker: Breaker) => Server> = {
  "HttpServer.serve(app, middleware)": (handler) =>
    HttpServer.serve(routed(handler), CircuitHttpMiddleware.make()),
  "HttpServer.serve(app, middleware) with a breaker": (handler, breaker) =>
    HttpServer.serve(routed(handler), CircuitHttpMiddleware.make({ breaker })),
  "HttpServer.serve(middleware) in a pipe": (handler) =>
    routed(handler).pipe(HttpServer.serve(CircuitHttpMiddleware.make())),
  "a bare handler": (handler) => HttpServer.serve(handler, CircuitHttpMiddleware.make()),
  "round the app itself": (handler) => HttpServer.serve(CircuitHttpMiddleware.make()(routed(handler))),
  "round the app itself in a pipe": (handler) =>
    routed(handler).pipe(CircuitHttpMiddleware.make(), HttpServer.serve()),
  "HttpRouter.use(router, middleware)": (handler) =>
    HttpServer.serve(HttpRouter.use(routed(handler), CircuitHttpMiddleware.make())),
  "HttpRouter.use(middleware) in a pipe": (handler) =>
    routed(handler).pipe(HttpRouter.use(CircuitHttpMiddleware.make()), HttpServer.serve()),
  "HttpRouter.use(middleware) in a pipe with a breaker": (handler, breaker) =>
    routed(handler).pipe(HttpRouter.use(CircuitHttpMiddleware.make({ breaker })), HttpServer.serve()),
  "HttpMiddleware.make": (handler) => HttpServer.serve(routed(handler), made),
  "the logger outside, by flow": (handler) =>
    HttpServer.serve(routed(handler), flow(CircuitHttpMiddleware.make(), HttpMiddleware.logger)),
  "the logger inside, by flow": (handler) =>
    HttpServer.serve(routed(handler), flow(HttpMiddleware.logger, CircuitHttpMiddleware.make())),
  "the logger outside, by compose": (handler) =>
    routed(handler).pipe(HttpServer.serve(compose(CircuitHttpMiddleware.make(), HttpMiddleware.logger))),
  "HttpApiBuilder.serve(middleware)": (handler) =>
    HttpApiBuilder.serve(CircuitHttpMiddleware.make()).pipe(
      Layer.provide(HttpApiBuilder.api(Api)),
      Layer.provide(
        HttpApiBuilder.group(Api, "orders", (handlers) => handlers.handleRaw("list", () => handler))
      ),
      Layer.provide(HttpServer.layerContext)
    ),
  "HttpLayerRouter.middleware for every route": (handler) =>
    HttpLayerRouter.serve(
      Layer.provide(
        mounted(handler),
        HttpLayerRouter.middleware(CircuitHttpMiddleware.make(), { global: true })
      ),
      quiet
    ),
  "HttpLayerRouter.middleware for every route, with a breaker": (handler, breaker) =>
    HttpLayerRouter.serve(
      Layer.provide(
        mounted(handler),
        HttpLayerRouter.middleware(CircuitHttpMiddleware.make({ breaker }), { global: true })
      ),
      quiet
    ),
  "HttpLayerRouter.middleware for a route, with a breaker": (handler, breaker) =>
    HttpLayerRouter.serve(
      Layer.provide(
        mounted(handler),
        HttpLayerRouter.middleware(CircuitHttpMiddleware.make({ breaker })).layer
      ),
      quiet
    ),
  "HttpLayerRouter.middleware for a route, with the breaker of the layer's environment": (handler) =>
    HttpLayerRouter.serve(
      Layer.provide(
        mounted(handler),
        HttpLayerRouter.middleware(
          Effect.map(CircuitBreaker.CircuitBreaker, (breaker) => CircuitHttpMiddleware.make({ breaker }))
        ).layer
      ),
      quiet
    ),
  "HttpLayerRouter.serve(routes, { middleware })": (handler, breaker) =>
    HttpLayerRouter.serve(mounted(handler), { ...quiet, middleware: CircuitHttpMiddleware.make({ breaker }) })
}

for (const [way, server] of Object.entries(adapters)) {
  it.scoped(`D1 CircuitHttpMiddleware guards what is served by ${way}`, () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const handler = new Handler()
      const environment = Layer.succeed(CircuitBreaker.CircuitBreaker, breaker)
      const ask = askAt(yield* listen(Layer.provide(server(handler.app, breaker), environment)))

      handler.answers = 500
      assert.strictEqual((yield* ask()).status, 500)
      assert.strictEqual(yield* tagOf(breaker), "Open")
      const rejected = yield* ask()
      assert.deepStrictEqual([rejected.status, rejected.headers["retry-after"]], [503, "10"])
      assert.include(rejected.body, "Retry after 10 secs")
      assert.strictEqual(handler.runs, 1)

      yield* TestClock.adjust("10 seconds")
      handler.answers = 404
      assert.strictEqual((yield* ask()).status, 404)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
}

/** A router with a guarded route and one that is not. */
const partlyGuarded: Record<string, (handler: HttpApp.Default, breaker: Breaker) => Server> = {
  "HttpRouter.use on the router of some routes": (handler, breaker) =>
    HttpRouter.empty.pipe(
      HttpRouter.get("/", handler),
      HttpRouter.use(CircuitHttpMiddleware.make({ breaker })),
      HttpRouter.get("/health", handler),
      HttpServer.serve()
    ),
  "HttpLayerRouter.middleware on some routes": (handler, breaker) =>
    HttpLayerRouter.serve(
      Layer.merge(
        Layer.provide(
          mounted(handler),
          HttpLayerRouter.middleware(CircuitHttpMiddleware.make({ breaker })).layer
        ),
        HttpLayerRouter.add("GET", "/health", handler)
      ),
      quiet
    )
}

for (const [way, server] of Object.entries(partlyGuarded)) {
  test(`D7 only the routes with the middleware are guarded by ${way}`, function* () {
    const breaker = yield* makeOpen()
    const handler = new Handler()
    const ask = askAt(yield* listen(Layer.provide(server(handler.app, breaker), CircuitBreakerLive)))
    assert.deepStrictEqual([(yield* ask("/")).status, (yield* ask("/health")).status], [503, 200])
    assert.strictEqual(handler.runs, 1)
  })
}
