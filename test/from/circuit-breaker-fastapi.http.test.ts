import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { type Answer, Handler, serve, status, WaitingHandler } from "../http/middleware/fixtures.ts"
import { stateTag } from "../traps/fixtures.ts"

const options = { tripPolicy: TripPolicy.consecutive(3), openDuration: "30 seconds" } as const

/** The application of that library's users: two routes and a health check behind one middleware. */
const application = (
  handler: HttpApp.Default<unknown>,
  breakerOptions: CircuitBreaker.Options = {},
  middlewareOptions: CircuitHttpMiddleware.Options = {}
) =>
  Effect.gen(function* () {
    const breaker = yield* CircuitBreaker.make({ ...options, ...breakerOptions })
    const routes = HttpRouter.empty.pipe(
      HttpRouter.get("/orders/:id", handler),
      HttpRouter.get("/users", handler),
      HttpRouter.get("/health", HttpServerResponse.text("well"))
    )
    const ask = yield* serve(routes, CircuitHttpMiddleware.make({ ...middlewareOptions, breaker }))
    return { breaker, ask }
  })

/** The same, half-open: after three failures, at 30 s. */
const halfOpen = (breakerOptions?: CircuitBreaker.Options) =>
  Effect.gen(function* () {
    const handler = new WaitingHandler()
    const { ask, breaker } = yield* application(handler.app, breakerOptions)
    const begin = Effect.zipLeft(Effect.fork(ask("/users")), handler.hasBegun)
    const answered = (answer: HttpApp.Default<unknown>) =>
      Effect.gen(function* () {
        const request = yield* begin
        yield* handler.ends(answer)
        return yield* request
      })
    yield* Effect.replicateEffect(answered(status(500)), 3)
    yield* TestClock.setTime(30_000)
    return { breaker, ask, handler, begin, answered }
  })

const assertRejected = (answer: Answer, seconds: number) => {
  assert.strictEqual(answer.status, 503)
  assert.strictEqual(answer.headers["retry-after"], String(seconds))
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  assert.deepStrictEqual(JSON.parse(answer.body), {
    title: "Service Unavailable",
    status: 503,
    detail: `Retry after ${seconds} secs`
  })
}

class DatabaseDown extends Data.TaggedError("DatabaseDown")<{}> {}
class OutOfStock extends Data.TaggedError("OutOfStock")<{}> {}

