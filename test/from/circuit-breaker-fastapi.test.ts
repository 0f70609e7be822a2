/** D circuit_breaker_fastapi: consecutive or total of 3, open 30 s; in process and as a server's middleware. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
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
import {
  type Answer as HttpAnswer,
  type Ask,
  Handler,
  serve,
  status,
  WaitingHandler
} from "../http/middleware/fixtures.ts"
import { tagOf, totalsOf, windowOf } from "../kit/index.ts"
import { type Ending, byProtect, listed, type MakePort } from "../kit/ports.ts"
import { play, playAll } from "../kit/script.ts"

const options = { tripPolicy: TripPolicy.consecutive(3), openDuration: "30 seconds" } as const
const probes = { halfOpen: { probes: 3 } }
const { consecutive, failureCount, failureRate } = TripPolicy

/** Checks a rejection that a client receives, and returns its waiting time. */
const secondsOf = ({ body, headers, status }: HttpAnswer): number => {
  const seconds = Number(headers["retry-after"])
  assert.strictEqual(status, 503)
  assert.strictEqual(headers["content-type"], "application/problem+json")
  assert.deepStrictEqual(JSON.parse(body), {
    title: "Service Unavailable",
    status: 503,
    detail: `Retry after ${seconds} secs`
  })
  return seconds
}

const assertRejected = (ask: Ask, seconds: number, path = "/users") =>
  Effect.map(ask(path), (answer) => assert.strictEqual(secondsOf(answer), seconds))

/** An error that the application does not list, and for which it sends a status of its own. */
class Unlisted extends Data.Error<{ readonly ending: Ending }> {
  [HttpServerRespondable.symbol]() {
    return HttpServerResponse.text(this.ending, { status: 422 })
  }
}

/** The application of that library's users: its routes and a health check behind one middleware. */
const overHttp: MakePort = (options) =>
  Effect.gen(function* () {
    const breaker = yield* CircuitBreaker.make(options)
    const calls: Array<Effect.Effect<Ending>> = []
    const handler = Effect.gen(function* () {
      const { url } = yield* HttpServerRequest.HttpServerRequest
      const ending = yield* calls[Number(url.split("?")[1])]!
      if (ending.startsWith("u")) return yield* new Unlisted({ ending })
      return HttpServerResponse.text(ending, { status: ending.startsWith("s") ? 200 : 500 })
    })
    const routes = HttpRouter.empty.pipe(HttpRouter.get("/users", handler))
    const guard = CircuitHttpMiddleware.make({ breaker, classify: classifyAnswers })
    const ask = yield* serve(routes, guard)
    return {
      breaker,
      keyOf: () => undefined,
      ask: (_, reached) =>
        Effect.map(ask(`/users?${calls.push(reached) - 1}`), (answer) =>
          answer.status === 503 ? { rejectedFor: secondsOf(answer) } : answer.body
        )
    }
  })

const classifyAnswers = (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) =>
  Exit.isFailure(exit) ? Outcome.ignored : CircuitHttpMiddleware.classify(exit)

const ports = { "in process": byProtect, "over HTTP": overHttp }

describe("D circuit_breaker_fastapi: consecutive or total of 3, open 30 s", () => {
  playAll(ports, options, [
    [
      "D1 three failures open it; then no handler runs, and the wait counts down",
      "2f =Closed f -30 @10 -20 @29 -1"
    ],
    ["D2 at 30 s one probe runs, and concurrent requests are rejected as before", "3f @30 ( 2- )s =Closed"],
    ["D2 success closes, failure opens for a new 30 s", "3f @30 f =Open -30 @59.999 - @60 s =Closed"],
    ["D3 probes: 3: three successes close", "3f @30 ( ( ( - )s =HalfOpen )s =HalfOpen )s =Closed", probes],
    ["D3 probes: 3: one failure among them reopens", "3f @30 s s =HalfOpen f =Open -30", probes],
    ["D4 a probe whose client disconnects leaves the circuit usable", "3f @30 ( - )x =HalfOpen ?0 s =Closed"],
    [
      "D4 a probe that ends in an unlisted error leaves the circuit usable",
      "3f @30 u =HalfOpen ?0 s =Closed",
      { classify: listed }
    ],
    [
      "D5 the threshold and the list of errors are options",
      "u f =Closed u f =Open -30",
      { classify: listed, tripPolicy: consecutive(2) }
    ],
    [
      "D6 total since the last close: bad, ok, ok, ok, bad, ok, bad opens on the third bad",
      "f @10000 s @20000 s @30000 s @40000 f @50000 s =Closed @60000 f =Open @60030 s 2f =Closed",
      { tripPolicy: failureCount({ failures: 3, within: Infinity }) }
    ]
  ])
})

describe("D circuit_breaker_fastapi, in process", () => {
  it.scoped("D4 a probe that times out leaves the circuit usable, in process", () =>
    Effect.gen(function* () {
      const port = yield* byProtect(options)
      yield* play(port, "3f @30")
      const timed = Effect.timeout(port.breaker.protect(Effect.never), "5 seconds")
      const request = yield* Effect.fork(Effect.flip(timed))
      yield* TestClock.adjust("4 seconds")
      yield* play(port, "?1 -")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(request))._tag, "TimeoutException")
      yield* play(port, "=HalfOpen ?0 s =Closed")
    })
  )

  // Every option has its cases in test/rules/badInput.test.ts.
  it.each<readonly [option: string, received: string, options: CircuitBreaker.Options]>([
    ["tripPolicy.failures", "0", { tripPolicy: consecutive(0) }],
    ["tripPolicy.failures", "NaN", { tripPolicy: failureCount({ failures: NaN, within: "1 minute" }) }],
    ["tripPolicy.threshold", "1.1", { tripPolicy: failureRate({ threshold: 1.1, calls: 10 }) }],
    ["openDuration", "-1", { openDuration: -1 }],
    ["halfOpen.probes", "0", { halfOpen: { probes: 0 } }],
    ["recovery.from", "2", { recovery: { duration: "1 minute", from: 2 } }]
  ])("D8 settings out of range are refused at construction: %s of %s", (option, received, options) => {
    const exit = Effect.runSyncExit(Effect.scoped(CircuitBreaker.make({ ...options, name: "D8" })))
    const message = refusalOf(exit)
    assert.include(message, `CircuitBreaker "D8": ${option} must be `)
    assert.include(message.slice(message.indexOf("received ")), received)
  })
})

const refusalOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const defect = Exit.isFailure(exit) && exit.cause._tag === "Die" ? exit.cause.defect : undefined
  assert.instanceOf(defect, RangeError)
  return (defect as RangeError).message
}

describe("D circuit_breaker_fastapi, over HTTP", () => {
  /** A handler behind two routes, beside a health check. */
  const application = (handler: HttpApp.Default<unknown>, guarded: CircuitHttpMiddleware.Options = {}) =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const ask = yield* serve(routesOf(handler), CircuitHttpMiddleware.make({ ...guarded, breaker }))
      return { breaker, ask }
    })

  const routesOf = (handler: HttpApp.Default<unknown>) =>
    HttpRouter.empty.pipe(
      HttpRouter.get("/orders/:id", handler),
      HttpRouter.get("/users", handler),
      HttpRouter.get("/health", HttpServerResponse.text("well"))
    )

  it.scoped("D1 every guarded route answers 503 without its handler, over HTTP", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask } = yield* application(handler.app)
      handler.answers = 500
      for (const path of ["/users", "/orders/1", "/orders/2"]) {
        assert.strictEqual((yield* ask(path)).status, 500)
      }
      handler.answers = 200
      yield* TestClock.setTime(10_000)
      for (const path of ["/users", "/orders/1", "/health"]) yield* assertRejected(ask, 20, path)
      assert.strictEqual(handler.runs, 3)
    })
  )

  it.scoped("D4 a probe that times out leaves the circuit usable, over HTTP", () =>
    Effect.gen(function* () {
      const handler = new WaitingHandler()
      const { ask, breaker } = yield* application(Effect.timeout(handler.app, "5 seconds"))
      yield* breaker.trip()
      yield* TestClock.adjust("30 seconds")
      const probe = yield* Effect.fork(ask("/users"))
      yield* handler.hasBegun
      yield* assertRejected(ask, 1)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* probe).status, 500)
      yield* assertRejected(ask, 30)
      yield* TestClock.adjust("30 seconds")
      yield* handler.ends(status(200))
      assert.strictEqual((yield* ask("/users")).status, 200)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped("D5 a handler's own 404 or 422 passes unchanged and does not count, over HTTP", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* application(handler.app)
      for (const code of [404, 422, 404, 422]) {
        handler.answers = code
        assert.deepInclude(yield* ask("/users"), { status: code, body: "" })
      }
      assert.strictEqual((yield* ask("/nowhere")).status, 404)
      assert.strictEqual((yield* totalsOf(breaker)).failed, 0)
      assert.strictEqual((yield* windowOf(breaker)).failures, 0)
    })
  )

  it.scoped("D5 a 500 is counted and passes unchanged, over HTTP", () =>
    Effect.gen(function* () {
      const own = HttpServerResponse.text("the disk is full", { status: 500, headers: { "x-own": "yes" } })
      const { ask, breaker } = yield* application(own)
      const { body, headers, status } = yield* ask("/users")
      assert.deepStrictEqual([status, headers["x-own"], body], [500, "yes", "the disk is full"])
      assert.strictEqual((yield* totalsOf(breaker)).failed, 1)
    })
  )

  it.scoped("D7 a circuit per route by option, and a health check that is not guarded, over HTTP", () =>
    Effect.gen(function* () {
      const handler = new Handler()
      const { ask, breaker } = yield* application(handler.app, {
        key: ({ url }) => (url === "/health" ? undefined : url.split("/")[1])
      })
      handler.answers = 500
      for (const id of [1, 2, 3]) yield* ask(`/orders/${id}`)
      handler.answers = 200
      yield* assertRejected(ask, 30, "/orders/4")
      assert.strictEqual((yield* ask("/users")).status, 200)
      assert.strictEqual((yield* ask("/health")).body, "well")
      assert.deepStrictEqual(
        (yield* breaker.circuits).map(({ key, state }) => `${key} ${state._tag}`).toSorted(),
        ["orders Open", "users Closed"]
      )
    })
  )

  it.scoped("D8 settings out of range are refused before a request is served, over HTTP", () =>
    Effect.gen(function* () {
      let served = 0
      const server = HttpServer.make({
        serve: () => Effect.sync(() => void served++),
        address: { _tag: "TcpAddress", hostname: "127.0.0.1", port: 0 }
      })
      const app = HttpServer.serve(new Handler().app, CircuitHttpMiddleware.make()).pipe(
        Layer.provide(CircuitBreaker.layer({ tripPolicy: consecutive(0) })),
        Layer.provide(Layer.succeed(HttpServer.HttpServer, server))
      )
      assert.include(refusalOf(yield* Effect.exit(Layer.build(app))), "tripPolicy.failures must be")
      assert.strictEqual(served, 0)
    })
  )

  it("D8 an option that the middleware does not know is refused at construction, over HTTP", () => {
    assert.throws(
      () => CircuitHttpMiddleware.make({ threshold: 3 } as CircuitHttpMiddleware.Options),
      RangeError,
      "threshold"
    )
  })
})
