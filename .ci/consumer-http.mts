import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as Effect from "effect/Effect"

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
