/**
 * A circuit breaker round an `HttpClient`. Each base URL has a circuit of its own: while the stock service is down its
 * requests fail fast and are not sent, and the rates service is not affected. After a while one request goes through
 * as a probe, and the circuit closes by itself.
 *
 *     npx tsx examples/http/client.ts
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
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { createServer } from "node:http"

const program = Effect.gen(function* () {
  const { server, url } = yield* startServices
  const breaker = yield* CircuitBreaker.make({
    name: "services",
    tripPolicy: TripPolicy.consecutive(3),
    openDuration: "300 millis"
  })

  const client = (yield* HttpClient.HttpClient).pipe(
    CircuitHttpClient.protect({ breaker, key: CircuitHttpClient.byPrefix([`${url}/stock`, `${url}/rates`]) })
  )
  // Failures are 408, 5xx and requests that got no response. The client still answers a 500 with a response.
  const get = (path: string) =>
    client.get(url + path).pipe(
      Effect.map(({ status }) => String(status)),
      Effect.catchTag("CircuitOpenError", ({ state }) => Effect.succeed(`not sent, the circuit is ${state}`)),
      Effect.flatMap((result) => Console.log(`GET ${path.padEnd(8)} ${result}`))
    )

  server.isDown = true
  for (let i = 0; i < 5; i++) yield* get("/stock/7")
  yield* get("/rates/eur")

  server.isDown = false
  yield* breaker.awaitReady(`${url}/stock`)
  yield* Console.log("... 300 milliseconds later")
  yield* get("/stock/7")

  // Callers that know nothing of circuits can be given a response instead of an error.
  const answering = CircuitHttpClient.protect(yield* HttpClient.HttpClient, {
    breaker,
    key: () => "maintenance",
    respondWhenRejected: { status: 503 }
  })
  yield* breaker.isolate("maintenance")
  const response = yield* answering.get(`${url}/stock/7`)
  yield* Console.log(`answered instead: ${response.status} ${yield* response.text}`)

  yield* Console.log(`the stock service got ${server.requests} of 7 requests`)
})

/** Two services, one of which can be down. */
const startServices = Effect.gen(function* () {
  const state = { isDown: false, requests: 0 }
  const stock = Effect.sync(() => {
    state.requests++
    return HttpServerResponse.text("", { status: state.isDown ? 500 : 200 })
  })
  const { address, serve } = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* serve(
    HttpRouter.empty.pipe(
      HttpRouter.get("/stock/:id", stock),
      HttpRouter.get("/rates/:currency", HttpServerResponse.text("1.08"))
    )
  )
  return { server: state, url: HttpServer.formatAddress(address) }
})

program.pipe(
  Effect.scoped,
  Effect.provide(FetchHttpClient.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
