/** C requests-circuit-breaker: failureRate 10 % within 120 s, at least 5 failures, open 300 s; in process and over HTTP. */
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
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { pathOf, rejectionOf, settled, tagOf, totals, totalsOf, watch } from "../kit/index.ts"
import { type Ending, byProtect, type MakePort, rejectedFor } from "../kit/ports.ts"
import { play, playAll } from "../kit/script.ts"

const rate = (options: Omit<TripPolicy.FailureRateOptions, "within" | "calls">) =>
  TripPolicy.failureRate({ within: "120 seconds", ...options })

const options = {
  name: "backend",
  tripPolicy: rate({ threshold: 0.1, minimumFailures: 5 }),
  openDuration: "300 seconds"
} as const
const origin = "https://example.com"
const url = `${origin}/orders`

const originOf = (name: string) => (name === "" ? origin : `https://${name}.example.com`)

/** The result of a request that reaches the backend of a port. */
const reachedRef = FiberRef.unsafeMake<Effect.Effect<Ending>>(Effect.never)

/** A client to a backend that answers 200 or 500, with the name of the ending as its body. */
const overHttp: MakePort = (options) =>
  Effect.map(CircuitBreaker.make(options), (breaker) => {
    const backend = HttpClient.make((request) =>
      Effect.map(Effect.flatten(FiberRef.get(reachedRef)), (ending) =>
        HttpClientResponse.fromWeb(
          request,
          new Response(ending, { status: ending.startsWith("s") ? 200 : 500 })
        )
      )
    )
    const client = CircuitHttpClient.protect(backend, { breaker })
    return {
      breaker,
      keyOf: originOf,
      ask: (name, reached) =>
        client.get(`${originOf(name)}/orders`).pipe(
          Effect.flatMap(({ text }) => text),
          Effect.catchTag("CircuitOpenError", (error) => Effect.succeed(rejectedFor(error))),
          Effect.orDie,
          Effect.locally(reachedRef, reached)
        )
    }
  })

const ports = { "in process": byProtect, "over HTTP": overHttp }

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
  answer: Answer
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

  constructor(answer: Answer) {
    this.answer = answer
  }
}

const closedThenOpen = ["Open", "HalfOpen", "Closed"].map(
  (to, i) => `${["Closed", "Open", "HalfOpen"][i]} > ${to}`
)

