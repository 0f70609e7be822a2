/** The description of a failed request in a log and in a snapshot. */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { make, recordLogs } from "../../kit/index.ts"
import { guarding, places, serve, status } from "./fixtures.ts"

const causeOf = Option.map(({ cause }: { readonly cause: Cause.Cause<unknown> }) => cause)

for (const [place, serveIn] of Object.entries(places)) {
  describe(`an answer that is a failure, with the middleware ${place}`, () => {
    test("E19 the line of an opening has the request and the status", function* () {
      const lines = yield* recordLogs
      const { ask, breaker } = yield* guarding(make(), Effect.succeed(status(500)), {}, serveIn)

      yield* ask("/orders/7?token=s3cret#part")

      const opening = lines.find(({ level }) => level === "Warning")
      assert.match(opening?.message ?? "", /^Circuit opened for 10s \(.*\): GET \/orders\/7 answered 500$/)
      assert.isTrue(Cause.isEmpty(opening?.cause ?? Cause.empty))
      const { lastFailure } = yield* breaker.snapshot()
      assert.deepStrictEqual(
        Option.getOrThrow(causeOf(lastFailure)),
        Cause.fail("GET /orders/7 answered 500")
      )
    })

    test("E19 an error that led to a failure is logged", function* () {
      const lines = yield* recordLogs
      const { ask } = yield* guarding(make(), Effect.fail("unavailable"), {}, serveIn)
      yield* ask("/orders")
      const opening = lines.find(({ message }) => message.startsWith("Circuit opened"))
      assert.isTrue(opening?.message.endsWith(")"), opening?.message)
      assert.deepStrictEqual(opening?.cause, Cause.fail("unavailable"))
    })
  })
}

test("E19 a request of a mounted router is described with its whole path", function* () {
  const breaker = yield* make()
  const routes = HttpRouter.empty.pipe(
    HttpRouter.get("/orders", HttpServerResponse.empty({ status: 503 })),
    HttpRouter.use(CircuitHttpMiddleware.make({ breaker }))
  )
  const ask = yield* serve(HttpRouter.empty.pipe(HttpRouter.mount("/api", routes)))
  yield* ask("/api/orders?of=today")
  const { lastFailure } = yield* breaker.snapshot()
  assert.deepStrictEqual(Option.getOrThrow(causeOf(lastFailure)), Cause.fail("GET /api/orders answered 503"))
})

test("E19 CircuitHttpMiddleware.classify outside a server describes the status", function* () {
  const breaker = yield* make()
  const answer = breaker.protectWith(Effect.succeed(status(500)), {
    classify: CircuitHttpMiddleware.classify
  })
  yield* Effect.asVoid(answer)
  const { lastFailure } = yield* breaker.snapshot()
  assert.deepStrictEqual(Option.getOrThrow(causeOf(lastFailure)), Cause.fail("answered 500"))
})

it("E19 the verdict is an Outcome like any other", () => {
  assert.deepStrictEqual(CircuitHttpMiddleware.classify(Exit.succeed(status(500))), Outcome.failure())
})
