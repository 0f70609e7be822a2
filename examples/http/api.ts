/**
 * An `HttpApi` whose endpoint may be rejected by a breaker of the server. With `CircuitOpenErrorSchema` among its errors
 * the rejection crosses the wire: the client gets a `CircuitOpenError` that says which circuit is open and for how long,
 * and can wait for it as it would for a circuit of its own.
 *
 *     npx tsx examples/http/api.ts
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { CircuitOpenErrorSchema } from "effect-circuit-breaker/CircuitOpenErrorSchema"

class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

const Api = HttpApi.make("Shop").add(
  HttpApiGroup.make("orders").add(
    HttpApiEndpoint.get("list", "/orders")
      .addSuccess(Schema.Array(Schema.String))
      .addError(Unavailable, { status: 500 })
      .addError(CircuitOpenErrorSchema, { status: 503 })
  )
)

class Database extends CircuitBreaker.Service<Database>()("Database", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "500 millis"
}) {}

const database = { isDown: true, queries: 0 }

const listOrders = Effect.suspend(() => {
  database.queries++
  return database.isDown ? new Unavailable() : Effect.succeed(["one", "two"])
})

const Orders = HttpApiBuilder.group(Api, "orders", (handlers) =>
  handlers.handle("list", () => Database.protect(listOrders))
)

const ServerLive = HttpApiBuilder.serve().pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(Orders),
  Layer.provide(Database.layer),
  // A server on a free port, and an `HttpClient` that sends its requests there.
  Layer.provideMerge(NodeHttpServer.layerTest)
)

const program = Effect.gen(function* () {
  const client = yield* HttpApiClient.make(Api)
  const list = client.orders.list().pipe(
    Effect.map((orders) => orders.join(", ")),
    Effect.tap((orders) => Console.log(`200  ${orders}`)),
    Effect.tapErrorTag("Unavailable", () => Console.log("500  the database is down")),
    Effect.tapErrorTag("CircuitOpenError", ({ message }) => Console.log(`503  ${message}`))
  )

  for (let i = 0; i < 4; i++) yield* Effect.ignore(list)
  yield* Console.log(`the database was asked ${database.queries} times`)

  database.isDown = false
  yield* Console.log("now with a retry that waits as long as the error says")
  yield* Effect.retry(list, { schedule: CircuitBreaker.retrySchedule(), times: 3 })
})

program.pipe(
  Effect.provide(ServerLive),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
