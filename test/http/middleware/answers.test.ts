/** Errors that make their own response asynchronously. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { type Breaker, make, makeHalfOpen, tagOf } from "../../kit/index.ts"
import { type Ask, counted, everyPlace, exitOf, guarding, routed, serve, status } from "./fixtures.ts"

/** Counts how often an error was asked for an answer, and how often it made one. */
class Made {
  calls = 0
  runs = 0
}

/** An error that makes its answer later, a new one each time: the number of the answer is in its body. */
class Answering extends Data.TaggedError("Answering")<{
  readonly status: number
  readonly made: Made
  readonly after?: Effect.Effect<unknown, string>
}> {
  [HttpServerRespondable.symbol]() {
    this.made.calls++
    return Effect.promise(() => Promise.resolve()).pipe(
      Effect.zipRight(this.after ?? Effect.void),
      Effect.map(() => HttpServerResponse.text(`answer ${++this.made.runs}`, { status: this.status }))
    )
  }
}

const answering = (status: number, after?: Effect.Effect<unknown, string>): Answering =>
  new Answering({ status, made: new Made(), ...(after === undefined ? {} : { after }) })

/** Every place for a middleware around an app that has one route. */
const everywhere: typeof everyPlace = {
  ...everyPlace,
  "round a route of a layer": (app, middleware) => inLayer(app, middleware, false),
  "round every route of a layer": (app, middleware) => inLayer(app, middleware, true)
}

const inLayer = (
  app: HttpApp.Default<unknown>,
  middleware: CircuitHttpMiddleware.Middleware<never>,
  global: boolean
): Effect.Effect<Ask> =>
  Effect.gen(function* () {
    const router = yield* HttpLayerRouter.make
    if (global) yield* router.addGlobalMiddleware(middleware)
    // The router's type requires that errors are handled, which this test does not.
    yield* router.add("GET", "/", (global ? app : middleware(app)) as HttpApp.Default)
    return yield* serve(router.asHttpEffect())
  })

for (const [place, serveIn] of Object.entries(everywhere)) {
  describe(`an error with an answer of its own, with the middleware ${place}`, () => {
    const guarded = (app: HttpApp.Default<unknown>, options?: CircuitHttpMiddleware.Options) =>
      guarding(make(), app, options, serveIn)

    const ways = { fail: Effect.fail, die: Effect.die }
    const noAnswer = Effect.fail("no answer")
    const { classify } = CircuitHttpMiddleware
    for (const [what, makeError, options, code, body, verdict] of [
      ["answers 404", () => answering(404), {}, 404, "answer 1", "succeeded"],
      ["answers 409", () => answering(409), {}, 409, "answer 1", "succeeded"],
      ["answers 503", () => answering(503), {}, 503, "answer 1", "failed"],
      ["the same classify judges", () => answering(404), { classify }, 404, "answer 1", "succeeded"],
      ["fails to make an answer", () => answering(404, noAnswer), {}, 500, "", "failed"]
    ] as const) {
      for (const [how, end] of Object.entries(ways)) {
        test(`E12 an error that ${what}, by ${how}, is judged by the answer that is sent, which is made once`, function* () {
          const error = makeError()
          const { ask, breaker } = yield* guarded(end(error), options)

          const answer = yield* ask()

          assert.deepStrictEqual([answer.status, answer.body], [code, body])
          yield* counted(breaker, { [verdict]: 1 })
          assert.deepInclude(error.made, { calls: 1, runs: body === "" ? 0 : 1 })
        })
      }
    }

    test("E12 an error that is frozen is judged by its answer", function* () {
      const { ask, breaker } = yield* guarded(Effect.fail(Object.freeze(answering(404))))
      assert.strictEqual((yield* ask()).status, 404)
      yield* counted(breaker, { succeeded: 1 })
    })

    for (const [how, concurrency] of [
      ["one after the other", 1],
      ["at once", "unbounded"]
    ] as const) {
      test(`E12 an error that is a constant makes an answer for each of 20 requests, ${how}`, function* () {
        const error = answering(404)
        const { ask, breaker } = yield* guarded(Effect.fail(error))
        const bodies = yield* Effect.replicateEffect(
          Effect.map(ask(), ({ body }) => body),
          20,
          { concurrency }
        )
        assert.sameMembers(
          bodies,
          Array.from({ length: 20 }, (_, i) => `answer ${i + 1}`)
        )
        assert.deepInclude(error.made, { calls: 20, runs: 20 })
        yield* counted(breaker, { succeeded: 20 })
      })
    }

    test("E12 statusOutcome is given the answer of an error", function* () {
      const seen: Array<readonly [status: number, body: string]> = []
      const error = answering(404)
      const { ask, breaker } = yield* guarded(Effect.fail(error), {
        statusOutcome: (status, { body }) => {
          seen.push([status, body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : body._tag])
          return Outcome.ignored
        }
      })
      assert.strictEqual((yield* ask()).body, "answer 1")
      assert.deepStrictEqual(seen, [[404, "answer 1"]])
      yield* counted(breaker, { ignored: 1 })
    })

    test("E12 a probe holds its slot until the answer of its error is made", function* () {
      const app = Effect.fail(answering(404, Effect.sleep("5 seconds")))
      const { ask, breaker } = yield* guarding(makeHalfOpen(), app, {}, serveIn)
      const probe = yield* Effect.fork(ask())
      yield* TestClock.adjust("4 seconds")
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(probe)).status, 404)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  })
}