describe("D circuit_breaker_fastapi over HTTP: consecutive or total of 3, open 30 s", () => {
  it.scoped("D1 over HTTP three 500s open it; then every guarded route answers 503 without its handler", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* application(handler.app)
      handler.answers = 500
      for (const path of ["/users", "/orders/1", "/orders/2"]) {
        assert.strictEqual(yield* stateTag(breaker), "Closed")
        assert.strictEqual((yield* ask(path)).status, 500)
      }
      handler.answers = 200
      for (const [second, left] of [
        [0, 30],
        [10, 20],
        [29, 1]
      ] as const) {
        yield* TestClock.setTime(second * 1_000)
        for (const path of ["/users", "/orders/1", "/health"]) assertRejected(yield* ask(path), left)
      }
      assert.strictEqual(handler.runs, 3)
    })
  )

  it.scoped("D2 over HTTP at 30 s one probe runs, and concurrent requests get the ordinary 503", () =>
    Effect.gen(function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen()
      const probe = yield* begin
      for (const path of ["/users", "/orders/1"]) assertRejected(yield* ask(path), 1)
      assert.strictEqual(handler.runs, 4)
      yield* handler.ends(HttpServerResponse.text("back"))
      assert.strictEqual((yield* probe).body, "back")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D2 over HTTP success closes, failure opens for a new 30 s", () =>
    Effect.gen(function* () {
      const { answered, ask, breaker } = yield* halfOpen()
      assert.strictEqual((yield* answered(status(500))).status, 500)
      assertRejected(yield* ask("/users"), 30)
      yield* TestClock.setTime(59_999)
      assertRejected(yield* ask("/users"), 1)
      yield* TestClock.setTime(60_000)
      assert.strictEqual((yield* answered(status(200))).status, 200)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D3 over HTTP probes: 3: three successes close", () =>
    Effect.gen(function* () {
      const { ask, begin, breaker, handler } = yield* halfOpen({ halfOpen: { probes: 3 } })
      const probes = yield* Effect.replicateEffect(begin, 3)
      assertRejected(yield* ask("/orders/1"), 1)
      for (const probe of probes) {
        assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
        yield* handler.ends(status(200))
        assert.strictEqual((yield* probe).status, 200)
      }
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D3 over HTTP probes: 3: one failure among them reopens", () =>
    Effect.gen(function* () {
      const { answered, ask, breaker } = yield* halfOpen({ halfOpen: { probes: 3 } })
      for (const code of [200, 200, 500]) {
        assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
        assert.strictEqual((yield* answered(status(code))).status, code)
      }
      assertRejected(yield* ask("/users"), 30)
    })
  )

  it.scoped("D4 over HTTP a probe whose client disconnects leaves the circuit usable", () =>
    Effect.gen(function* () {
      const { answered, ask, begin, breaker, handler } = yield* halfOpen()
      const probe = yield* begin
      assertRejected(yield* ask("/users"), 1)
      yield* Fiber.interrupt(probe)
      yield* handler.hasBeenInterrupted
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      assert.strictEqual((yield* answered(status(200))).status, 200)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D4 over HTTP a probe that times out leaves the circuit usable", () =>
    Effect.gen(function* () {
      const handler = new WaitingHandler()
      const { ask, breaker } = yield* application(Effect.timeout(handler.app, "5 seconds"))
      yield* breaker.trip()
      yield* TestClock.adjust("30 seconds")
      const probe = yield* Effect.fork(ask("/users"))
      yield* handler.hasBegun
      assertRejected(yield* ask("/users"), 1)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* probe).status, 500)
      assertRejected(yield* ask("/users"), 30)
      yield* TestClock.adjust("30 seconds")
      yield* handler.ends(status(200))
      assert.strictEqual((yield* ask("/users")).status, 200)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  const listed = Outcome.failWhen((error) => error instanceof DatabaseDown)

  it.scoped("D4 over HTTP a probe that ends in an unlisted error leaves the circuit usable", () =>
    Effect.gen(function* () {
      const handler = new WaitingHandler()
      const breaker = yield* CircuitBreaker.make(options)
      const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, classify: listed })(handler.app))
      yield* breaker.trip()
      yield* TestClock.adjust("30 seconds")
      yield* handler.ends(Effect.fail(new OutOfStock()))
      assert.strictEqual((yield* ask()).status, 500)
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      yield* handler.ends(status(200))
      assert.strictEqual((yield* ask()).status, 200)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped("D5 over HTTP a handler's own 404 or 422 passes unchanged and does not count", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* application(handler.app)
      for (const code of [404, 422, 404, 422]) {
        handler.answers = code
        assert.deepInclude(yield* ask("/users"), { status: code, body: "" })
      }
      assert.strictEqual((yield* ask("/nowhere")).status, 404)
      const { totals, window } = yield* breaker.snapshot()
      assert.strictEqual(totals.failed, 0)
      assert.strictEqual(window.failures, 0)
    })
  )

  it.scoped("D5 over HTTP a 500 is counted and passes unchanged", () =>
    Effect.gen(function* () {
      const own = HttpServerResponse.text("the disk is full", { status: 500, headers: { "x-own": "yes" } })
      const { ask, breaker } = yield* application(own)
      const { body, headers, status } = yield* ask("/users")
      assert.deepStrictEqual([status, headers["x-own"], body], [500, "yes", "the disk is full"])
      assert.strictEqual((yield* breaker.snapshot()).totals.failed, 1)
    })
  )

  it.scoped("D5 over HTTP the threshold and the list of errors are options", () =>
    Effect.gen(function* () {
      const handler = new WaitingHandler()
      const breaker = yield* CircuitBreaker.make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
      const ask = yield* serve(CircuitHttpMiddleware.make({ breaker, classify: listed })(handler.app))
      for (const error of [new OutOfStock(), new DatabaseDown(), new OutOfStock(), new DatabaseDown()]) {
        assert.strictEqual(yield* stateTag(breaker), "Closed")
        yield* handler.ends(Effect.fail(error))
        assert.strictEqual((yield* ask()).status, 500)
      }
      assertRejected(yield* ask(), 30)
    })
  )

  it.scoped(
    "D6 over HTTP total since the last close: bad, ok, ok, ok, bad, ok, bad opens on the third bad",
    () =>
      Effect.gen(function* () {
        const handler = new Handler()
        const { ask, breaker } = yield* application(handler.app, {
          tripPolicy: TripPolicy.failureCount({ failures: 3, within: Infinity })
        })
        for (const code of [500, 200, 200, 200, 500, 200, 500]) {
          assert.strictEqual(yield* stateTag(breaker), "Closed")
          handler.answers = code
          assert.strictEqual((yield* ask("/users")).status, code)
          yield* TestClock.adjust("10 seconds")
        }
        assertRejected(yield* ask("/users"), 20)
      })
  )

  it.scoped("D7 over HTTP a circuit per route by option, and a health check that is not guarded", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* application(
        handler.app,
        {},
        { key: ({ url }) => (url === "/health" ? undefined : url.split("/")[1]) }
      )
      handler.answers = 500
      for (const id of [1, 2, 3]) yield* ask(`/orders/${id}`)
      handler.answers = 200
      assertRejected(yield* ask("/orders/4"), 30)
      assert.strictEqual((yield* ask("/users")).status, 200)
      assert.strictEqual((yield* ask("/health")).body, "well")
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key, state }) => `${key} ${state._tag}`).toSorted(),
        ["orders Open", "users Closed"]
      )
    })
  )

  for (const [what, breakerOptions, message] of [
    ["a threshold of 0", { tripPolicy: TripPolicy.consecutive(0) }, "tripPolicy.failures must be"],
    ["no open time", { openDuration: 0 }, "openDuration must be"],
    ["half a probe", { halfOpen: { probes: 0.5 } }, "halfOpen.probes must be"]
  ] as const) {
    it.scoped(`D8 over HTTP settings out of range are refused before a request is served: ${what}`, () =>
      Effect.gen(function* () {
        let served = 0
        const server = HttpServer.make({
          serve: () => Effect.sync(() => void served++),
          address: { _tag: "TcpAddress", hostname: "127.0.0.1", port: 0 }
        })
        const app = HttpServer.serve(new Handler().app, CircuitHttpMiddleware.make()).pipe(
          Layer.provide(CircuitBreaker.layer(breakerOptions)),
          Layer.provide(Layer.succeed(HttpServer.HttpServer, server))
        )
        const exit = yield* Effect.exit(Layer.build(app))
        const defect = Exit.isFailure(exit) && exit.cause._tag === "Die" ? exit.cause.defect : undefined
        assert.instanceOf(defect, RangeError)
        assert.include((defect as RangeError).message, message)
        assert.strictEqual(served, 0)
      })
    )
  }

  it("D8 over HTTP an option that the middleware does not know is refused at construction", () => {
    assert.throws(
      () => CircuitHttpMiddleware.make({ threshold: 3 } as CircuitHttpMiddleware.Options),
      RangeError,
      "threshold"
    )
  })
})
