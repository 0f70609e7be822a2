/**
 * A circuit breaker as a middleware of an HTTP server. While the circuit is open, guarded routes answer 503 with
 * `Retry-After` at once and their handlers do not run; what a handler answers itself is never replaced. The health
 * route is not guarded.
 *
 *     npx tsx examples/http/server.ts
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { createServer } from "node:http"

const database = { isDown: true, queries: 0 }

const listOrders = Effect.suspend(() => {
  database.queries++
  return database.isDown
    ? HttpServerResponse.text("the database is down", { status: 500 })
    : HttpServerResponse.json(["one", "two"])
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/orders", listOrders),
  HttpRouter.get("/missing", HttpServerResponse.text("no such order", { status: 404 })),
  // It guards the routes above it. To guard a whole app, give it to `HttpServer.serve`.
  HttpRouter.use(CircuitHttpMiddleware.make()),
  HttpRouter.get("/health", HttpServerResponse.text("alive"))
)

const BreakerLive = CircuitBreaker.layer({
  name: "database",
  tripPolicy: TripPolicy.failureCount({ failures: 3, within: "1 minute" }),
  openDuration: "400 millis"
})

const program = Effect.gen(function* () {
  const { address, serve } = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* serve(app)

  const client = yield* HttpClient.HttpClient
  const get = (path: string) =>
    Effect.gen(function* () {
      const response = yield* client.get(HttpServer.formatAddress(address) + path)
      const retryAfter = response.headers["retry-after"]
      const seconds = retryAfter === undefined ? "" : `, Retry-After: ${retryAfter}`
      yield* Console.log(`GET ${path.padEnd(8)} ${response.status}${seconds}  ${yield* response.text}`)
    })

  yield* get("/missing")
  for (let i = 0; i < 3; i++) yield* get("/orders")
  yield* Console.log("--- three failures: the circuit is open")
  yield* get("/orders")
  yield* get("/missing")
  yield* get("/health")
  yield* Console.log(`--- the database was asked ${database.queries} times`)

  database.isDown = false
  yield* CircuitBreaker.awaitReady()
  yield* Console.log("--- the next request is the probe")
  yield* get("/orders")
})

program.pipe(
  Effect.scoped,
  Effect.provide([BreakerLive, FetchHttpClient.layer]),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
