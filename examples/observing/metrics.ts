/**
 * The breakers' metrics on a Prometheus endpoint, by way of OpenTelemetry. There is nothing to set up on the breaker's
 * side: its metrics are Effect metrics, there from the start with the value zero, and whatever exports those exports
 * them. `examples/observing/grafana/circuit-breaker.json` is a dashboard that shows them.
 *
 *     npx tsx examples/observing/metrics.ts            prints what a Prometheus would read
 *     npx tsx examples/observing/metrics.ts --serve    goes on, and serves http://127.0.0.1:9464/metrics
 */
import * as Metrics from "@effect/opentelemetry/Metrics"
import * as Resource from "@effect/opentelemetry/Resource"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { CircuitBreaker } from "effect-circuit-breaker"
import { createServer, type Server } from "node:http"

class Payments extends CircuitBreaker.Service<Payments>()("Payments", { openDuration: "5 seconds" }) {}

// The exporter can listen by itself; here its endpoint is part of a server of ours.
const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true })

const MetricsLive = Metrics.layer(() => exporter).pipe(Layer.provide(Resource.layer({ serviceName: "shop" })))

const listen = (port: number) =>
  Effect.acquireRelease(
    Effect.async<Server, Error>((resume) => {
      const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response))
      server.once("error", (error) => resume(Effect.fail(error)))
      server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
  )

const program = Effect.gen(function* () {
  yield* Effect.replicateEffect(charge(true), 20)
  yield* Effect.replicateEffect(charge(false), 5)
  yield* Effect.replicateEffect(charge(true), 3)

  const server = yield* listen(0)
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  const response = yield* HttpClient.get(`http://127.0.0.1:${port}/metrics`)
  const lines = (yield* response.text).split("\n").filter((line) => line.startsWith("circuit_breaker_"))
  yield* Console.log(lines.join("\n"))
})

const charge = (works: boolean) =>
  Effect.ignore(Payments.protect(works ? Effect.void : Effect.fail("unavailable")))

/** Ten charges a second, of a provider that is down for 20 seconds of each minute. */
const keepServing = Effect.gen(function* () {
  yield* listen(9464)
  yield* Console.log("http://127.0.0.1:9464/metrics")
  yield* Effect.flatMap(Clock.currentTimeMillis, (now) => charge(now % 60_000 < 40_000)).pipe(
    Effect.repeat(Schedule.spaced("100 millis"))
  )
})

Effect.if(process.argv.includes("--serve"), { onTrue: () => keepServing, onFalse: () => program }).pipe(
  Effect.scoped,
  Effect.provide([Payments.layer, MetricsLive, FetchHttpClient.layer]),
  // The breaker logs each transition; here the metrics tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
