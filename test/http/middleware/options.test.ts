import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CircuitBreaker, Outcome } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { make, makeHalfOpen, makeOpen, recordLogs, tagOf, totalsOf } from "../../kit/index.ts"
import { guarding, Handler, places, serve } from "./fixtures.ts"

/** `/orders/1` has the circuit of the orders, and the health check has none. */
const byRoute = ({ url }: { readonly url: string }) => (url === "/health" ? undefined : url.split("/")[1])

for (const [place, serveIn] of Object.entries(places)) {
  describe(`keys, with the middleware ${place}`, () => {
    test("D7 all requests have one circuit by default", function* () {
      const { ask, breaker } = yield* guarding(make(), new Handler(500).app, {}, serveIn)
      assert.strictEqual((yield* ask("/orders")).status, 500)
      assert.strictEqual((yield* ask("/users")).status, 503)
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key }) => key),
        ["default"]
      )
    })

    test("D7 key names the circuit of a request", function* () {
      const handler = new Handler(500)
      const { ask, breaker } = yield* guarding(make(), handler.app, { key: byRoute }, serveIn)
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
      const { ask, breaker } = yield* guarding(makeOpen(), handler.app, { key: byRoute }, serveIn)
      const before = yield* breaker.circuits
      for (const code of [500, 500, 200]) {
        handler.answers = code
        assert.strictEqual((yield* ask("/health")).status, code)
      }
      assert.deepStrictEqual(yield* breaker.circuits, before)
    })
  })
}

test("CircuitHttpMiddleware.make uses the breaker of the environment of each request", function* () {
  const app = CircuitHttpMiddleware.make()(new Handler().app)
  for (const [breaker, status] of [
    [yield* make(), 200],
    [yield* makeOpen(), 503]
  ] as const) {
    const ask = yield* Effect.provideService(serve(app), CircuitBreaker.CircuitBreaker, breaker)
    assert.strictEqual((yield* ask()).status, status)
  }
})

test("CircuitHttpMiddleware.make prefers the given breaker to that of the environment", function* () {
  const around = yield* make({ name: "around" })
  const middleware = CircuitHttpMiddleware.make({ breaker: yield* makeOpen({ name: "given" }) })
  const app = Effect.provideService(middleware(new Handler().app), CircuitBreaker.CircuitBreaker, around)
  assert.strictEqual((yield* (yield* serve(app))()).status, 503)
  assert.deepInclude(yield* totalsOf(around), { succeeded: 0, rejected: 0 })
})

test('mode "observe" runs the handler, and counts requests that would have been rejected', function* () {
  const handler = new Handler()
  const { ask, breaker } = yield* guarding(makeOpen({ mode: "observe" }), handler.app)
  assert.strictEqual((yield* ask()).status, 200)
  handler.answers = 500
  assert.strictEqual((yield* ask()).status, 500)
  assert.strictEqual(handler.runs, 2)
  assert.deepInclude(yield* totalsOf(breaker), { rejected: 2, succeeded: 0, failed: 1 })
})

const breaker = "CircuitHttpMiddleware.make: breaker must be a breaker, as CircuitBreaker.make gives it"
const options = "breaker, key, statusOutcome, classify, response"
const refusals: ReadonlyArray<readonly [id: string, options: unknown, message: string]> = [
  [
    "D8 R3.5",
    { keys: () => "orders" },
    `CircuitHttpMiddleware.make: unknown option "keys", the options are ${options}`
  ],
  ["D8 R3.5", { breaker: {} }, `${breaker}, received {}`],
  ["D8 R3.5", { key: "orders" }, 'CircuitHttpMiddleware.make: key must be a function, received "orders"'],
  [
    "D8 R3.5",
    { statusOutcome: 500 },
    "CircuitHttpMiddleware.make: statusOutcome must be a function, received 500"
  ],
  ["D8 R3.5", { response: 503 }, "CircuitHttpMiddleware.make: response must be a function, received 503"],
  [
    "D8 R3.5",
    { classify: CircuitHttpMiddleware.classify, statusOutcome: () => Outcome.ignored },
    "CircuitHttpMiddleware.make must be given either statusOutcome or classify, received both"
  ],
  ["E6", null, `CircuitHttpMiddleware.make must be given options (${options}), received null`],
  ["E6", { breaker: null }, `${breaker}, received null`],
  ...["key", "statusOutcome", "classify", "response"].map(
    (name) =>
      [
        "E6",
        { [name]: null },
        `CircuitHttpMiddleware.make: ${name} must be a function, received null`
      ] as const
  )
]
for (const [id, options, message] of refusals) {
  it(`${id} ${message}`, () => {
    assert.throws(
      () => CircuitHttpMiddleware.make(options as CircuitHttpMiddleware.Options),
      RangeError,
      message
    )
  })
}

test("R3.5 an option that is undefined has its default", function* () {
  const options = { key: undefined, classify: undefined, response: undefined }
  const { ask } = yield* guarding(make(), new Handler(500).app, options)
  assert.deepStrictEqual([(yield* ask()).status, (yield* ask()).status], [500, 503])
})

const throws = (): never => {
  throw new Error("no answer")
}

for (const [title, key] of [
  ["E6 a key that is null", () => null as unknown as string],
  ["CircuitHttpMiddleware.make: a key that throws", throws]
] as const) {
  test(`${title} is a defect of the app, whose handler does not run`, function* () {
    const handler = new Handler()
    const { ask, breaker } = yield* guarding(make(), handler.app, { key })
    assert.strictEqual((yield* ask()).status, 500)
    assert.deepStrictEqual([handler.runs, yield* breaker.circuits], [0, []])
  })
}

for (const [id, name] of [
  ["E18", "statusOutcome"],
  ["R3.1.5", "classify"]
] as const) {
  test(`${id} a ${name} that throws changes no answer, counts as Ignored, and is reported once`, function* () {
    const lines = yield* recordLogs
    const own = HttpServerResponse.text("ours", { status: 500 })
    const { ask, breaker } = yield* guarding(make(), own, { [name]: throws })
    for (const { body, status } of [yield* ask(), yield* ask()]) {
      assert.deepStrictEqual([status, body], [500, "ours"])
    }
    assert.deepInclude(yield* totalsOf(breaker), { ignored: 2, failed: 0 })
    assert.lengthOf(
      lines.filter(({ message }) => message.startsWith("The classifier")),
      1
    )
  })
}

test("E18 statusOutcome is given the response, and may judge by it", function* () {
  const own = HttpServerResponse.text("busy", { status: 200, headers: { "x-shed": "1" } })
  const { ask } = yield* guarding(make(), own, {
    statusOutcome: (_, { headers }) =>
      headers["x-shed"] === "1" ? Outcome.failure({ retryAfter: "1 minute" }) : Outcome.success
  })
  assert.strictEqual((yield* ask()).body, "busy")
  assert.strictEqual((yield* ask()).headers["retry-after"], "60")
})

test("D5 statusOutcome that ignores a 404 keeps it from closing a half-open circuit", function* () {
  const handler = new Handler(404)
  const { ask, breaker } = yield* guarding(makeHalfOpen(), handler.app, {
    statusOutcome: (status) => (status === 404 ? Outcome.ignored : Outcome.success)
  })
  assert.strictEqual((yield* ask()).status, 404)
  assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
  handler.answers = 200
  assert.strictEqual((yield* ask()).status, 200)
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})
