/** The body of a response, which settles its call. */
import { assert } from "@effect/vitest"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { type CircuitOpenError, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { test } from "../../kit/test.ts"
import { make, rejectionOf, tagOf, transitionsOf, useManualClock } from "../../kit/index.ts"
import {
  backend,
  breakingOff,
  counted,
  drain,
  guarding,
  makeBody,
  makeHalfOpen,
  nextTurn,
  origin,
  type Reading,
  respond,
  slowPolicy,
  streaming,
  text,
  url
} from "./fixtures.ts"

type Response = HttpClientResponse.HttpClientResponse

const readings: Readonly<Record<string, Reading>> = {
  text,
  json: (response) => response.json,
  arrayBuffer: (response) => response.arrayBuffer,
  urlParamsBody: (response) => response.urlParamsBody,
  formData: (response) => response.formData,
  stream: drain
}

/** Many calls fail before the circuit opens. */
const tolerant = make({ tripPolicy: TripPolicy.consecutive(100) })

for (const [name, read] of Object.entries(readings)) {
  test(`C3 ${name} counts nothing before the end of the body, and then one success`, function* () {
    const { begin, body, breaker } = yield* guarding(make())
    const fiber = yield* begin(read)
    yield* counted(breaker, {})
    yield* body.send("1")
    yield* body.wanted
    yield* counted(breaker, {})
    yield* body.end
    yield* Fiber.join(fiber)
    yield* counted(breaker, { succeeded: 1 })
  })

  test(`C3 ${name} of a body that breaks off is one failure, and its error reaches the caller`, function* () {
    const { begin, body, breaker } = yield* guarding(make())
    const fiber = yield* begin(read)
    yield* body.send("1")
    yield* body.wanted
    yield* body.breakOff
    const error = yield* Effect.flip(Fiber.join(fiber))
    const seen = error._tag === "ResponseError" && [error.reason, String(error.cause)]
    assert.deepStrictEqual(seen, ["Decode", "Error: reset"])
    yield* counted(breaker, { failed: 1 })
    assert.strictEqual(yield* tagOf(breaker, origin), "Open")
  })

  test(`R3.2.4 ${name} that is interrupted is Ignored and gives the slot of its probe back`, function* () {
    const { begin, breaker } = yield* guarding(makeHalfOpen())
    const fiber = yield* begin(read)
    assert.deepInclude(yield* breaker.state(origin), { _tag: "HalfOpen", probing: 1 })
    yield* Fiber.interrupt(fiber)
    assert.deepInclude(yield* breaker.state(origin), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
    yield* counted(breaker, { ignored: 1 })
  })
}

test("C3 a body that is read several times counts once, by the first reading", function* () {
  const breaker = yield* make()
  const response = yield* CircuitHttpClient.protect(streaming("[1]").client, { breaker }).get(url)
  assert.strictEqual(yield* response.text, "[1]")
  assert.deepStrictEqual(yield* response.json, [1])
  // The stream is consumed by then, which is the reader's fault.
  assert.strictEqual((yield* Effect.exit(drain(response)))._tag, "Failure")
  yield* counted(breaker, { succeeded: 1 })
})

for (const [name, read] of Object.entries(readings).filter(([name]) => name !== "arrayBuffer")) {
  test(`C3 ${name} beside a first reading, which may be the only one, fails and does not count`, function* () {
    const { begin, body, breaker } = yield* guarding(make())
    const received = yield* Deferred.make<Response>()
    const fiber = yield* begin((response) =>
      Effect.zipRight(Deferred.succeed(received, response), response.arrayBuffer)
    )
    const second = yield* Effect.exit(Effect.flatMap(Deferred.await(received), read))
    yield* counted(breaker, {})

    yield* body.end
    yield* Fiber.join(fiber)

    assert.strictEqual(second._tag, "Failure")
    yield* counted(breaker, { succeeded: 1 })
  })
}

test("C3 a body that breaks off counts once, however often it is read", function* () {
  const { begin, body, breaker } = yield* guarding(tolerant)
  const fiber = yield* begin((response) => Effect.zip(Effect.flip(response.text), Effect.flip(response.json)))
  yield* body.breakOff
  yield* Fiber.join(fiber)
  yield* counted(breaker, { failed: 1 })
})

test("C3 a body that is malformed JSON is judged by its status", function* () {
  const breaker = yield* make()
  const guarded = CircuitHttpClient.protect(streaming("<html>").client, { breaker })
  const error = yield* Effect.flip(Effect.flatMap(guarded.get(url), (response) => response.json))
  assert.instanceOf(error._tag === "ResponseError" && error.cause, SyntaxError)
  yield* counted(breaker, { succeeded: 1 })
})

test("C3 a form that does not parse counts as a body that broke off", function* () {
  const breaker = yield* make()
  const { client } = streaming("<html>", { "content-type": "multipart/form-data; boundary=part" })
  const guarded = CircuitHttpClient.protect(client, { breaker })
  const error = yield* Effect.flip(Effect.flatMap(guarded.get(url), (response) => response.formData))
  assert.strictEqual(error._tag === "ResponseError" && error.reason, "Decode")
  yield* counted(breaker, { failed: 1 })
})

test("R3.1.2 the response of a guarded client has the properties of the original", function* () {
  const { client } = streaming("rates", { "set-cookie": "a=1", "content-type": "text/plain" })
  const original = yield* client.get(url)
  const guarded = yield* CircuitHttpClient.protect(client, { breaker: yield* make() }).get(url)
  const propertiesOf = ({ cookies, headers, remoteAddress, request, status }: Response) => [
    status,
    headers,
    cookies.toJSON(),
    remoteAddress,
    request.url
  ]
  assert.deepStrictEqual(propertiesOf(guarded), propertiesOf(original))
  assert.strictEqual(guarded.request.url, url)
  assert.strictEqual(JSON.parse(JSON.stringify(guarded)).status, original.status)
})

for (const [method, status, expected] of [
  ["HEAD", 200, { succeeded: 1 }],
  ["GET", 204, { succeeded: 1 }],
  ["GET", 304, { succeeded: 1 }],
  ["GET", 429, { ignored: 1 }],
  ["GET", 500, { failed: 1 }]
] as const) {
  test(`C3 a ${status} to ${method} counts once, at its headers, although its body breaks off`, function* () {
    const breaker = yield* tolerant
    const body = yield* makeBody
    const { client } = backend((to) => {
      const withBody = respond(200, { body: body.stream, to })
      // No client gives 204 or 304 a body; one that did would show whether the call waits for it.
      const response: Response = Object.create(withBody, { status: { value: status } })
      return Effect.succeed(response)
    })
    const guarded = CircuitHttpClient.protect(client, { breaker })
    const request = guarded.execute(HttpClientRequest.make(method)(url))
    const fiber = yield* Effect.fork(Effect.flatMap(request, text))
    yield* body.wanted
    yield* counted(breaker, expected)
    yield* body.breakOff
    yield* Effect.flip(Fiber.join(fiber))
    yield* counted(breaker, expected)
  })
}

test("statusOutcome that makes a failure of a response settles it at its headers", function* () {
  const breaker = yield* make()
  const statusOutcome = () => Outcome.failure()
  yield* CircuitHttpClient.protect(streaming("rates").client, { breaker, statusOutcome }).get(url)
  yield* counted(breaker, { failed: 1 })
})

test("C3 a body that nobody reads is a success for a reader of the circuit at once", function* () {
  const { body, breaker, request } = yield* guarding(make())
  yield* request
  yield* counted(breaker, { succeeded: 1 })
  assert.strictEqual(body.pulls(), 0)
})

test("C3 a body that nobody reads frees the slot of its probe for the next call", function* () {
  const { breaker, request } = yield* guarding(makeHalfOpen({ halfOpen: { probes: 2 } }))
  yield* request
  yield* request
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
  yield* counted(breaker, { succeeded: 2 })
})

test("C3 a body that nobody reads closes a half-open circuit by itself", function* () {
  const { breaker, request } = yield* guarding(makeHalfOpen())
  const unread = Effect.zipRight(request, nextTurn)
  assert.deepStrictEqual(yield* transitionsOf(breaker, unread), ["Open > HalfOpen", "HalfOpen > Closed"])
})

test("C3 a body that is read after its call was settled no longer counts", function* () {
  const { body, breaker, request } = yield* guarding(make())
  const response = yield* request
  yield* nextTurn
  yield* counted(breaker, { succeeded: 1 })
  yield* breakingOff(body, response.text)
  yield* counted(breaker, { succeeded: 1 })
})

test("C3 an unread success between failures ends a streak", function* () {
  const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(3) })
  const answers = [500, 500, 200, 500, 500]
  const { client } = backend((to, nth) =>
    Effect.succeed(respond(answers[nth - 1] ?? 500, { body: "rates", to }))
  )
  const guarded = CircuitHttpClient.protect(client, { breaker })
  yield* Effect.forEach(answers, () => guarded.get(url))
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
  yield* guarded.get(url)
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
})