describe("C requests-circuit-breaker: failureRate 10 % within 120 s, at least 5 failures, open 300 s", () => {
  playAll(ports, options, [
    [
      "C1 after 45 successes the fourth failure leaves it Closed, the fifth (5 of 50) opens",
      "45s 4f =Closed f =Open"
    ],
    [
      "C1 after 46 successes the fifth failure (9.8 %) leaves it Closed and the sixth opens",
      "46s 5f =Closed f =Open"
    ],
    ["C1 four failures alone (100 %) leave it Closed", "4f =Closed f =Open"],
    ["C1 four failures at 0 and one at 121 s leave it Closed", "4f @121 f =Closed #1"],
    [
      "C1 the rate is exact: 97 of 97 at 100 % opens",
      "96f =Closed f =Open",
      { tripPolicy: rate({ threshold: 1, minimumCalls: 97 }) }
    ],
    [
      "C2 while open no request reaches the backend for 300 s and nothing is counted",
      "5f -300 @1 10-299 @150 10-150 @299.999 - #0 @300 s =Closed"
    ],
    [
      "C5 two base URLs with a circuit each: only requests under the tripped one are stopped",
      "a:5f a:- b:s a:=Open b:=Closed"
    ]
  ])

  it.scoped("C1 the rate is exact for every whole percentage", () =>
    Effect.gen(function* () {
      for (let percent = 1; percent <= 100; percent++) {
        const port = yield* byProtect({
          tripPolicy: TripPolicy.failureRate({ threshold: percent / 100, calls: 100 })
        })
        const successes = percent === 100 ? "" : `${100 - percent}s `
        const failures = percent === 1 ? "" : `${percent - 1}f `
        yield* play(port, `${successes}${failures}=Closed f =Open`)
      }
    })
  )

  for (const [where, make] of Object.entries(ports)) {
    it.scoped(
      `C9 success and failure are counted, trip and reset announced, each exactly once, ${where}`,
      () =>
        Effect.gen(function* () {
          const port = yield* make(options)
          const seen = yield* watch(port.breaker.transitions)
          yield* play(port, "s 5f 2- @300 s")
          yield* settled
          assert.deepStrictEqual(seen.map(pathOf), closedThenOpen)
          assert.deepStrictEqual(
            yield* totalsOf(port.breaker, port.keyOf("")),
            totals({ succeeded: 2, failed: 5, rejected: 2 })
          )
        })
    )

    it.scoped(`C10 the known breakers and their circuits can be read back, ${where}`, () =>
      Effect.gen(function* () {
        const name = `C10 ${where}`
        const port = yield* make({ ...options, name })
        yield* play(port, "org:s com:5f")
        assert.include(yield* CircuitBreakerRegistry.breakers, port.breaker)
        const found = Option.getOrThrow(yield* CircuitBreakerRegistry.get(name))
        assert.deepStrictEqual(
          (yield* found.circuits).map(({ breaker, key, state, totals }) => [
            breaker,
            key,
            state._tag,
            totals.failed
          ]),
          [
            [name, port.keyOf("org"), "Closed", 0],
            [name, port.keyOf("com"), "Open", 5]
          ]
        )
        assert.deepInclude(yield* found.state(port.keyOf("com")), { retryAfter: Duration.seconds(300) })
      })
    )
  }

  const answers: ReadonlyArray<readonly [what: string, answer: Answer, state: "Closed" | "Open"]> = [
    ...[200, 404, 429, 499].map((code) => [`${code} does not count`, status(code), "Closed"] as const),
    ...[500, 503].map((code) => [`${code} counts`, status(code), "Open"] as const),
    ...["ECONNREFUSED", "ENOTFOUND"].map((code) => [`${code} counts`, unreachable(code), "Open"] as const)
  ]

  for (const [what, answer, state] of answers) {
    it.scoped(`C3 ${what} as a failure and reaches the caller, over HTTP`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        const bare = new Backend(answer).client.get(url)
        const guarded = CircuitHttpClient.protect(new Backend(answer).client, { breaker }).get(url)
        const says = Effect.match({
          onFailure: (error: object) => String("cause" in error ? error.cause : error),
          onSuccess: ({ status }: HttpClientResponse.HttpClientResponse) => status
        })
        for (let i = 0; i < 5; i++) {
          assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
          assert.strictEqual(yield* says(guarded), yield* says(bare))
        }
        assert.strictEqual(yield* tagOf(breaker, origin), state)
        assert.strictEqual((yield* totalsOf(breaker, origin)).failed, state === "Open" ? 5 : 0)
      })
    )
  }

  it.scoped("C3 a timeout counts as a failure and reaches the caller, over HTTP", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const client = new Backend(Effect.never).client.pipe(
        HttpClient.transformResponse(Effect.timeout("1 second")),
        CircuitHttpClient.protect({ breaker })
      )
      const fibers = yield* Effect.replicateEffect(Effect.fork(Effect.flip(client.get(url))), 5)
      yield* TestClock.adjust("1 second")
      const errors = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["TimeoutException"]))
      assert.strictEqual(yield* tagOf(breaker, origin), "Open")
    })
  )

  for (const [title, respondWhenRejected, expected] of [
    ["503 by default", true, 503],
    ["500 by option", { status: 500 }, 500]
  ] as const) {
    it.scoped(`C4 a rejected request can be answered: ${title}, over HTTP`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        yield* breaker.trip(origin)
        const backend = new Backend(status(200))
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

  it.scoped("C5 https://example.com.evil/ is not under https://example.com, over HTTP", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const backend = new Backend(status(500))
      const client = CircuitHttpClient.protect(backend.client, {
        breaker,
        key: CircuitHttpClient.byPrefix([origin, "https://example.org"])
      })
      yield* Effect.replicateEffect(client.get(url), 5)
      backend.answer = status(200)
      for (const under of [url, `${origin}?all`]) yield* rejectionOf(client.get(under))
      for (const other of ["https://example.org/orders", "https://example.com.evil/"]) {
        assert.strictEqual((yield* client.get(other)).status, 200)
      }
      assert.strictEqual(backend.requests, 7)
      assert.strictEqual(yield* tagOf(breaker, origin), "Open")
      assert.strictEqual(yield* tagOf(breaker, "https://example.org"), "Closed")
      assert.strictEqual((yield* breaker.circuits).length, 2)
    })
  )

  it.scoped("C9 observers see each request that is sent, its answer and its time, over HTTP", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, tripPolicy: TripPolicy.consecutive(2) })
      const backend = new Backend(status(200))
      const seen: Array<readonly [request: string, result: number | string, millis: number]> = []
      // Around the bare client it sees each request that is sent; around the guarded one it would also see rejected ones.
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

      yield* call(1, status(200))
      yield* call(2, status(500))
      yield* call(3, unreachable("ECONNREFUSED"))
      yield* rejectionOf(client.get(url))
      yield* TestClock.adjust("300 seconds")
      yield* call(4, status(200))

      const request = `GET ${url}`
      assert.deepStrictEqual(seen, [
        [request, 200, 1_000],
        [request, 500, 2_000],
        [request, "Transport", 3_000],
        [request, 200, 4_000]
      ])
      assert.deepStrictEqual(
        yield* totalsOf(breaker, origin),
        totals({ succeeded: 2, failed: 2, rejected: 1 })
      )
    })
  )
})
