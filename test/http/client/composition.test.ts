import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { test } from "../../kit/test.ts"
import { make, rejectionOf, tagOf } from "../../rules/fixtures.ts"
import {
  backend,
  type Backend,
  counted,
  keysOf,
  makeBody,
  origin,
  refused,
  respond,
  statuses,
  streaming,
  url
} from "./fixtures.ts"

describe("HttpClient.retryTransient", () => {
  const down: Readonly<Record<string, () => Backend>> = {
    "a status": () => statuses(503),
    "an error": () => backend((request) => Effect.fail(refused(request)))
  }

  for (const [title, make503] of Object.entries(down)) {
    test(`R3.6 attempts inside the breaker are one call, and none is made while Open: ${title}`, function* () {
      const breaker = yield* make()
      const { client, sent } = make503()
      const guarded = client.pipe(
        HttpClient.retryTransient({ times: 2 }),
        CircuitHttpClient.protect({ breaker })
      )
      yield* Effect.exit(guarded.get(url))
      assert.strictEqual(sent.length, 3)
      yield* counted(breaker, { failed: 1 })
      yield* rejectionOf(guarded.get(url))
      assert.strictEqual(sent.length, 3)
      yield* counted(breaker, { failed: 1, rejected: 1 })
    })

    test(`R3.6 each attempt outside the breaker is a call, and a rejection is not retried: ${title}`, function* () {
      const breaker = yield* make()
      const { client, sent } = make503()
      const guarded = client.pipe(
        CircuitHttpClient.protect({ breaker }),
        HttpClient.retryTransient({ times: 5 })
      )
      yield* rejectionOf(guarded.get(url))
      assert.strictEqual(sent.length, 1)
      yield* counted(breaker, { failed: 1, rejected: 1 })
    })
  }

  test("R3.6 attempts inside the breaker that succeed in the end are one success", function* () {
    const breaker = yield* make()
    const { client, sent } = statuses(503, 503, 200)
    const guarded = client.pipe(
      HttpClient.retryTransient({ times: 2 }),
      CircuitHttpClient.protect({ breaker })
    )
    assert.strictEqual((yield* guarded.get(url)).status, 200)
    assert.strictEqual(sent.length, 3)
    yield* counted(breaker, { succeeded: 1 })
  })
})

describe("HttpClient.filterStatusOk", () => {
  test("C3 filterStatusOk changes no verdict, inside or outside", function* () {
    for (const status of [404, 429, 500] as const) {
      const expected = { 404: { succeeded: 1 }, 429: { ignored: 1 }, 500: { failed: 1 } }[status]
      const inside = yield* make()
      const outside = yield* make()
      const { client } = statuses(status)
      for (const guarded of [
        client.pipe(HttpClient.filterStatusOk, CircuitHttpClient.protect({ breaker: inside })),
        client.pipe(CircuitHttpClient.protect({ breaker: outside }), HttpClient.filterStatusOk)
      ]) {
        const error = yield* Effect.flip(guarded.get(url))
        assert.strictEqual(error._tag === "ResponseError" && error.response.status, status)
      }
      yield* counted(inside, expected)
      yield* counted(outside, expected)
    }
  })
})

describe("HttpClient.withTracerPropagation", () => {
  test("R3.1.2 withTracerPropagation does the same inside and outside", function* () {
    const breaker = yield* make()
    const traced = (propagate: boolean) => {
      const { client, sent } = statuses(200)
      const inside = client.pipe(
        HttpClient.withTracerPropagation(propagate),
        CircuitHttpClient.protect({ breaker })
      )
      const outside = client.pipe(
        CircuitHttpClient.protect({ breaker }),
        HttpClient.withTracerPropagation(propagate)
      )
      return inside.get(url).pipe(
        Effect.zipRight(outside.get(url)),
        Effect.withSpan("caller"),
        Effect.map(() => sent.map(({ headers }) => "traceparent" in headers))
      )
    }
    assert.deepStrictEqual(yield* traced(true), [true, true])
    assert.deepStrictEqual(yield* traced(false), [false, false])
    yield* counted(breaker, { succeeded: 4 })
  })
})

describe("HttpClient.mapRequest", () => {
  test("C5 mapRequest before or after leaves the key to the request that is sent", function* () {
    const prepend = HttpClient.mapRequest(HttpClientRequest.prependUrl(origin))
    for (const through of [
      (client: HttpClient.HttpClient, breaker: CircuitBreaker.CircuitBreaker) =>
        client.pipe(prepend, CircuitHttpClient.protect({ breaker })),
      (client: HttpClient.HttpClient, breaker: CircuitBreaker.CircuitBreaker) =>
        client.pipe(CircuitHttpClient.protect({ breaker }), prepend)
    ]) {
      const breaker = yield* make()
      const { client, sent } = statuses(200)
      yield* through(client, breaker).get("/rates")
      assert.deepStrictEqual(
        sent.map((request) => request.url),
        [url]
      )
      assert.deepStrictEqual(yield* keysOf(breaker), [origin])
    }
  })
})

describe("HttpClient.withScope", () => {
  test("C3 withScope inside or outside has the body read in the scope, and counted", function* () {
    const breaker = yield* make()
    const { client } = streaming("rates")
    for (const guarded of [
      client.pipe(HttpClient.withScope, CircuitHttpClient.protect({ breaker })),
      client.pipe(CircuitHttpClient.protect({ breaker }), HttpClient.withScope)
    ]) {
      const text = yield* Effect.scoped(Effect.flatMap(guarded.get(url), (response) => response.text))
      assert.strictEqual(text, "rates")
    }
    yield* counted(breaker, { succeeded: 2 })
  })
})

