import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const down = HttpClient.make((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, new Response("", { status: 500 })))
)

await Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1) })
  const client: HttpClient.HttpClient.With<HttpClientError | CircuitOpenError> = down.pipe(
    CircuitHttpClient.protect({ breaker })
  )
  yield* client.get("https://payments.example/rates")
  const rejected = yield* Effect.flip(client.get("https://payments.example/rates"))
  if (!(rejected instanceof CircuitOpenError)) throw new Error("the circuit did not open")

  const app = HttpServerResponse.text("down", { status: 500 })
  const handle = HttpApp.toWebHandler(app, CircuitHttpMiddleware.make({ breaker }))
  const ask = Effect.promise(() => handle(new Request("http://localhost/")))
  const [first, second] = yield* Effect.all([ask, ask])
  if (first.status !== 500 || second.status !== 503) throw new Error("the middleware did not shed")
}).pipe(Effect.scoped, Effect.runPromise)

const dashboard = HttpLayerRouter.toWebHandler(
  CircuitDashboard.layer({ path: "/ops" }).pipe(Layer.provide(HttpServer.layerContext))
)
const page = await dashboard.handler(new Request("http://localhost/ops"))
if (page.status !== 200) throw new Error("the dashboard was not served")
await dashboard.dispose()

class Api extends HttpApi.make("program").add(CircuitAdmin.group.prefix("/circuits")) {}

const admin = HttpApiBuilder.toWebHandler(
  Layer.merge(
    HttpApiBuilder.api(Api).pipe(Layer.provide(CircuitAdmin.layerApi(Api))),
    HttpServer.layerContext
  )
)
const listed = await admin.handler(new Request("http://localhost/circuits/breakers"))
const { access }: CircuitAdmin.Breakers = await listed.json()
if (access.changes !== "Forbidden") throw new Error("the administration is not read-only")
await admin.dispose()
