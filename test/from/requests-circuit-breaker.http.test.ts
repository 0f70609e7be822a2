import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { observe, path, rejection, settled, stateTag } from "../traps/fixtures.ts"

const options = {
  name: "backend",
  tripPolicy: TripPolicy.failureRate({ threshold: 0.1, within: "120 seconds", minimumFailures: 5 }),
  openDuration: "300 seconds"
} as const
const origin = "https://example.com"
const url = `${origin}/orders`

type Request = HttpClientRequest.HttpClientRequest
type Answer = Effect.Effect<Response, (request: Request) => HttpClientError.RequestError>

const status = (status: number): Answer => Effect.sync(() => new Response(null, { status }))

const unreachable = (code: string): Answer =>
  Effect.fail(
    (request) => new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(code) })
  )

/** A backend whose answer can be changed, and which counts the requests that reach it. */
class Backend {
  requests = 0
  answer: Answer = status(200)
  readonly client: HttpClient.HttpClient = HttpClient.make((request) =>
    Effect.suspend(() => {
      this.requests++
      return this.answer.pipe(
        Effect.mapBoth({
          onFailure: (fail) => fail(request),
          onSuccess: (response) => HttpClientResponse.fromWeb(request, response)
        })
      )
    })
  )
}

const make = (breakerOptions: CircuitBreaker.Options = options) =>
  Effect.map(CircuitBreaker.make(breakerOptions), (breaker) => {
    const backend = new Backend()
    const client = CircuitHttpClient.protect(backend.client, { breaker })
    const calls = (count: number, answer: Answer) =>
      Effect.suspend(() => {
        backend.answer = answer
        return Effect.replicateEffect(Effect.exit(client.get(url)), count)
      })
    return { backend, breaker, calls, client }
  })

