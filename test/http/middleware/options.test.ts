import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { make, makeOpen, recordLogs, tagOf, totalsOf } from "../../rules/fixtures.ts"
import { Handler, places, serve } from "./fixtures.ts"

/** `/orders/1` is one of the orders, and the health check is nobody's. */
const byRoute = ({ url }: { readonly url: string }) => (url === "/health" ? undefined : url.split("/")[1])

for (const [place, serveIn] of Object.entries(places)) {
  describe(`keys, with the middleware ${place}`, () => {
    test("D7 all requests have one circuit by default", function* () {
      const handler = new Handler()
      handler.answers = 500
      const breaker = yield* make()
      const ask = yield* serveIn(handler.app, CircuitHttpMiddleware.make({ breaker }))
      assert.strictEqual((yield* ask("/orders")).status, 500)
      assert.strictEqual((yield* ask("/users")).status, 503)
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key }) => key),
        ["default"]
      )
    })

    test("D7 key names the circuit of a request", function* () {
      const handler = new Handler()
      handler.answers = 500
      const breaker = yield* make()
      const ask = yield* serveIn(handler.app, CircuitHttpMiddleware.make({ breaker, key: byRoute }))
      assert.strictEqual((yield* ask("/orders/1")).status, 500)
      handler.answers = 200
      assert.strictEqual((yield* ask("/orders/2")).status, 503)
      assert.strictEqual((yield* ask("/users/1")).status, 200)
      assert.deepStrictEqual(
        [yield* tagOf(breaker, "orders"), yield* tagOf(breaker, "users"), yield* tagOf(breaker)],
        ["Open", "Closed", "Closed"]
      )
      assert.deepInclude(yield* totalsOf(breaker, "orders"), { failed: 1, rejected: 1 })
    })

    test("D7 a request whose key is undefined is not guarded, and counts nowhere", function* () {
      const handler = new Handler()
      const breaker = yield* makeOpen()
      const before = yield* breaker.circuits
      const ask = yield* serveIn(handler.app, CircuitHttpMiddleware.make({ breaker, key: byRoute }))
      for (const code of [500, 500, 200]) {
        handler.answers = code
        assert.strictEqual((yield* ask("/health")).status, code)
      }
      assert.deepStrictEqual(yield* breaker.circuits, before)
    })
  })
}

describe("the breaker", () => {
  test("CircuitHttpMiddleware.make uses the breaker of the environment of each request", function* () {
    const app = CircuitHttpMiddleware.make()(new Handler().app)
    const inWell = yield* Effect.provideService(serve(app), CircuitBreaker.CircuitBreaker, yield* make())
    const inOpen = yield* Effect.provideService(serve(app), CircuitBreaker.CircuitBreaker, yield* makeOpen())
    assert.deepStrictEqual([(yield* inWell()).status, (yield* inOpen()).status], [200, 503])
  })

  test("CircuitHttpMiddleware.make uses the breaker it is given before that of the environment", function* () {
    const given = yield* makeOpen({ name: "given" })
    const around = yield* make({ name: "around" })
    const middleware = CircuitHttpMiddleware.make({ breaker: given })
    const ask = yield* serve(
      Effect.provideService(middleware(new Handler().app), CircuitBreaker.CircuitBreaker, around)
    )
    assert.strictEqual((yield* ask()).status, 503)
    assert.deepInclude(yield* totalsOf(around), { succeeded: 0, rejected: 0 })
  })

  test('mode "observe" runs the handler, and counts requests that would have been rejected', function* () {
    const handler = new Handler()
    const breaker = yield* makeOpen({ mode: "observe" })
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker })(handler.app))
    assert.strictEqual((yield* ask()).status, 200)
    handler.answers = 500
    assert.strictEqual((yield* ask()).status, 500)
    assert.strictEqual(handler.runs, 2)
    assert.deepInclude(yield* totalsOf(breaker), { rejected: 2, succeeded: 0, failed: 1 })
  })
})