describe("HttpClient.tap", () => {
  test("C3 the error of a tap counts inside the breaker, and not outside", function* () {
    const inside = yield* make()
    const outside = yield* make()
    const { client } = statuses(200)
    const tap = HttpClient.tap(() => Effect.fail("unfit"))
    for (const guarded of [
      client.pipe(tap, CircuitHttpClient.protect({ breaker: inside })),
      client.pipe(CircuitHttpClient.protect({ breaker: outside }), tap)
    ]) {
      assert.strictEqual(yield* Effect.flip(guarded.get(url)), "unfit")
    }
    yield* counted(inside, { failed: 1 })
    yield* counted(outside, { succeeded: 1 })
  })

  test("C3 a body that breaks off in a tap counts once, inside or outside", function* () {
    const tap = HttpClient.tap((response) => response.text)
    for (const through of [
      (client: HttpClient.HttpClient, breaker: CircuitBreaker.CircuitBreaker) =>
        client.pipe(tap, CircuitHttpClient.protect({ breaker })),
      (client: HttpClient.HttpClient, breaker: CircuitBreaker.CircuitBreaker) =>
        client.pipe(CircuitHttpClient.protect({ breaker }), tap)
    ]) {
      const breaker = yield* make()
      const body = yield* makeBody
      const fiber = yield* Effect.fork(through(streaming(body.stream).client, breaker).get(url))
      yield* body.wanted
      yield* body.breakOff
      yield* Effect.flip(Fiber.join(fiber))
      yield* counted(breaker, { failed: 1 })
    }
  })
})

describe("one breaker round another", () => {
  test("R3.1.6 two breakers, one round the other, each count a body that breaks off once", function* () {
    const inner = yield* make()
    const outer = yield* make()
    const body = yield* makeBody
    const client = streaming(body.stream).client.pipe(
      CircuitHttpClient.protect({ breaker: inner }),
      CircuitHttpClient.protect({ breaker: outer })
    )
    const fiber = yield* Effect.fork(Effect.flatMap(client.get(url), (response) => response.text))
    yield* body.wanted
    yield* body.breakOff
    yield* Effect.flip(Fiber.join(fiber))
    yield* counted(inner, { failed: 1 })
    yield* counted(outer, { failed: 1 })
  })
})

describe("the breaker of a client", () => {
  class Payments extends CircuitBreaker.Service<Payments>()("Payments") {}

  test("CircuitHttpClient.protect uses the breaker of the environment, unless it is given one", function* () {
    const given = yield* make({ name: "given" })
    const provided = yield* make({ name: "provided" })
    const { client } = statuses(200)
    yield* Effect.provideService(
      Effect.zip(
        CircuitHttpClient.protect(client).get(url),
        CircuitHttpClient.protect(client, { breaker: given }).post(url)
      ),
      CircuitBreaker.CircuitBreaker,
      provided
    )
    yield* counted(given, { succeeded: 1 })
    yield* counted(provided, { succeeded: 1 })
  })

  it.effect("CircuitHttpClient.protect takes the breaker of a Service", () =>
    Effect.gen(function* () {
      const breaker = yield* Payments
      const client = CircuitHttpClient.protect(statuses(200).client, { breaker })
      yield* client.get(url)
      yield* counted(breaker, { succeeded: 1 })
    }).pipe(Effect.provide(Payments.layer))
  )

  it.effect("CircuitHttpClient.protect guards a client in a layer", () => {
    const { client, sent } = statuses(500)
    const guarded = Layer.effect(
      HttpClient.HttpClient,
      Effect.map(CircuitBreaker.CircuitBreaker, (breaker) =>
        CircuitHttpClient.protect(client, { breaker, respondWhenRejected: true })
      )
    ).pipe(Layer.provide(CircuitBreaker.layer()))
    return Effect.gen(function* () {
      const answers = yield* Effect.replicateEffect(HttpClient.get(url), 6)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [500, 500, 500, 500, 500, 503]
      )
      assert.strictEqual(sent.length, 5)
    }).pipe(Effect.provide(guarded))
  })

  test("CircuitHttpClient.protect takes a breaker of another make, whose calls end at their headers", function* () {
    const breaker = yield* make()
    const own: CircuitBreaker.CircuitBreaker = { ...breaker, name: "own" }
    const body = yield* makeBody
    const { client, sent } = backend((to, nth) =>
      Effect.succeed(nth === 1 ? respond(200, { body: body.stream, to }) : respond(503, { to }))
    )
    const guarded = CircuitHttpClient.protect(client, { breaker: own, respondWhenRejected: true })
    const fiber = yield* Effect.fork(Effect.flatMap(guarded.get(url), (response) => response.text))
    yield* body.wanted
    yield* counted(breaker, { succeeded: 1 })
    yield* body.breakOff
    yield* Effect.flip(Fiber.join(fiber))
    yield* counted(breaker, { succeeded: 1 })

    assert.strictEqual((yield* guarded.get(url)).status, 503)
    assert.strictEqual(yield* tagOf(breaker, origin), "Open")
    const answer = yield* guarded.get(url)
    assert.strictEqual(answer.headers["x-circuit-breaker"], "breaker tripped")
    assert.strictEqual(sent.length, 2)
  })
})