const twice = (outer: Breaker, inner: Breaker, app: HttpApp.Default<unknown>) =>
  CircuitHttpMiddleware.make({ breaker: outer })(CircuitHttpMiddleware.make({ breaker: inner })(app))

test("E12 an error makes one answer for two middlewares, one around the other", function* () {
  const [outer, inner] = [yield* make(), yield* make()]
  const error = answering(404)
  const answer = yield* (yield* serve(twice(outer, inner, Effect.fail(error))))()
  assert.deepStrictEqual([answer.status, answer.body], [404, "answer 1"])
  assert.deepInclude(error.made, { calls: 1, runs: 1 })
  for (const breaker of [outer, inner]) yield* counted(breaker, { succeeded: 1 })
})

test("E12 an error reaches a middleware outside unchanged", function* () {
  const error = answering(404)
  const before = Object.getOwnPropertyDescriptors({ ...error })
  const middleware = CircuitHttpMiddleware.make({ breaker: yield* make() })
  const exit = yield* exitOf(middleware(Effect.fail(error)))
  assert.deepStrictEqual(exit, Exit.fail(error))
  assert.strictEqual(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error, error)
  assert.deepStrictEqual(Object.getOwnPropertyDescriptors({ ...error }), before)
  assert.strictEqual(Object.getPrototypeOf(error), Answering.prototype)
})

test("E12 an error that is answered otherwise outside makes no second answer", function* () {
  const error = answering(404)
  const middleware = CircuitHttpMiddleware.make({ breaker: yield* make() })
  const app = Effect.catchAll(middleware(Effect.fail(error)), () => Effect.succeed(status(418)))
  assert.strictEqual((yield* (yield* serve(app))()).status, 418)
  assert.strictEqual(error.made.calls, 1)
})

test("E12 an error that throws when it makes its answer is a 500 for the breaker, and passes unchanged", function* () {
  const breaker = yield* make()
  const error = {
    [HttpServerRespondable.symbol]: (): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
      throw new Error("no answer")
    }
  }
  const exit = yield* exitOf(CircuitHttpMiddleware.make({ breaker })(Effect.fail(error)))
  assert.deepStrictEqual(exit, Exit.fail(error))
  yield* counted(breaker, { failed: 1 })
})

test("E12 a client that disconnects while the answer is made is Ignored", function* () {
  const breaker = yield* make()
  const begun = Effect.sleep("1 minute")
  const ask = yield* serve(
    routed(CircuitHttpMiddleware.make({ breaker })(Effect.fail(answering(404, begun))))
  )
  const client = yield* Effect.fork(ask())
  yield* TestClock.adjust("1 second")
  yield* Fiber.interrupt(client)
  yield* TestClock.adjust("1 second")
  yield* counted(breaker, { ignored: 1 })
})
