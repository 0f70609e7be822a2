/**
 * The client of an `HttpApi` behind a breaker: `HttpApiClient.makeWith` takes the guarded `HttpClient` and adds its
 * errors to those of every endpoint. A request that the circuit rejects fails with a `CircuitOpenError`, which a handler
 * takes by its tag; it is not a response that cannot be decoded.
 *
 *     npx tsx examples/http/api-client.ts
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
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
import * as Schema from "effect/Schema"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import { createServer } from "node:http"

class UnknownCurrency extends Schema.TaggedError<UnknownCurrency>()("UnknownCurrency", {}) {}

const Rate = Schema.Struct({ perEuro: Schema.Number })

const Api = HttpApi.make("Rates").add(
  HttpApiGroup.make("rates").add(
    HttpApiEndpoint.get("rate", "/rates/:currency")
      .setPath(Schema.Struct({ currency: Schema.String }))
      .addSuccess(Rate)
      .addError(UnknownCurrency, { status: 404 })
  )
)

const program = Effect.gen(function* () {
  const { service, url } = yield* startService
  const breaker = yield* CircuitBreaker.make({
    name: "rates",
    tripPolicy: TripPolicy.consecutive(3),
    openDuration: "500 millis"
  })
  const httpClient = (yield* HttpClient.HttpClient).pipe(CircuitHttpClient.protect({ breaker }))
  const client = yield* HttpApiClient.makeWith(Api, { httpClient, baseUrl: url })

  const rate = (currency: string) =>
    client.rates.rate({ path: { currency } }).pipe(
      Effect.map(({ perEuro }) => `${perEuro} per euro`),
      Effect.catchTags({
        UnknownCurrency: () => Effect.succeed("no such currency"),
        CircuitOpenError: ({ state }) => Effect.succeed(`not sent, the circuit is ${state}`),
        ResponseError: ({ response }) => Effect.succeed(`answered ${response.status}`)
      }),
      Effect.flatMap((result) => Console.log(`${currency}  ${result}`))
    )

  yield* rate("usd")
  // The API's own answer 404 is a success: the service is well.
  yield* rate("xyz")

  service.isDown = true
  for (let i = 0; i < 5; i++) yield* rate("usd")

  service.isDown = false
  yield* breaker.awaitReady(url)
  yield* Console.log("... 500 milliseconds later")
  yield* rate("usd")
  yield* Console.log(`the service got ${service.requests} of 8 requests`)
})

const startService = Effect.gen(function* () {
  const service = { isDown: false, requests: 0 }
  const rate = Effect.gen(function* () {
    service.requests++
    if (service.isDown) return HttpServerResponse.text("out of order", { status: 500 })
    const { currency } = yield* HttpRouter.params
    return currency === "usd"
      ? yield* HttpServerResponse.json({ perEuro: 1.08 })
      : yield* HttpServerResponse.json({ _tag: "UnknownCurrency" }, { status: 404 })
  })
  const { address, serve } = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* serve(HttpRouter.empty.pipe(HttpRouter.get("/rates/:currency", rate)))
  return { service, url: HttpServer.formatAddress(address) }
})

program.pipe(
  Effect.scoped,
  Effect.provide(FetchHttpClient.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