test("R3.3 a control does not cancel the success of a response whose body nobody reads", function* () {
  const { breaker, request } = yield* guarding(make())
  yield* request
  yield* breaker.reset(origin)
  yield* counted(breaker, { succeeded: 1 })
})

type Between = (
  request: Effect.Effect<Response, HttpClientError.HttpClientError | CircuitOpenError>
) => Effect.Effect<Response, unknown>

const between: Readonly<Record<string, Between>> = {
  "Effect.yieldNow": (request) => Effect.zipLeft(request, Effect.yieldNow()),
  "a fiber": (request) => Effect.flatMap(Effect.fork(request), Fiber.join),
  "Effect.disconnect": Effect.disconnect,
  "Effect.withSpan": Effect.withSpan("request"),
  "Effect.retry": Effect.retry({ times: 2 }),
  "Effect.timeout": Effect.timeout("1 minute"),
  "Effect.race": Effect.race(Effect.never),
  "Effect.all": (request) =>
    Effect.map(Effect.all([request, Effect.void], { concurrency: 2 }), ([response]) => response)
}

for (const [name, through] of Object.entries(between)) {
  test(`C3 a body that breaks off behind ${name} is a failure`, function* () {
    const { body, breaker, request } = yield* guarding(make())
    yield* breakingOff(
      body,
      Effect.flatMap(through(request), (response) => response.text)
    )
    yield* counted(breaker, { failed: 1 })
  })
}

