/**
 * From Python's `requests-circuit-breaker`, after Ruby's `cb2`: an adapter mounted on a URL prefix, which opens at a
 * percentage of 5xx answers and then answers itself.
 *
 *     breaker = PercentageCircuitBreaker("backend", ttl=120, percent_failed=10, minimum_failures=5,
 *                                        re_enable_after_seconds=300, storage=InMemoryStorage(),
 *                                        monitors=[MyMonitor()])
 *     session = requests.Session()
 *     session.mount("https://pay.example", CircuitBreakerAdapter(breaker))
 *     session.get("https://pay.example/charges/7")
 *
 * | theirs                           | ours                                   | note                                         |
 * | -------------------------------- | -------------------------------------- | -------------------------------------------- |
 * | `service`                        | `name`                                 | in errors, logs, metrics and the registry    |
 * | `ttl` (60)                       | `failureRate({ within })`              |                                              |
 * | `percent_failed` (10)            | `failureRate({ threshold: 0.1 })`      | both open at exactly 10 %                    |
 * | `minimum_failures` (5)           | `failureRate({ minimumFailures: 5 })`  |                                              |
 * | `re_enable_after_seconds` (180)  | `openDuration`                         | then one probe decides; there all go through |
 * | `storage=InMemoryStorage()`      | not needed                             | the breaker holds its circuits               |
 * | `storage=RedisStorage()`         | `RedisCircuitStore.layer`              | provided to the breaker's layer              |
 * | `monitors`: `trip`, `reset`      | `transitions`                          | each exactly once                            |
 * | `monitors`: `success`, `failure` | `HttpClient.transform`, as below       | or `CircuitMetrics`                          |
 * | `session.mount(prefix, adapter)` | `key: byPrefix([...])`                 | `https://pay.example.evil/` is not under it  |
 * | a breaker for each prefix        | a circuit for each prefix              | or a breaker each, where settings differ     |
 * | a status above 499 fails         | `CircuitHttpClient.classify`           | 408, too; 429 counts nowhere                 |
 * |                                  | `statusOutcome`                        | a verdict of your own on each status         |
 * | an exception counts nowhere      | refused, reset or late: a failure      | it reaches the caller in both                |
 * | 500, `X-Circuit-Breaker`         | `respondWhenRejected: { status: 500 }` | default: fail with a `CircuitOpenError`      |
 * | `storage.registered_services`    | `CircuitBreakerRegistry.breakers`      |                                              |
 * | the stored configuration         | `settings`, as below                   | or `layerConfig`, from configuration         |
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as assert from "node:assert"
import { createServer } from "node:http"

const settings: CircuitBreaker.Options = {
  name: "backend",
  tripPolicy: TripPolicy.failureRate({ threshold: 0.1, within: "120 seconds", minimumFailures: 5 }),
  openDuration: "300 seconds"
}

const backend = { isDown: false, requests: 0 }

const answer = Effect.suspend(() => {
  backend.requests++
  return backend.isDown
    ? Effect.zipRight(TestClock.adjust("500 millis"), HttpServerResponse.text("", { status: 500 }))
    : HttpServerResponse.text("fine")
})

const seen = { Success: 0, Failure: 0, Ignored: 0 }

// A monitor of requests: it sees what is sent, with its request, its response and how long that took.
const monitored = <E, R>(client: HttpClient.HttpClient.With<E, R>) =>
  HttpClient.transform(client, (send, request) =>
    Effect.flatMap(Effect.timed(Effect.exit(send)), ([elapsed, exit]) => {
      const { _tag } = CircuitHttpClient.classify(exit)
      seen[_tag]++
      const line = `monitor: ${_tag}, ${request.method} after ${Duration.format(elapsed)}`
      return Effect.zipRight(_tag === "Failure" ? Console.log(line) : Effect.void, exit)
    })
  )

const program = Effect.gen(function* () {
  const server = yield* NodeHttpServer.make(() => createServer(), { host: "127.0.0.1", port: 0 })
  yield* server.serve(HttpRouter.empty.pipe(HttpRouter.get("/*", answer)))
  const url = HttpServer.formatAddress(server.address)
  const [payments, search] = [`${url}/payments`, `${url}/search`]

  const breaker = yield* CircuitBreaker.make(settings)
  const session = (yield* HttpClient.HttpClient).pipe(
    monitored,
    CircuitHttpClient.protect({
      breaker,
      key: CircuitHttpClient.byPrefix([payments, search]),
      respondWhenRejected: { status: 500 }
    })
  )
  // A monitor of trips and resets
  const changes = yield* Effect.fork(Stream.runCollect(Stream.take(breaker.transitions, 3)))

  const get = (address: string) => Effect.tap(session.get(address), (response) => response.text)
  yield* Effect.replicateEffect(get(`${payments}/1`), 45)
  backend.isDown = true
  yield* Effect.replicateEffect(get(`${payments}/1`), 5)
  assert.strictEqual((yield* breaker.state(payments))._tag, "Open")
  assert.deepStrictEqual(seen, { Success: 45, Failure: 5, Ignored: 0 })

  const rejected = yield* session.get(`${payments}/1`)
  assert.strictEqual(rejected.status, 500)
  assert.strictEqual(rejected.headers["x-circuit-breaker"], "breaker tripped")
  assert.strictEqual(backend.requests, 50)
  yield* Console.log("rejected:", yield* rejected.json)

  backend.isDown = false
  assert.strictEqual((yield* get(`${search}/1`)).status, 200)
  yield* TestClock.adjust("300 seconds")
  assert.strictEqual((yield* get(`${payments}/1`)).status, 200)
  const paths = Array.from(yield* Fiber.join(changes), ({ from, to }) => `${from} -> ${to}`)
  assert.deepStrictEqual(paths, ["Closed -> Open", "Open -> HalfOpen", "HalfOpen -> Closed"])
  yield* Console.log(`monitor: ${paths.join(", ")}`)

  const known = Option.getOrThrow(yield* CircuitBreakerRegistry.get("backend"))
  const circuits = yield* known.circuits
  assert.deepStrictEqual(circuits.map(({ key }) => key).sort(), [payments, search])
  yield* Console.log("settings:", settings)
})

await program.pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(FetchHttpClient.layer, TestContext.TestContext)),
  Logger.withMinimumLogLevel(LogLevel.None),
  Effect.runPromise
)
