/**
 * From Python's `circuit_breaker_fastapi`: a middleware for the whole app, which answers 503 and "Retry after N secs"
 * once a listed error has come up too often.
 *
 *     app.add_middleware(
 *         CircuitBreakerMiddleware,
 *         circuit_breaker_input=CircuitBreakerInputDto(
 *             exception_list=(DatabaseDown,),
 *             half_open_retry_count=3,
 *             half_open_retry_timeout_seconds=30,
 *         ),
 *     )
 *
 * | theirs                                  | ours                                 | note                                       |
 * | --------------------------------------- | ------------------------------------ | ------------------------------------------ |
 * | `half_open_retry_count` (3)             | `failureCount`, `within: Infinity`   | in its code: failures since the last close |
 * |                                         | `consecutive(3)`                     | where a success is to start over           |
 * |                                         | `halfOpen: { probes: 3 }`            | in its documentation: a few test requests  |
 * | `half_open_retry_timeout_seconds` (120) | `openDuration`                       | any length; there 30 to 1,800 seconds      |
 * | `exception_list` (`Exception`)          | `classify` of the middleware         | default: a status from 500 up, and defects |
 * | a status from 400 up fails              | only from 500 up                     | `classify` may be as strict                |
 * | a failure is answered with 503          | with the handler's own answer        | never replaced                             |
 * | 503, "Retry after N secs"               | the same, and `Retry-After: N`       | `response` makes another answer            |
 * | one breaker for the app                 | `key`                                | a circuit a route; `undefined`: unguarded  |
 * | ranges checked by pydantic              | ranges checked by `make` and `layer` | an error names option, value and range     |
 * | tracebacks printed                      | one line logged a transition         | with the last failure's cause              |
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as assert from "node:assert"
import { createServer } from "node:http"

class DatabaseDown extends Data.TaggedError("DatabaseDown") {}

const AppBreaker = CircuitBreaker.layer({
  tripPolicy: TripPolicy.failureCount({ failures: 3, within: Infinity }),
  openDuration: "30 seconds"
})

const onlyWhenDown = Outcome.failWhen((error) => error instanceof DatabaseDown)

const middleware = CircuitHttpMiddleware.make({
  key: (request) => (request.url === "/health" ? undefined : "app"),
  classify: (exit) => (Exit.isSuccess(exit) ? CircuitHttpMiddleware.classify(exit) : onlyWhenDown(exit))
})

const database = { isDown: true, queries: 0 }

const orders = Effect.suspend(() => {
  database.queries++
  return database.isDown ? Effect.fail(new DatabaseDown()) : HttpServerResponse.text("orders")
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/orders", orders),
  HttpRouter.get("/missing", HttpServerResponse.text("no such order", { status: 404 })),
  HttpRouter.get("/health", HttpServerResponse.text("alive"))
)

const program = Effect.gen(function* () {
  const server = yield* NodeHttpServer.make(() => createServer(), { host: "127.0.0.1", port: 0 })
  yield* server.serve(app, middleware)
  const client = yield* HttpClient.HttpClient
  const get = (path: string) =>
    Effect.gen(function* () {
      const response = yield* client.get(HttpServer.formatAddress(server.address) + path)
      const { "retry-after": retryAfter } = response.headers
      return { status: response.status, retryAfter, text: yield* response.text }
    })

  // bad, ok, bad, ok, bad: the total since the last close is what counts
  for (const path of ["/orders", "/missing", "/orders", "/missing", "/orders"]) {
    assert.strictEqual((yield* get(path)).status, path === "/orders" ? 500 : 404)
  }
  const first = yield* get("/orders")
  assert.deepStrictEqual([first.status, first.retryAfter, database.queries], [503, "30", 3])
  yield* TestClock.adjust("10 seconds")
  const second = yield* get("/missing")
  assert.deepStrictEqual([second.status, second.retryAfter], [503, "20"])
  assert.match(second.text, /Retry after 20 secs/)
  assert.strictEqual((yield* get("/health")).text, "alive")
  yield* Console.log(`after three failures: ${first.status} ${first.text}`)
  yield* Console.log(`ten seconds later:    ${second.status} ${second.text}`)

  yield* TestClock.adjust("20 seconds")
  database.isDown = false
  assert.strictEqual((yield* get("/orders")).text, "orders")
  assert.strictEqual((yield* CircuitBreaker.state("app"))._tag, "Closed")
  yield* Console.log("at 30 seconds one request went through, and its success closed the circuit")
})

await program.pipe(
  Effect.scoped,
  Effect.provide(
    AppBreaker.pipe(Layer.merge(FetchHttpClient.layer), Layer.provideMerge(TestContext.TestContext))
  ),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
