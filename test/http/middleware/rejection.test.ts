import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { test } from "../../kit/test.ts"
import { make, makeOpen, recordSpans, rejecting, tagOf, totalsOf } from "../../kit/index.ts"
import { type Answer, exitOf, guarding, Handler, places, serve, WaitingHandler } from "./fixtures.ts"

const assertUnavailable = (answer: Answer, seconds?: number) => {
  assert.strictEqual(answer.status, 503)
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  assert.strictEqual(answer.headers["retry-after"], seconds?.toString())
  assert.deepStrictEqual(JSON.parse(answer.body), {
    title: "Service Unavailable",
    status: 503,
    ...(seconds === undefined ? {} : { detail: `Retry after ${seconds} secs` })
  })
}

for (const [place, serveIn] of Object.entries(places)) {
  describe(`a rejection, with the middleware ${place}`, () => {
    test("D1 a rejection is a 503 with Retry-After in whole seconds, rounded up", function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* guarding(
        makeOpen({ openDuration: "30 seconds" }),
        handler.app,
        {},
        serveIn
      )
      for (const [millis, seconds] of [
        [0, 30],
        [1, 30],
        [10_000, 20],
        [10_400, 20],
        [29_000, 1],
        [29_999, 1]
      ] as const) {
        yield* TestClock.setTime(millis)
        assertUnavailable(yield* ask(), seconds)
      }
      assert.strictEqual(handler.runs, 0)
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 6)
      yield* TestClock.setTime(30_000)
      assert.strictEqual((yield* ask()).status, 200)
      assert.strictEqual(handler.runs, 1)
    })

    test("D1 a rejection by an opening of any finite length has whole seconds without an exponent", function* () {
      const opened = makeOpen({ openDuration: Number.MAX_VALUE })
      const { ask } = yield* guarding(opened, new Handler().app, {}, serveIn)
      assertUnavailable(yield* ask(), Number.MAX_SAFE_INTEGER)
    })

    for (const [state, seconds] of [
      ["HalfOpen", 1],
      ["Recovering", 1],
      ["Isolated", undefined]
    ] as const) {
      test(`D1 a rejection while ${state} has ${seconds === undefined ? "no Retry-After" : "a Retry-After of one second"}`, function* () {
        const handler = new Handler()
        const { ask } = yield* guarding(rejecting[state](), handler.app, {}, serveIn)
        assertUnavailable(yield* ask(), seconds)
        assert.strictEqual(handler.runs, 0)
      })
    }

    test("R3.4 a rejection is an event of the span of the server", function* () {
      const breaker = yield* makeOpen({ name: "orders" })
      const spans = yield* recordSpans
      const ask = yield* serveIn(new Handler().app, CircuitHttpMiddleware.make({ breaker }))
      yield* ask()
      assert.deepStrictEqual(spans, [
        {
          name: "http.server GET",
          events: [
            {
              name: "circuit_breaker.rejected",
              attributes: { breaker: "orders", key: "default", state: "Open", count: 1 }
            }
          ]
        }
      ])
    })
  })
}

test("response may be a response", function* () {
  const closed = HttpServerResponse.text("closed for now", { status: 429 })
  const breaker = yield* makeOpen()
  const app = CircuitHttpMiddleware.make({ breaker, response: () => closed })(new Handler().app)
  assert.deepStrictEqual(yield* exitOf(app), Exit.succeed(closed))
  const { body, status } = yield* (yield* serve(app))()
  assert.deepStrictEqual([status, body], [429, "closed for now"])
})

test("response may be an effect, and is given the rejection", function* () {
  const breaker = yield* makeOpen({ name: "orders" })
  const ask = yield* serve(
    CircuitHttpMiddleware.make({
      breaker,
      key: () => "default",
      response: ({ breaker, key, retryAfter, state }) =>
        Effect.delay(HttpServerResponse.json({ breaker, key, state, retryAfter }), "1 second").pipe(
          Effect.orDie
        )
    })(new Handler().app)
  )
  const answer = yield* Effect.fork(ask())
  yield* TestClock.adjust("1 second")
  const { body, status } = yield* answer
  assert.strictEqual(status, 200)
  assert.deepInclude(JSON.parse(body), { breaker: "orders", key: "default", state: "Open" })
})

test("R3.1.1 response counts neither as a failure nor as a success", function* () {
  const breaker = yield* makeOpen()
  const before = yield* totalsOf(breaker)
  for (const status of [500, 200]) {
    const response = () => HttpServerResponse.empty({ status })
    yield* exitOf(CircuitHttpMiddleware.make({ breaker, response })(new Handler().app))
  }
  assert.deepStrictEqual(yield* totalsOf(breaker), { ...before, rejected: 2 })
  assert.strictEqual(yield* tagOf(breaker), "Open")
})

test("R3.1.6 response does not answer the rejection of a breaker inside", function* () {
  const inner = yield* makeOpen({ name: "inner" })
  const outer = yield* make({ name: "outer" })
  const response = () => HttpServerResponse.text("replaced")
  const app = CircuitHttpMiddleware.make({ breaker: outer, response })(inner.protect(new Handler().app))
  const answer = yield* (yield* serve(app))()
  assert.deepStrictEqual([answer.status, answer.body], [500, ""])
  assert.strictEqual(yield* tagOf(outer), "Open")
})

test("R3.1.6 a middleware inside another answers its own rejection, whose 503 the outer one counts", function* () {
  const inner = yield* makeOpen({ name: "inner" })
  const outer = yield* make({ name: "outer" })
  const app = CircuitHttpMiddleware.make({ breaker: outer })(
    CircuitHttpMiddleware.make({ breaker: inner })(new Handler().app)
  )
  const ask = yield* serve(app)
  yield* TestClock.adjust("4 seconds")
  assertUnavailable(yield* ask(), 6)
  assertUnavailable(yield* ask(), 10)
})

test("R3.1.2 a handler that runs when the circuit opens sends its own answer", function* () {
  const breaker = yield* make()
  const handler = new WaitingHandler()
  const ask = yield* serve(CircuitHttpMiddleware.make({ breaker })(handler.app))
  const early = yield* Effect.fork(ask())
  yield* handler.hasBegun
  yield* breaker.trip()
  assertUnavailable(yield* ask(), 10)
  yield* handler.ends(HttpServerResponse.text("late", { status: 201 }))
  assert.strictEqual((yield* early).body, "late")
  assert.strictEqual(handler.runs, 1)
})