test("C3 a body that another fiber reads counts too", function* () {
  const { body, breaker, request } = yield* guarding(make())
  const response = yield* request
  yield* breakingOff(body, response.text)
  yield* counted(breaker, { failed: 1 })
})

test("C3 R3.4 a read of the circuit settles no body: one that breaks off later reopens it", function* () {
  const { body, breaker, request } = yield* guarding(makeHalfOpen())
  const response = yield* request
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
  yield* counted(breaker, { succeeded: 1 })
  yield* breaker.circuits
  const fiber = yield* Effect.fork(response.text)
  yield* body.wanted
  assert.strictEqual(yield* tagOf(breaker, origin), "HalfOpen")
  yield* body.breakOff
  yield* Effect.flip(Fiber.join(fiber))
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
  yield* counted(breaker, { failed: 1 })
})

test("C3 of 20 bodies at the same time, each counts by its own end", function* () {
  const breaker = yield* tolerant
  const guarded = yield* Effect.replicateEffect(guarding(Effect.succeed(breaker)), 20)
  const fibers = yield* Effect.forEach(guarded, ({ request }) =>
    Effect.fork(Effect.flatMap(Effect.timeout(request, "1 minute"), (response) => response.text))
  )
  // A call on another circuit settles none of them.
  yield* Effect.forkScoped(breaker.protectWith(Effect.never, { key: "another" }))
  yield* Effect.forEach(guarded, ({ body }) => body.wanted)
  yield* Effect.forEach(guarded, ({ body }, i) => (i % 4 === 0 ? body.end : body.breakOff))
  const exits = yield* Effect.forEach(fibers, Fiber.await)
  assert.strictEqual(exits.filter(({ _tag }) => _tag === "Failure").length, 15)
  yield* counted(breaker, { succeeded: 5, failed: 15 })
})

