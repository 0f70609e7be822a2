/** The types of the middleware for servers. `tsc --noEmit` checks them. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { compose, flow } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CircuitBreaker, type CircuitOpenError, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"

class NotFound extends Data.TaggedError("NotFound")<{}> {}
class Orders extends Context.Tag("Orders")<Orders, { readonly count: number }>() {}
class Payments extends CircuitBreaker.Service<Payments>()("Payments") {}

type Breaker = CircuitBreaker.CircuitBreaker
type Response = HttpServerResponse.HttpServerResponse
type GuardedApp = HttpApp.Default<NotFound, Orders | Breaker>
type GuardedRouter = HttpRouter.HttpRouter<NotFound, Orders | Breaker>

const handler: Effect.Effect<Response, NotFound, Orders> = Effect.gen(function* () {
  const { count } = yield* Orders
  if (count === 0) return yield* new NotFound()
  return HttpServerResponse.text(String(count))
})
const app: HttpApp.Default<NotFound, Orders> = handler
const router = HttpRouter.empty.pipe(HttpRouter.get("/", handler))

const withBreaker = Effect.map(CircuitBreaker.make(), (breaker) => CircuitHttpMiddleware.make({ breaker }))
const guardOf = (breaker: Breaker) => CircuitHttpMiddleware.make({ breaker })

describe("the types of CircuitHttpMiddleware", () => {
  it("CircuitHttpMiddleware: make() keeps the error of the app and needs the breaker besides", () => {
    const middleware = CircuitHttpMiddleware.make()

    expectTypeOf(middleware).toEqualTypeOf<CircuitHttpMiddleware.Middleware<Breaker>>()
    expectTypeOf(middleware(app)).toEqualTypeOf<GuardedApp>()
    expectTypeOf(app.pipe(middleware)).toEqualTypeOf<GuardedApp>()
    expectTypeOf(app.pipe(CircuitHttpMiddleware.make())).toEqualTypeOf<GuardedApp>()
    expectTypeOf(middleware(handler)).toEqualTypeOf<GuardedApp>()
    expectTypeOf(CircuitHttpMiddleware.make({ key: ({ url }) => url })).toEqualTypeOf<typeof middleware>()
    expectTypeOf(CircuitHttpMiddleware.make({ breaker: undefined })).toEqualTypeOf<typeof middleware>()
  })

  it("CircuitHttpMiddleware: make({ breaker }) adds nothing", () => {
    expectTypeOf(withBreaker).toEqualTypeOf<
      Effect.Effect<CircuitHttpMiddleware.Middleware<never>, never, Scope.Scope>
    >()
    expectTypeOf(guardOf).returns.toEqualTypeOf<CircuitHttpMiddleware.Middleware<never>>()
    expectTypeOf(Effect.map(withBreaker, (middleware) => middleware(app))).toEqualTypeOf<
      Effect.Effect<HttpApp.Default<NotFound, Orders>, never, Scope.Scope>
    >()
  })

  it("CircuitHttpMiddleware: a breaker that may be missing is needed from the environment", () => {
    const perhaps = (options: CircuitHttpMiddleware.Options) => CircuitHttpMiddleware.make(options)

    expectTypeOf(perhaps).returns.toEqualTypeOf<CircuitHttpMiddleware.Middleware<Breaker>>()
  })

  it("CircuitHttpMiddleware: the breaker may be the one of a Service", () => {
    const guarded = Effect.flatMap(Payments, (breaker) => CircuitHttpMiddleware.make({ breaker })(app))

    expectTypeOf(guarded).toEqualTypeOf<HttpApp.Default<NotFound, Orders | Payments>>()
  })

  it("CircuitHttpMiddleware: the functions among the options receive typed arguments", () => {
    CircuitHttpMiddleware.make({
      key: (request) => {
        expectTypeOf(request).toEqualTypeOf<HttpServerRequest.HttpServerRequest>()
        return undefined
      },
      classify: (exit) => {
        expectTypeOf(exit).toEqualTypeOf<Exit.Exit<Response, unknown>>()
        return Outcome.success
      },
      response: (error) => {
        expectTypeOf(error).toEqualTypeOf<CircuitOpenError>()
        return HttpServerResponse.empty({ status: 503 })
      }
    })
    expectTypeOf(CircuitHttpMiddleware.classify).toExtend<
      NonNullable<CircuitHttpMiddleware.Options["classify"]>
    >()
    expectTypeOf<{
      response: () => Effect.Effect<Response, string>
    }>().not.toExtend<CircuitHttpMiddleware.Options>()
    expectTypeOf<{ key: () => number }>().not.toExtend<CircuitHttpMiddleware.Options>()
  })
})

describe("the types of what is guarded", () => {
  type Served = Layer.Layer<never, never, HttpServer.HttpServer | Orders | Breaker>

  it("CircuitHttpMiddleware: a server needs the breaker, as the app needs what it needs", () => {
    const middleware = CircuitHttpMiddleware.make()

    expectTypeOf(HttpServer.serve(app, middleware)).toEqualTypeOf<Served>()
    expectTypeOf(app.pipe(HttpServer.serve(middleware))).toEqualTypeOf<Served>()
    expectTypeOf(HttpServer.serve(router, middleware)).toEqualTypeOf<Served>()
    expectTypeOf(router.pipe(HttpServer.serve(middleware))).toEqualTypeOf<Served>()
    expectTypeOf(router.pipe(middleware, HttpServer.serve())).toEqualTypeOf<Served>()
    expectTypeOf(HttpServer.serve(app, HttpMiddleware.make(middleware))).toEqualTypeOf<Served>()
    expectTypeOf(HttpServer.serve(app, flow(middleware, HttpMiddleware.logger))).toEqualTypeOf<Served>()
    expectTypeOf(HttpServer.serve(app, flow(HttpMiddleware.logger, middleware))).toEqualTypeOf<Served>()
    expectTypeOf(HttpServer.serve(app, compose(middleware, HttpMiddleware.logger))).toEqualTypeOf<Served>()
    expectTypeOf((breaker: Breaker) => HttpServer.serve(app, guardOf(breaker))).returns.toEqualTypeOf<
      Layer.Layer<never, never, HttpServer.HttpServer | Orders>
    >()
  })

  it("CircuitHttpMiddleware: it is a middleware as the platform has them", () => {
    expectTypeOf<CircuitHttpMiddleware.Middleware<Breaker>>().toExtend<HttpMiddleware.HttpMiddleware>()
    expectTypeOf<CircuitHttpMiddleware.Middleware<never>>().toExtend<HttpMiddleware.HttpMiddleware>()
    expectTypeOf<CircuitHttpMiddleware.Middleware<never>>().toEqualTypeOf(HttpMiddleware.logger)
  })

  it("CircuitHttpMiddleware: a router keeps its error and needs the breaker", () => {
    const middleware = CircuitHttpMiddleware.make()

    expectTypeOf(HttpRouter.use(router, middleware)).toEqualTypeOf<GuardedRouter>()
    expectTypeOf(router.pipe(HttpRouter.use(middleware))).toEqualTypeOf<GuardedRouter>()
    expectTypeOf((breaker: Breaker) => router.pipe(HttpRouter.use(guardOf(breaker)))).returns.toEqualTypeOf<
      HttpRouter.HttpRouter<NotFound, Orders>
    >()
  })

  it("CircuitHttpMiddleware: a route of a layer router: the breaker is needed of each request, or of the layer", () => {
    const route = HttpLayerRouter.add("GET", "/", Effect.succeed(HttpServerResponse.empty()))
    const global = HttpLayerRouter.middleware(CircuitHttpMiddleware.make(), { global: true })
    const perRoute = HttpLayerRouter.middleware(
      Effect.map(CircuitBreaker.CircuitBreaker, (breaker) => CircuitHttpMiddleware.make({ breaker }))
    )

    expectTypeOf(HttpLayerRouter.serve(Layer.provide(route, global))).toEqualTypeOf<
      Layer.Layer<never, never, HttpServer.HttpServer | Breaker>
    >()
    expectTypeOf(perRoute.layer).toEqualTypeOf<Layer.Layer<never, never, Breaker>>()
    expectTypeOf(HttpLayerRouter.serve(Layer.provide(route, perRoute.layer))).toEqualTypeOf<
      Layer.Layer<never, never, HttpServer.HttpServer | Breaker>
    >()
    expectTypeOf(
      (breaker: Breaker) => HttpLayerRouter.middleware(CircuitHttpMiddleware.make({ breaker })).layer
    ).returns.toEqualTypeOf<Layer.Layer<never>>()
  })

  // The platform asks that another middleware provides what a route's middleware needs of each request.
  it("CircuitHttpMiddleware: a route of a layer router takes make() once a middleware provides the breaker", () => {
    const needing = HttpLayerRouter.middleware(CircuitHttpMiddleware.make())
    const providing = HttpLayerRouter.middleware<{ provides: Breaker }>()(
      Effect.map(
        CircuitBreaker.make(),
        (breaker) => (app) => Effect.provideService(app, CircuitBreaker.CircuitBreaker, breaker)
      )
    )

    expectTypeOf(needing.layer).toExtend<string>()
    expectTypeOf(needing.combine(providing).layer).toExtend<Layer.Layer<never, never, unknown>>()
  })
})