describe("the options", () => {
  it("D8 R3.5 an unknown option is refused by name", () => {
    const misspelt = { keys: () => "orders" }
    assert.throws(
      () => CircuitHttpMiddleware.make(misspelt as CircuitHttpMiddleware.Options),
      RangeError,
      /CircuitHttpMiddleware\.make.*keys/
    )
  })

  it("D8 R3.5 options of a wrong kind are refused by name", () => {
    const refusals: ReadonlyArray<readonly [options: object, message: string]> = [
      [
        { breaker: {} },
        "CircuitHttpMiddleware.make: breaker must be a breaker, as CircuitBreaker.make gives it, received {}"
      ],
      [{ key: "orders" }, 'CircuitHttpMiddleware.make: key must be a function, received "orders"'],
      [{ statusOutcome: 500 }, "CircuitHttpMiddleware.make: statusOutcome must be a function, received 500"],
      [{ response: 503 }, "CircuitHttpMiddleware.make: response must be a function, received 503"],
      [
        { classify: CircuitHttpMiddleware.classify, statusOutcome: () => Outcome.ignored },
        "CircuitHttpMiddleware.make must be given either statusOutcome or classify, received both"
      ]
    ]
    for (const [options, message] of refusals) {
      const untyped: CircuitHttpMiddleware.Options = options
      assert.throws(() => CircuitHttpMiddleware.make(untyped), RangeError, message)
    }
  })

  for (const [options, message] of [
    [
      { breaker: null },
      "CircuitHttpMiddleware.make: breaker must be a breaker, as CircuitBreaker.make gives it"
    ],
    [{ key: null }, "CircuitHttpMiddleware.make: key must be a function"],
    [{ statusOutcome: null }, "CircuitHttpMiddleware.make: statusOutcome must be a function"],
    [{ classify: null }, "CircuitHttpMiddleware.make: classify must be a function"],
    [{ response: null }, "CircuitHttpMiddleware.make: response must be a function"],
    [
      null,
      "CircuitHttpMiddleware.make must be given options (breaker, key, statusOutcome, classify, response)"
    ]
  ] as const) {
    it(`E6 ${JSON.stringify(options)} is refused by name`, () => {
      const untyped: unknown = options
      assert.throws(
        () => CircuitHttpMiddleware.make(untyped as CircuitHttpMiddleware.Options),
        RangeError,
        `${message}, received null`
      )
    })
  }

  test("E6 a key that is null is the app's defect, and not a circuit", function* () {
    const handler = new Handler()
    const breaker = yield* make()
    const none: unknown = null
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, key: () => none as string })(handler.app))
    assert.strictEqual((yield* ask()).status, 500)
    assert.deepStrictEqual([handler.runs, yield* breaker.circuits], [0, []])
  })

  test("E18 statusOutcome is given the response, and may judge by it", function* () {
    const breaker = yield* make()
    const own = HttpServerResponse.text("busy", { status: 200, headers: { "x-shed": "1" } })
    const statusOutcome: CircuitHttpMiddleware.Options["statusOutcome"] = (_, { headers }) =>
      headers["x-shed"] === "1" ? Outcome.failure({ retryAfter: "1 minute" }) : Outcome.success
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, statusOutcome })(own))
    assert.strictEqual((yield* ask()).body, "busy")
    assert.strictEqual((yield* ask()).headers["retry-after"], "60")
  })

  test("E18 a statusOutcome that throws changes no answer, counts as Ignored, and is reported once", function* () {
    const lines = yield* recordLogs
    const breaker = yield* make()
    const statusOutcome = () => {
      throw new Error("no verdict")
    }
    const own = HttpServerResponse.text("ours", { status: 500 })
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, statusOutcome })(own))
    assert.deepStrictEqual([(yield* ask()).body, (yield* ask()).body], ["ours", "ours"])
    assert.deepInclude(yield* totalsOf(breaker), { ignored: 2, failed: 0 })
    assert.lengthOf(
      lines.filter(({ message }) => message.startsWith("The classifier")),
      1
    )
  })

  test("D5 statusOutcome that ignores a 404 keeps it from closing a half-open circuit", function* () {
    const handler = new Handler()
    const breaker = yield* makeOpen()
    yield* TestClock.adjust("10 seconds")
    const statusOutcome = (status: number) =>
      status === 404 ? Outcome.ignored : status >= 500 ? Outcome.failure() : Outcome.success
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, statusOutcome })(handler.app))
    handler.answers = 404
    assert.strictEqual((yield* ask()).status, 404)
    assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    handler.answers = 200
    assert.strictEqual((yield* ask()).status, 200)
    assert.strictEqual(yield* tagOf(breaker), "Closed")
  })

  test("R3.5 an option that is undefined has its default", function* () {
    const handler = new Handler()
    handler.answers = 500
    const breaker = yield* make()
    const ask = yield* serve(
      CircuitHttpMiddleware.make({ breaker, key: undefined, classify: undefined, response: undefined })(
        handler.app
      )
    )
    assert.deepStrictEqual([(yield* ask()).status, (yield* ask()).status], [500, 503])
  })

  test("CircuitHttpMiddleware.make makes a defect of a key that throws, and the handler does not run", function* () {
    const handler = new Handler()
    const breaker = yield* make()
    const key = (): string => {
      throw new Error("no key")
    }
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, key })(handler.app))
    assert.strictEqual((yield* ask()).status, 500)
    assert.strictEqual(handler.runs, 0)
  })

  test("R3.1.5 a classify that throws changes no answer, and counts as Ignored", function* () {
    const breaker = yield* make()
    const classify = () => {
      throw new Error("no verdict")
    }
    const own = HttpServerResponse.text("ours", { status: 500 })
    const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, classify })(own))
    const { body, status } = yield* ask()
    assert.deepStrictEqual([status, body], [500, "ours"])
    assert.deepInclude(yield* totalsOf(breaker), { ignored: 1, failed: 0 })
  })
})
