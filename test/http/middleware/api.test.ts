/** An `HttpApi` behind the middleware: errors that it declares, and the statuses of their schemas. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { make } from "../../kit/index.ts"
import { test } from "../../kit/test.ts"
import { askAt, counted, listen, status } from "./fixtures.ts"

let responsesMade = 0
let checks = 0

class Missing extends Schema.TaggedError<Missing>()(
  "Missing",
  { id: Schema.String },
  HttpApiSchema.annotations({ status: 404 })
) {
  [HttpServerRespondable.symbol]() {
    responsesMade++
    return Effect.succeed(status(500))
  }
}

class Down extends Schema.TaggedError<Down>()("Down", {}) {}

class Undeclared extends Schema.TaggedError<Undeclared>()("Undeclared", {}) {}

class Check extends HttpApiMiddleware.Tag<Check>()("Check") {}

const check = Layer.succeed(
  Check,
  Effect.sync(() => void checks++)
)

class Api extends HttpApi.make("api")
  .add(
    HttpApiGroup.make("orders", { topLevel: true })
      .add(HttpApiEndpoint.get("missing", "/missing").addError(Missing))
      .add(HttpApiEndpoint.get("conflict", "/conflict").addError(HttpApiError.Conflict))
      .add(HttpApiEndpoint.get("down", "/down").addError(Down, { status: 503 }))
      .add(HttpApiEndpoint.get("undeclared", "/undeclared"))
      .add(HttpApiEndpoint.get("find", "/find").setUrlParams(Schema.Struct({ id: Schema.NumberFromString })))
  )
  .middleware(Check) {}

const handlers = HttpApiBuilder.group(Api, "orders", (handlers) =>
  handlers
    .handle("missing", () => Effect.fail(new Missing({ id: "1" })))
    .handle("conflict", () => Effect.fail(new HttpApiError.Conflict()))
    .handle("down", () => Effect.fail(new Down()))
    .handle("undeclared", () => Effect.die(new Undeclared()))
    .handle("find", () => Effect.void)
).pipe(Layer.provide(check))

type Guard = CircuitHttpMiddleware.Middleware<never>

const api = HttpApiBuilder.api(Api).pipe(Layer.provide(handlers), Layer.provide(check))

const ways: Record<string, (guard: Guard) => Layer.Layer<never, never, HttpServer.HttpServer>> = {
  "HttpApiBuilder.serve": (guard) =>
    HttpApiBuilder.serve(guard).pipe(Layer.provide(api), Layer.provide(HttpServer.layerContext)),
  "HttpApiBuilder.middleware": (guard) =>
    HttpApiBuilder.serve().pipe(
      Layer.provide(HttpApiBuilder.middleware(guard)),
      Layer.provide(api),
      Layer.provide(HttpServer.layerContext)
    ),
  "HttpLayerRouter.middleware": (guard) =>
    HttpLayerRouter.serve(
      HttpLayerRouter.addHttpApi(Api).pipe(
        Layer.provide(handlers),
        Layer.provide(check),
        Layer.provide(HttpServer.layerContext),
        Layer.provide(HttpLayerRouter.middleware(guard).layer)
      ),
      { disableLogger: true, disableListenLog: true }
    )
}

const requests = {
  "/missing": { answer: 404, outcome: "succeeded" },
  "/conflict": { answer: 409, outcome: "succeeded" },
  "/down": { answer: 503, outcome: "failed" },
  "/undeclared": { answer: 500, outcome: "failed" },
  "/find?id=one": { answer: 400, outcome: "succeeded" }
}

for (const [way, serve] of Object.entries(ways)) {
  for (const [path, { answer, outcome }] of Object.entries(requests)) {
    test(`D5 E12 GET ${path} of an API, guarded by ${way}, is judged by its ${answer}`, function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      const guard = CircuitHttpMiddleware.make({ breaker })
      const ask = askAt(yield* listen(Layer.provide(serve(guard), Logger.remove(Logger.defaultLogger))))
      const before = { checks, responsesMade }

      assert.strictEqual((yield* ask(path)).status, answer)
      yield* counted(breaker, { [outcome]: 1 })
      yield* ask(path)

      yield* counted(breaker, { [outcome]: 2 })
      // The middleware of the API runs once for a request, and the schema of an error comes before its own response.
      assert.deepStrictEqual([checks - before.checks, responsesMade - before.responsesMade], [2, 0])
    })
  }
}
