/**
 * A circuit breaker for servers built with `@effect/platform`.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import type { CircuitOpenError } from "./CircuitOpenError.ts"
import * as internal from "./internal/http/server/middleware.ts"
import { classifyWith, statusOutcome } from "./internal/http/server/verdict.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The breaker to use (default: the `CircuitBreaker` in the environment of the app). */
  readonly breaker?: CircuitBreaker | undefined
  /**
   * The circuit for a request; `undefined` leaves the request unguarded (default: one circuit for all of them). A key
   * should be a route, not the URL, which clients choose.
   */
  readonly key?: ((request: HttpServerRequest.HttpServerRequest) => string | undefined) | undefined
  /**
   * The verdict on the response that the client gets, by its status and all else that it says (default: 500 and more is
   * a failure, all else a success). A 404 of somebody who asks for what is not there closes a half-open circuit, unless
   * it is Ignored here. Where it throws, the call is Ignored, and that is logged once per breaker.
   */
  readonly statusOutcome?:
    | ((status: number, response: HttpServerResponse.HttpServerResponse) => Outcome)
    | undefined
  /** The verdict on the exit of the app, in place of `statusOutcome` (default {@link classify}). */
  readonly classify?:
    | ((exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) => Outcome)
    | undefined
  /**
   * What a rejected request is answered with: a response, or an effect that makes one (default: 503 with `Retry-After`
   * and a body of `application/problem+json` that says when to come back).
   */
  readonly response?:
    | ((error: CircuitOpenError) => Effect.Effect<HttpServerResponse.HttpServerResponse>)
    | undefined
}

/**
 * A middleware that keeps the app's error `E` and adds what it needs itself: a breaker, or nothing if it was given one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Middleware<Needs> {
  <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | Needs>
}

/**
 * A middleware for `HttpServer.serve`, `HttpRouter.use` and `HttpLayerRouter.middleware`. While the circuit is open,
 * guarded requests are answered at once and their handler does not run. A handler's own response or error is never
 * replaced. An error that makes its answer itself (`HttpServerRespondable`) makes it within the call, and gives that same
 * answer to the server.
 *
 * A socket that opens (`HttpServerRequest.upgrade`) settles a probe as a success and ends what counts as time; so do the
 * headers of a stream, by their status. If the route fails later, that is a failure: of a probe, only for as long as the
 * circuit asks for more of them. A client that closes its socket is none.
 *
 * A client that disconnects interrupts a route of a router, and such a call is Ignored. A handler served without a router
 * cannot be interrupted (in `@effect/platform` 0.97), so it counts by what it answers in the end, and as a probe holds
 * its slot until then. Round the whole server (`HttpServer.serve(handler, middleware)`) the platform sends the answer
 * within the call, and to a client that has gone it never finishes sending a body: such a call is not counted, and as a
 * probe it holds its slot until `probeTimeout`. `HttpServer.serve(middleware(handler))` settles when the handler ends.
 *
 * Put `HttpMiddleware.cors` outside (`HttpServer.serve(middleware(app), HttpMiddleware.cors())`): rejections have its
 * headers then.
 *
 * For `HttpLayerRouter.middleware`, get the breaker first:
 * `HttpLayerRouter.middleware(Effect.map(CircuitBreaker.CircuitBreaker, (breaker) => CircuitHttpMiddleware.make({ breaker })))`.
 *
 * @example
 * ```ts
 * import * as HttpApp from "@effect/platform/HttpApp"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 * import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
 *
 * const down = HttpServerResponse.text("the database is down", { status: 500 })
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1) })
 *   const handle = HttpApp.toWebHandler(down, CircuitHttpMiddleware.make({ breaker }))
 *   const ask = Effect.promise(() => handle(new Request("http://localhost/")))
 *   const first = yield* ask
 *   const second = yield* ask
 *   const body = yield* Effect.promise(() => second.json())
 *   return [first.status, second.status, second.headers.get("retry-after"), body]
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), [
 *   500,
 *   503,
 *   "30",
 *   { title: "Service Unavailable", status: 503, detail: "Retry after 30 secs" }
 * ])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  (options: Options & { readonly breaker: CircuitBreaker }): Middleware<never>
  (options?: Options): Middleware<CircuitBreaker>
} = internal.make

/**
 * The verdict on the exit of an app, by the response that its client gets: a status of 500 or more is a failure, and so
 * is a defect; every other response is a success. An exit that is only interruption, as of a client that disconnects,
 * is Ignored. A response that is a failure is logged as a line such as `GET /rates answered 500`, an error as it is.
 *
 * As the `classify` of a breaker without the middleware, it takes an error that makes its answer itself for a 500 where
 * the answer cannot be made at once.
 *
 * @since 0.1.0
 * @category classifiers
 */
export const classify: (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) => Outcome =
  classifyWith(statusOutcome)
