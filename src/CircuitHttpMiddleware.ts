/**
 * A circuit breaker for the HTTP servers of `@effect/platform`.
 *
 * {@link make} makes a middleware for which each request is a call of a breaker.
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
import { classifyWith, statusOutcome } from "./internal/http/server/classify.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * Options of {@link make}.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The breaker to use (default: the `CircuitBreaker` in the environment of the app). */
  readonly breaker?: CircuitBreaker | undefined
  /**
   * The key of the circuit for a request (default: one circuit for all requests). A request whose key is `undefined` is
   * not guarded. Use the route as the key rather than the URL, because clients could make any number of circuits with
   * URLs.
   */
  readonly key?: ((request: HttpServerRequest.HttpServerRequest) => string | undefined) | undefined
  /**
   * The outcome of the response that the client receives (default: a status of 500 or more is a failure, any other a
   * success). If the function throws, the call is Ignored, and the defect is logged once per breaker. A 404 for
   * an unknown path can close a half-open circuit; return `Outcome.ignored` for it to prevent that.
   */
  readonly statusOutcome?:
    | ((status: number, response: HttpServerResponse.HttpServerResponse) => Outcome)
    | undefined
  /** The outcome of the app's exit, instead of `statusOutcome` (default {@link classify}). */
  readonly classify?:
    | ((exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) => Outcome)
    | undefined
  /**
   * The response to a rejected request (default: a 503 with `Retry-After`, and a body of `application/problem+json`
   * that repeats the delay).
   */
  readonly response?:
    | ((error: CircuitOpenError) => Effect.Effect<HttpServerResponse.HttpServerResponse>)
    | undefined
}

/**
 * The type of a middleware that {@link make} makes.
 *
 * **Details**
 *
 * It leaves the error of the app unchanged. It adds `Needs` to its environment: a `CircuitBreaker`, or nothing if the
 * option `breaker` is given.
 *
 * @since 0.1.0
 * @category models
 */
export interface Middleware<Needs> {
  <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | Needs>
}

/**
 * Makes a middleware that guards an HTTP app with a circuit breaker.
 *
 * **When to use**
 *
 * Use it with `HttpServer.serve`, with `HttpRouter.use`, or with `HttpLayerRouter.middleware`. The last one takes the
 * middleware as an effect, which gets the breaker:
 * `Effect.map(CircuitBreaker.CircuitBreaker, (breaker) => CircuitHttpMiddleware.make({ breaker }))`.
 *
 * **Details**
 *
 * - A rejected request is answered at once, and its handler does not run. The response or error of a handler that runs
 *   reaches the server unchanged.
 * - An `HttpServerRespondable` error makes its response once, within the call; the server sends the same response.
 * - An error that an `HttpApi` declares has the status of its schema, also with `HttpApiBuilder.middleware`, where the
 *   API makes the response outside of the middleware.
 * - A socket that opens (`HttpServerRequest.upgrade`) settles a probe as a success, and ends the time that a slow-call
 *   policy measures. The headers of a streamed response do the same, with the outcome of their status. If the route
 *   fails later, that is a failure; of a probe, it counts only while the circuit needs more probes. A client that
 *   closes its socket is not a failure. A handshake that the server refuses gives the slot of a probe back.
 * - A client that disconnects interrupts the route of a router, and that call is Ignored.
 *
 * **Gotchas**
 *
 * - Throws a `RangeError` that names the option if one is out of range.
 * - Put `HttpMiddleware.cors` outside, as in `HttpServer.serve(middleware(app), HttpMiddleware.cors())`, so that the
 *   responses to rejected requests have its headers.
 * - A handler without a router is not interrupted when its client disconnects (in `@effect/platform` 0.97). Its final
 *   response counts, and a probe holds its slot until then.
 * - Prefer `HttpServer.serve(middleware(handler))` to `HttpServer.serve(handler, middleware)`. In the second form the
 *   platform sends the response within the call. If the client has disconnected, sending a body never ends: the call is
 *   not counted, and a probe holds its slot until `probeTimeout`.
 *
 * **Example** (Answering requests while a circuit is open)
 *
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
 * The default classifier of HTTP apps, which classifies the response that the client receives.
 *
 * **Details**
 *
 * A status of 500 or more and a defect are failures, and every other response is a success. An exit that is only
 * interruption, such as that of a client that disconnects, is Ignored. A response that is a failure is logged as a line
 * such as `GET /rates answered 500`, and an error with its cause.
 *
 * **Gotchas**
 *
 * As the `classify` of a breaker without the middleware, it cannot wait for an `HttpServerRespondable` error to make
 * its response asynchronously, and counts that error as a 500.
 *
 * **Example** (Classifying responses)
 *
 * ```ts
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as assert from "node:assert"
 * import * as Exit from "effect/Exit"
 * import { Outcome } from "effect-circuit-breaker"
 * import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
 *
 * const respond = (status: number) => Exit.succeed(HttpServerResponse.empty({ status }))
 *
 * assert.deepStrictEqual(CircuitHttpMiddleware.classify(respond(404)), Outcome.success)
 * assert.deepStrictEqual(CircuitHttpMiddleware.classify(respond(500)), Outcome.failure())
 * ```
 *
 * @since 0.1.0
 * @category classifiers
 */
export const classify: (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) => Outcome =
  classifyWith(statusOutcome)