test("R3.2.3 a probe holds its slot until the end of its body", function* () {
  const { begin, body, breaker, request } = yield* guarding(makeHalfOpen())
  const fiber = yield* begin(text)
  assert.strictEqual((yield* rejectionOf(request)).state, "HalfOpen")
  yield* body.end
  yield* Fiber.join(fiber)
  assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
})

test("R3.2.5 a probe loses its slot at probeTimeout, and its body no longer counts", function* () {
  const { begin, body, breaker } = yield* guarding(makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } }))
  const fiber = yield* begin(text)
  yield* TestClock.adjust("5 seconds")
  yield* body.breakOff
  yield* Effect.flip(Fiber.join(fiber))
  assert.strictEqual(yield* tagOf(breaker, origin), "HalfOpen")
  yield* counted(breaker, {})
})

test("R3.2.6 the end of a body changes nothing after the circuit has opened", function* () {
  const { begin, body, breaker } = yield* guarding(make())
  const fiber = yield* begin(text)
  yield* breaker.trip(origin)
  yield* body.end
  yield* Fiber.join(fiber)
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
  yield* counted(breaker, {})
})

test("R3.2.11 a call lasts to the end of its body under a slow-call policy", function* () {
  const breaker = yield* make({ tripPolicy: slowPolicy(9) })
  for (const duration of ["2 seconds", "1999 millis"] as const) {
    const { begin, body } = yield* guarding(Effect.succeed(breaker))
    const fiber = yield* begin(text)
    yield* TestClock.adjust(duration)
    yield* body.end
    yield* Fiber.join(fiber)
  }
  assert.deepStrictEqual((yield* breaker.snapshot(origin)).window, { calls: 2, failures: 0, slow: 1 })
})

test("R3.1.4 a reading that an outer timeout interrupts counts as slow", function* () {
  const { body, breaker, request } = yield* guarding(make({ tripPolicy: slowPolicy(1) }))
  const fiber = yield* Effect.fork(Effect.timeout(Effect.flatMap(request, text), "3 seconds"))
  yield* body.wanted
  yield* TestClock.adjust("3 seconds")
  yield* Effect.flip(Fiber.join(fiber))
  assert.strictEqual(yield* tagOf(breaker, origin), "Open")
  yield* counted(breaker, { ignored: 1 })
})

for (const [what, state] of [
  ["of a Closed circuit", "Closed"],
  ["a probe", "HalfOpen"]
] as const) {
  test(`R3.1.4 R3.2.11 a program that is busy after the headers does not make an unread call slow: ${what}`, function* () {
    const clock = yield* useManualClock
    const breaker = yield* make({ tripPolicy: slowPolicy(1) })
    if (state === "HalfOpen") yield* breaker.trip(origin)
    clock.advance(10_000)
    const guarded = CircuitHttpClient.protect(streaming("rates").client, { breaker })
    const before = yield* breaker.snapshot(origin)

    yield* guarded.get(url)
    clock.advance(10_000)
    yield* nextTurn

    const { state: after, totals } = yield* breaker.snapshot(origin)
    assert.strictEqual(after._tag, "Closed")
    assert.isAbove(totals.succeeded, before.totals.succeeded)
  })
}
