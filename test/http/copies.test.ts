import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { beforeAll, vi } from "vitest"
import { test } from "../kit/test.ts"
import { type Breaker, make, tagOf, totalsOf } from "../kit/index.ts"
import {
  breakingOff,
  counted,
  makeBody,
  makeHalfOpen,
  nextTurn,
  origin,
  respond,
  statuses,
  streaming,
  url
} from "./client/fixtures.ts"
import { begin, listen, serve, servers, status } from "./middleware/fixtures.ts"

/** The adapters of the package as another part of the program loads them: linked, bundled or reloaded. */
const loadCopy = async () => {
  vi.resetModules()
  return {
    ...(await import("effect-circuit-breaker")),
    Client: await import("effect-circuit-breaker/CircuitHttpClient"),
    Middleware: await import("effect-circuit-breaker/CircuitHttpMiddleware")
  }
}

let copy: Awaited<ReturnType<typeof loadCopy>>

beforeAll(async () => {
  copy = await loadCopy()
})

it("E8 R3.1.6 the two copies are different modules", () => {
  assert.notStrictEqual(copy.CircuitOpenError, CircuitOpenError)
  assert.notStrictEqual(copy.Client.protect, CircuitHttpClient.protect)
})

test("E8 R3.1.6 the client of another copy: a body that breaks off is a failure", function* () {
  const breaker = yield* make()
  const body = yield* makeBody
  const client = copy.Client.protect(streaming(body.stream).client, { breaker })
  yield* breakingOff(
    body,
    Effect.flatMap(client.get(url), ({ text }) => text)
  )
  yield* counted(breaker, { failed: 1 })
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
})

test("E8 R3.1.6 the client of another copy: a body that nobody reads is a success", function* () {
  const breaker = yield* makeHalfOpen()
  const client = copy.Client.protect(streaming("rates").client, { breaker })
  yield* client.get(url)
  yield* nextTurn
  yield* counted(breaker, { succeeded: 1 })
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
})

test("E8 R3.1.6 the client of another copy: the first bytes of a stream settle a probe", function* () {
  const breaker = yield* makeHalfOpen()
  const body = yield* makeBody
  const client = copy.Client.protect(streaming(body.stream).client, { breaker })
  const fiber = yield* Effect.fork(Effect.flatMap(client.get(url), ({ stream }) => Stream.runDrain(stream)))
  yield* body.wanted
  yield* body.send("first")
  yield* body.wanted
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
  yield* body.end
  yield* Fiber.join(fiber)
})

test("E8 R3.1.6 the client of another copy: rejections are answered, and failures described", function* () {
  const breaker = yield* make()
  const client = copy.Client.protect(statuses(503).client, { breaker, respondWhenRejected: true })
  yield* client.get(url)
  const answer = yield* client.get(url)
  assert.strictEqual(answer.headers["x-circuit-breaker"], "breaker tripped")
  const { lastFailure } = yield* breaker.snapshot(origin)
  assert.include(JSON.stringify(lastFailure), `GET ${url} answered 503`)
})

test("E8 R3.1.6 the classify of another copy judges statuses", function* () {
  const breaker = yield* make({
    classify: copy.Client.classify,
    tripPolicy: TripPolicy.consecutive(9)
  })
  for (const status of [404, 429, 503])
    yield* breaker.protect(Effect.succeed(respond(status, { to: HttpClientRequest.get(url) })))
  yield* counted(breaker, { succeeded: 1, ignored: 1, failed: 1 }, "default")
})

test("E8 R3.1.6 the middleware of another copy: a 500 counts, and the next request is rejected", function* () {
  const breaker = yield* make()
  const ask = yield* serve(copy.Middleware.make({ breaker })(Effect.succeed(status(500))))
  assert.deepStrictEqual([(yield* ask()).status, (yield* ask()).headers["retry-after"]], [500, "10"])
  assert.deepInclude(yield* totalsOf(breaker), { failed: 1, rejected: 1 })
})

test("E8 R3.1.6 the middleware of another copy: the headers of a stream settle a probe", function* () {
  const breaker = yield* make()
  yield* breaker.trip()
  yield* TestClock.adjust("10 seconds")
  const endless = HttpServerResponse.stream(
    Stream.encodeText(Stream.concat(Stream.make("word"), Stream.never))
  )
  const server = servers["round the server"]!(Effect.succeed(endless), copy.Middleware.make({ breaker }))
  yield* begin(yield* listen(server))
  yield* breaker.awaitReady()
  assert.strictEqual(yield* tagOf(breaker), "Closed")
})

test("E8 R3.1.6 the client of another copy finds the breaker in the environment", function* () {
  const breaker: Breaker = yield* make()
  yield* Effect.provideService(
    copy.Client.protect(statuses(200).client).get(url),
    copy.CircuitBreaker.CircuitBreaker,
    breaker
  )
  const { client } = statuses(200)
  yield* Effect.provideService(
    copy.Client.protect(client).get(url),
    CircuitBreaker.CircuitBreaker,
    breaker
  ) as Effect.Effect<unknown>
  yield* counted(breaker, { succeeded: 2 })
})

test("E8 E12 the classifier of another copy: an asynchronous response of an error is made once, and judged", function* () {
  const makings = [
    [CircuitHttpMiddleware.make, copy.Middleware.classify],
    [copy.Middleware.make, CircuitHttpMiddleware.classify],
    [copy.Middleware.make, copy.Middleware.classify]
  ] as const
  for (const [makeMiddleware, classify] of makings) {
    let made = 0
    const app = Effect.suspend(() =>
      Effect.fail({
        [HttpServerRespondable.symbol]: () =>
          Effect.as(
            Effect.zipRight(
              nextTurn,
              Effect.sync(() => made++)
            ),
            status(404)
          )
      })
    )
    const breaker = yield* make()
    const ask = yield* serve(makeMiddleware({ breaker, classify })(app))

    assert.strictEqual((yield* ask()).status, 404)
    assert.strictEqual(made, 1)
    assert.deepInclude(yield* totalsOf(breaker), { succeeded: 1, failed: 0 })
  }
})