describe("C requests-circuit-breaker over HTTP: 10 % within 120 s, at least 5 failures, open 300 s", () => {
  it.scoped(
    "C1 over HTTP after 45 good answers the fourth 500 leaves it Closed, the fifth (5 of 50) opens",
    () =>
      Effect.gen(function* () {
        const { breaker, calls } = yield* make()
        yield* calls(45, status(200))
        yield* calls(4, status(500))
        assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
        yield* calls(1, status(500))
        assert.strictEqual(yield* stateTag(breaker, origin), "Open")
      })
  )

  it.scoped(
    "C1 over HTTP after 46 good answers the fifth 500 (9.8 %) leaves it Closed and the sixth opens",
    () =>
      Effect.gen(function* () {
        const { breaker, calls } = yield* make()
        yield* calls(46, status(200))
        yield* calls(5, status(500))
        assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
        yield* calls(1, status(500))
        assert.strictEqual(yield* stateTag(breaker, origin), "Open")
      })
  )

  it.scoped("C1 over HTTP four failures alone, or four at 0 and one at 121 s, leave it Closed", () =>
    Effect.gen(function* () {
      const { breaker, calls } = yield* make()
      yield* calls(4, status(500))
      assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
      yield* TestClock.setTime(121_000)
      yield* calls(1, status(500))
      assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
    })
  )

  it.scoped("C1 over HTTP the rate is exact: 97 of 97 at 100 % opens", () =>
    Effect.gen(function* () {
      const always = TripPolicy.failureRate({ threshold: 1, within: "120 seconds", minimumCalls: 97 })
      const { breaker, calls } = yield* make({ ...options, tripPolicy: always })
      yield* calls(96, status(500))
      assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
      yield* calls(1, status(500))
      assert.strictEqual(yield* stateTag(breaker, origin), "Open")
    })
  )

  it.scoped("C2 over HTTP while open no request reaches the backend for 300 s and nothing is counted", () =>
    Effect.gen(function* () {
      const { backend, breaker, calls, client } = yield* make()
      yield* calls(5, status(500))
      const { window } = yield* breaker.snapshot(origin)
      backend.answer = status(200)
      for (const at of [0, 1, 150_000, 299_999]) {
        yield* TestClock.setTime(at)
        yield* rejection(client.get(url))
      }
      assert.strictEqual(backend.requests, 5)
      const snapshot = yield* breaker.snapshot(origin)
      assert.deepStrictEqual(snapshot.window, window)
      assert.deepStrictEqual(snapshot.totals, { succeeded: 0, failed: 5, ignored: 0, rejected: 4 })
      yield* TestClock.setTime(300_000)
      assert.strictEqual((yield* client.get(url)).status, 200)
      assert.strictEqual(backend.requests, 6)
      assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
    })
  )

  for (const good of [200, 404, 429, 499]) {
    it.scoped(`C3 over HTTP ${good} does not count as a failure`, () =>
      Effect.gen(function* () {
        const { breaker, calls } = yield* make()
        yield* calls(50, status(good))
        assert.strictEqual(yield* stateTag(breaker, origin), "Closed")
        assert.strictEqual((yield* breaker.snapshot(origin)).totals.failed, 0)
      })
    )
  }

  for (const bad of [500, 503]) {
    it.scoped(`C3 over HTTP ${bad} counts as a failure and reaches the caller`, () =>
      Effect.gen(function* () {
        const { backend, breaker, calls, client } = yield* make()
        yield* calls(4, status(bad))
        backend.answer = status(bad)
        assert.strictEqual((yield* client.get(url)).status, bad)
        assert.strictEqual(yield* stateTag(breaker, origin), "Open")
      })
    )
  }

  for (const code of ["ECONNREFUSED", "ENOTFOUND"]) {
    it.scoped(`C3 over HTTP ${code} counts as a failure and reaches the caller`, () =>
      Effect.gen(function* () {
        const { backend, breaker, calls, client } = yield* make()
        yield* calls(4, unreachable(code))
        backend.answer = unreachable(code)
        const error = yield* Effect.flip(client.get(url))
        assert.strictEqual(error._tag === "RequestError" && String(error.cause), `Error: ${code}`)
        assert.strictEqual(yield* stateTag(breaker, origin), "Open")
      })
    )
  }

  it.scoped("C3 over HTTP a timeout counts as a failure and reaches the caller", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const backend = new Backend()
      backend.answer = Effect.never
      const client = backend.client.pipe(
        HttpClient.transformResponse(Effect.timeout("1 second")),
        CircuitHttpClient.protect({ breaker })
      )
      const fibers = yield* Effect.replicateEffect(Effect.fork(Effect.flip(client.get(url))), 5)
      yield* TestClock.adjust("1 second")
      const errors = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["TimeoutException"]))
      assert.strictEqual(yield* stateTag(breaker, origin), "Open")
    })
  )

  for (const [title, respondWhenRejected, expected] of [
    ["503 by default", true, 503],
    ["500 by option", { status: 500 }, 500]
  ] as const) {
    it.scoped(`C4 over HTTP a rejected request can be answered: ${title}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        yield* breaker.trip(origin)
        const backend = new Backend()
        const client = CircuitHttpClient.protect(backend.client, { breaker, respondWhenRejected })
        const response = yield* client.get(url)
        assert.strictEqual(response.status, expected)
        assert.strictEqual(response.headers["x-circuit-breaker"], "breaker tripped")
        assert.strictEqual(response.headers["retry-after"], "300")
        assert.deepInclude(yield* response.json, { breaker: "backend", key: origin })
        assert.strictEqual(backend.requests, 0)
      })
    )
  }

  it.scoped("C5 over HTTP two base URLs: only requests under the tripped one are stopped", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const backend = new Backend()
      const client = CircuitHttpClient.protect(backend.client, {
        breaker,
        key: CircuitHttpClient.byPrefix([origin, "https://example.org"])
      })
      backend.answer = status(500)
      yield* Effect.replicateEffect(client.get(url), 5)
      backend.answer = status(200)
      yield* rejection(client.get(url))
      yield* rejection(client.get(`${origin}?all`))
      assert.strictEqual((yield* client.get("https://example.org/orders")).status, 200)
      assert.strictEqual((yield* client.get("https://example.com.evil/")).status, 200)
      assert.strictEqual(backend.requests, 7)
      assert.strictEqual(yield* stateTag(breaker, origin), "Open")
      assert.strictEqual(yield* stateTag(breaker, "https://example.org"), "Closed")
      assert.strictEqual((yield* breaker.circuits).length, 2)
    })
  )

  it.scoped("C9 over HTTP observers see success, failure, trip and reset, each exactly once", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
      const transitions = yield* observe(breaker)
      const backend = new Backend()
      const seen: Array<readonly [request: string, result: number | string, millis: number]> = []
      // Round the bare client it sees each request that is sent; round the guarded one it would see the rejected too.
      const observed = HttpClient.transform(backend.client, (response, request) =>
        Effect.flatMap(Clock.currentTimeMillis, (start) => {
          const saw = (result: number | string) =>
            Effect.map(Clock.currentTimeMillis, (now) =>
              seen.push([`${request.method} ${request.url}`, result, now - start])
            )
          return Effect.tapBoth(response, {
            onFailure: (error) => saw(error.reason),
            onSuccess: ({ status }) => saw(status)
          })
        })
      )
      const client = CircuitHttpClient.protect(observed, { breaker })
      const call = (seconds: number, answer: Answer) =>
        Effect.gen(function* () {
          backend.answer = Effect.delay(answer, Duration.seconds(seconds))
          const fiber = yield* Effect.fork(client.get(url))
          yield* settled
          yield* TestClock.adjust(Duration.seconds(seconds))
          return yield* Fiber.await(fiber)
        })
      const request = `GET ${url}`

      yield* call(1, status(200))
      yield* call(2, status(500))
      yield* call(3, unreachable("ECONNREFUSED"))
      yield* rejection(client.get(url))
      assert.deepStrictEqual(seen, [
        [request, 200, 1_000],
        [request, 500, 2_000],
        [request, "Transport", 3_000]
      ])
      assert.deepStrictEqual((yield* transitions).map(path), ["Closed -> Open"])

      yield* TestClock.adjust("300 seconds")
      yield* call(4, status(200))
      assert.deepStrictEqual(seen.slice(3), [[request, 200, 4_000]])
      assert.deepStrictEqual((yield* transitions).map(path), [
        "Closed -> Open",
        "Open -> HalfOpen",
        "HalfOpen -> Closed"
      ])
      const { totals } = yield* breaker.snapshot(origin)
      assert.deepStrictEqual(totals, { succeeded: 2, failed: 2, ignored: 0, rejected: 1 })
    })
  )

  it.scoped("C10 over HTTP the breakers of clients, and their circuits by origin, can be read back", () =>
    Effect.gen(function* () {
      const { breaker, calls, client } = yield* make({ ...options, name: "C10 over HTTP" })
      yield* calls(5, status(500))
      yield* Effect.exit(client.get("https://example.org/orders"))
      const found = Option.getOrThrow(yield* CircuitBreakerRegistry.get("C10 over HTTP"))
      assert.include(yield* CircuitBreakerRegistry.breakers, breaker)
      assert.deepStrictEqual(
        (yield* found.circuits).map(({ breaker, key, state, totals }) => [
          breaker,
          key,
          state._tag,
          totals.failed
        ]),
        [
          ["C10 over HTTP", "https://example.org", "Closed", 1],
          ["C10 over HTTP", origin, "Open", 5]
        ]
      )
      const state = yield* found.state(origin)
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 300)
    })
  )
})
