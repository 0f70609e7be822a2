import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { test } from "../../kit/test.ts"
import { type Breaker, make, rejectionOf, tagOf } from "../../kit/index.ts"
import {
  backend,
  type Backend,
  breakingOff,
  counted,
  keysOf,
  makeBody,
  origin,
  refused,
  respond,
  statuses,
  streaming,
  text,
  url
} from "./fixtures.ts"

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
  const guarded = client.pipe(HttpClient.retryTransient({ times: 2 }), CircuitHttpClient.protect({ breaker }))
  assert.strictEqual((yield* guarded.get(url)).status, 200)
  assert.strictEqual(sent.length, 3)
  yield* counted(breaker, { succeeded: 1 })
})

type Client<E> = HttpClient.HttpClient.With<E, Scope.Scope>
type Operator = <E>(client: Client<E>) => Client<unknown>

const places: Record<
  string,
  (operator: Operator, client: HttpClient.HttpClient, breaker: Breaker) => Client<unknown>
> = {
  inside: (operator, client, breaker) => operator(client).pipe(CircuitHttpClient.protect({ breaker })),
  outside: (operator, client, breaker) => operator(CircuitHttpClient.protect(client, { breaker }))
}

for (const [place, guard] of Object.entries(places)) {
  describe(`an operator of the platform ${place} the breaker`, () => {
    test(`C3 filterStatusOk ${place} changes no verdict`, function* () {
      for (const [status, expected] of [
        [404, { succeeded: 1 }],
        [429, { ignored: 1 }],
        [500, { failed: 1 }]
      ] as const) {
        const breaker = yield* make()
        const client = guard(HttpClient.filterStatusOk, statuses(status).client, breaker)
        const error = yield* Effect.flip(client.get(url))
        assert.instanceOf(error, HttpClientError.ResponseError)
        assert.strictEqual(error.response.status, status)
        yield* counted(breaker, expected)
      }
    })

    test(`R3.1.2 withTracerPropagation ${place} does the same as without a breaker`, function* () {
      const breaker = yield* make()
      for (const propagate of [true, false]) {
        const { client, sent } = statuses(200)
        const traced = guard(HttpClient.withTracerPropagation(propagate), client, breaker)
        yield* Effect.withSpan(traced.get(url), "caller")
        assert.deepStrictEqual(
          sent.map(({ headers }) => "traceparent" in headers),
          [propagate]
        )
      }
      yield* counted(breaker, { succeeded: 2 })
    })

    test(`C5 mapRequest ${place} keeps the key that of the request that is sent`, function* () {
      const breaker = yield* make()
      const { client, sent } = statuses(200)
      const prepend = HttpClient.mapRequest(HttpClientRequest.prependUrl(origin))
      yield* guard(prepend, client, breaker).get("/rates")
      assert.deepStrictEqual(
        sent.map((request) => request.url),
        [url]
      )
      assert.deepStrictEqual(yield* keysOf(breaker), [origin])
    })

    test(`C3 withScope ${place} lets the body be read in the scope, and counted`, function* () {
      const breaker = yield* make()
      const client = guard(HttpClient.withScope, streaming("rates").client, breaker)
      assert.strictEqual(yield* Effect.scoped(Effect.flatMap(client.get(url), text)), "rates")
      yield* counted(breaker, { succeeded: 1 })
    })

    test(`C3 the error of a tap ${place} is ${place === "inside" ? "a failure" : "the caller's own"}`, function* () {
      const breaker = yield* make()
      const client = guard(
        HttpClient.tap(() => Effect.fail("unfit")),
        statuses(200).client,
        breaker
      )
      assert.strictEqual(yield* Effect.flip(client.get(url)), "unfit")
      yield* counted(breaker, place === "inside" ? { failed: 1 } : { succeeded: 1 })
    })

    test(`C3 a body that breaks off in a tap ${place} counts once`, function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const client = guard(HttpClient.tap(text), streaming(body.stream).client, breaker)
      yield* breakingOff(body, client.get(url))
      yield* counted(breaker, { failed: 1 })
    })
  })
}

test("R3.1.6 two breakers, one around the other, each count a body that breaks off once", function* () {
  const inner = yield* make()
  const outer = yield* make()
  const body = yield* makeBody
  const client = streaming(body.stream).client.pipe(
    CircuitHttpClient.protect({ breaker: inner }),
    CircuitHttpClient.protect({ breaker: outer })
  )
  yield* breakingOff(body, Effect.flatMap(client.get(url), text))
  yield* counted(inner, { failed: 1 })
  yield* counted(outer, { failed: 1 })
})

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

test("CircuitHttpClient.protect accepts another implementation of a breaker, whose calls end at their headers", function* () {
  const breaker = yield* make()
  const own: CircuitBreaker.CircuitBreaker = { ...breaker, name: "own" }
  const body = yield* makeBody
  const { client, sent } = backend((to, nth) =>
    Effect.succeed(nth === 1 ? respond(200, { body: body.stream, to }) : respond(503, { to }))
  )
  const guarded = CircuitHttpClient.protect(client, { breaker: own, respondWhenRejected: true })
  const fiber = yield* Effect.fork(Effect.flatMap(guarded.get(url), text))
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
