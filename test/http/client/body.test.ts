import { assert, describe } from "@effect/vitest"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { type CircuitOpenError, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { test } from "../../kit/test.ts"
import { type Breaker, make, rejectionOf, tagOf, transitionsOf } from "../../rules/fixtures.ts"
import {
  backend,
  type Body,
  breakingOff,
  counted,
  makeBody,
  makeHalfOpen,
  nextTurn,
  origin,
  respond,
  streaming,
  url
} from "./fixtures.ts"

type Response = HttpClientResponse.HttpClientResponse
type Reading<A = unknown> = (response: Response) => Effect.Effect<A, HttpClientError.HttpClientError>

const readings: Readonly<Record<string, Reading>> = {
  text: (response) => response.text,
  json: (response) => response.json,
  arrayBuffer: (response) => response.arrayBuffer,
  urlParamsBody: (response) => response.urlParamsBody,
  formData: (response) => response.formData,
  stream: (response) => Stream.runDrain(response.stream)
}

const text: Reading = (response) => response.text

const form = { "content-type": "application/x-www-form-urlencoded" }

const guard = (breaker: Breaker, body: Body) =>
  CircuitHttpClient.protect(streaming(body.stream, form).client, { breaker })

/** A fiber that waits for the first piece of the body. */
const beginReading = <A = unknown>(breaker: Breaker, body: Body, read: Reading<A>) =>
  Effect.zipLeft(Effect.fork(Effect.flatMap(guard(breaker, body).get(url), read)), body.wanted)

describe("the body of a response below 500", () => {
  for (const [name, read] of Object.entries(readings)) {
    test(`C3 ${name} counts nothing before the end of the body, and one success then`, function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const fiber = yield* beginReading(breaker, body, read)
      yield* counted(breaker, {})
      yield* body.send("1")
      yield* body.wanted
      yield* counted(breaker, {})
      yield* body.end
      yield* Fiber.join(fiber)
      yield* counted(breaker, { succeeded: 1 })
    })

    test(`C3 ${name} of a body that breaks off is one failure, and its error reaches the caller`, function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const fiber = yield* beginReading(breaker, body, read)
      yield* body.send("1")
      yield* body.wanted
      yield* body.breakOff
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.deepStrictEqual(error._tag === "ResponseError" && [error.reason, String(error.cause)], [
        "Decode",
        "Error: reset"
      ])
      yield* counted(breaker, { failed: 1 })
      assert.strictEqual(yield* tagOf(breaker, origin), "Open")
    })
  }

  test("C3 a body that is read several times counts once, by the first reading", function* () {
    const breaker = yield* make()
    const { client } = streaming("[1]")
    const response = yield* CircuitHttpClient.protect(client, { breaker }).get(url)
    assert.strictEqual(yield* response.text, "[1]")
    assert.deepStrictEqual(yield* response.json, [1])
    // By then the stream is used up: a fault of the reader.
    const { _tag } = yield* Effect.exit(Stream.runDrain(response.stream))
    assert.strictEqual(_tag, "Failure")
    yield* counted(breaker, { succeeded: 1 })
  })

  test("C3 a body that breaks off counts once, however often it is read", function* () {
    const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(9) })
    const body = yield* makeBody
    const twice: Reading<ReadonlyArray<Exit.Exit<unknown, unknown>>> = (response) =>
      Effect.zip(Effect.exit(response.text), Effect.exit(response.json))
    const fiber = yield* beginReading(breaker, body, twice)
    yield* body.breakOff
    const exits = yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      exits.map(({ _tag }) => _tag),
      ["Failure", "Failure"]
    )
    yield* counted(breaker, { failed: 1 })
  })

  test("C3 a body that is malformed JSON is judged by its status", function* () {
    const breaker = yield* make()
    const { client } = streaming("<html>")
    const guarded = CircuitHttpClient.protect(client, { breaker })
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
    const breaker = yield* make()
    const { client } = streaming("rates", { "set-cookie": "a=1", "content-type": "text/plain" })
    const original = yield* client.get(url)
    const guarded = yield* CircuitHttpClient.protect(client, { breaker }).get(url)
    assert.strictEqual(guarded.status, original.status)
    assert.deepStrictEqual(guarded.headers, original.headers)
    assert.deepStrictEqual(guarded.cookies.toJSON(), original.cookies.toJSON())
    assert.deepStrictEqual(guarded.remoteAddress, original.remoteAddress)
    assert.strictEqual(guarded.request.url, url)
    assert.deepStrictEqual(
      JSON.parse(JSON.stringify(guarded)).status,
      JSON.parse(JSON.stringify(original)).status
    )
  })
})

describe("a response that is settled at its headers", () => {
  const bodiless = [
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304]
  ] as const

  for (const [method, status] of bodiless) {
    test(`C3 a ${status} to ${method} counts at once, because it has no body`, function* () {
      const breaker = yield* make()
      const body = yield* makeBody
      const { client } = backend((to) => {
        const withBody = respond(200, { body: body.stream, to })
        // No client gives such a status a body; one that did would tell whether it is waited for.
        const response: Response = Object.create(withBody, { status: { value: status } })
        return Effect.succeed(response)
      })
      const guarded = CircuitHttpClient.protect(client, { breaker })
      const request = guarded.execute(HttpClientRequest.make(method)(url))
      const fiber = yield* Effect.fork(Effect.flatMap(request, text))
      yield* body.wanted
      yield* counted(breaker, { succeeded: 1 })
      yield* body.breakOff
      yield* Effect.flip(Fiber.join(fiber))
      yield* counted(breaker, { succeeded: 1 })
    })
  }

  test("C3 a 500 counts once, although its body breaks off too", function* () {
    const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(9) })
    const body = yield* makeBody
    const { client } = backend((to) => Effect.succeed(respond(500, { body: body.stream, to })))
    const guarded = CircuitHttpClient.protect(client, { breaker })
    const fiber = yield* Effect.fork(Effect.flatMap(guarded.get(url), text))
    yield* body.wanted
    yield* counted(breaker, { failed: 1 })
    yield* body.breakOff
    yield* Effect.flip(Fiber.join(fiber))
    yield* counted(breaker, { failed: 1 })
  })

  test("C3 a 429 is Ignored, although its body breaks off", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const { client } = backend((to) => Effect.succeed(respond(429, { body: body.stream, to })))
    const guarded = CircuitHttpClient.protect(client, { breaker })
    yield* breakingOff(body, Effect.flatMap(guarded.get(url), text))
    yield* counted(breaker, { ignored: 1 })
  })
})

describe("a body that nobody reads", () => {
  test("C3 a body that nobody reads is a success for a reader of the circuit at once", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    yield* guard(breaker, body).get(url)
    yield* counted(breaker, { succeeded: 1 })
    assert.strictEqual(body.pulls(), 0)
  })

  test("C3 a body that nobody reads frees the slot of its probe for the next call", function* () {
    const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
    const guarded = CircuitHttpClient.protect(streaming("rates").client, { breaker })
    yield* guarded.get(url)
    yield* guarded.get(url)
    assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
    yield* counted(breaker, { succeeded: 2 })
  })

  test("C3 a body that nobody reads closes a half-open circuit by itself", function* () {
    const breaker = yield* makeHalfOpen()
    const body = yield* makeBody
    const unread = Effect.zipRight(guard(breaker, body).get(url), nextTurn)
    assert.deepStrictEqual(yield* transitionsOf(breaker, unread), ["Open > HalfOpen", "HalfOpen > Closed"])
  })

  test("C3 a body that is read after it was settled counts no more", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const response = yield* guard(breaker, body).get(url)
    yield* nextTurn
    yield* counted(breaker, { succeeded: 1 })
    yield* breakingOff(body, response.text)
    yield* counted(breaker, { succeeded: 1 })
  })

  test("statusOutcome that makes a failure of a response settles it at its headers", function* () {
    const breaker = yield* make()
    const guarded = CircuitHttpClient.protect(streaming("rates").client, {
      breaker,
      statusOutcome: () => Outcome.failure()
    })
    yield* guarded.get(url)
    yield* counted(breaker, { failed: 1 })
  })
})

describe("an operator between a request and the reading of its body", () => {
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
      const breaker = yield* make()
      const body = yield* makeBody
      yield* breakingOff(
        body,
        Effect.flatMap(through(guard(breaker, body).get(url)), (response) => response.text)
      )
      yield* counted(breaker, { failed: 1 })
    })
  }

  test("C3 a body that another fiber reads counts too", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const response = yield* guard(breaker, body).get(url)
    yield* breakingOff(body, response.text)
    yield* counted(breaker, { failed: 1 })
  })
})

describe("other calls before a body is read", () => {
  test("C3 R3.4 a read of the circuit settles no body: one that breaks off later reopens it", function* () {
    const breaker = yield* makeHalfOpen()
    const body = yield* makeBody
    const response = yield* guard(breaker, body).get(url)
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

  test("C3 calls on other circuits settle no body: 20 that break off are 20 failures", function* () {
    const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(100) })
    const bodies = yield* Effect.replicateEffect(makeBody, 20)
    const reading = (body: Body) =>
      guard(breaker, body)
        .get(url)
        .pipe(
          Effect.timeout("1 minute"),
          Effect.flatMap((response) => response.text),
          Effect.fork
        )
    const fibers = yield* Effect.forEach(bodies, reading)
    yield* Effect.forkScoped(breaker.protectWith(Effect.never, { key: "another" }))
    yield* Effect.forEach(bodies, ({ wanted }) => wanted)
    yield* Effect.forEach(bodies, ({ breakOff }) => breakOff)
    yield* Effect.forEach(fibers, (fiber) => Effect.flip(Fiber.join(fiber)))
    yield* counted(breaker, { failed: 20 })
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

  test("R3.3 a control does not fence out a response whose body nobody reads", function* () {
    const breaker = yield* make()
    yield* guard(breaker, yield* makeBody).get(url)
    yield* breaker.reset(origin)
    yield* counted(breaker, { succeeded: 1 })
  })
})

describe("a body that is read as a stream", () => {
  test("R3.1.8 the first bytes of a stream close a half-open circuit, however long it goes on", function* () {
    const breaker = yield* makeHalfOpen()
    const body = yield* makeBody
    const fiber = yield* Effect.fork(
      Effect.flatMap(guard(breaker, body).get(url), (response) => Stream.runDrain(response.stream))
    )
    yield* body.wanted
    assert.strictEqual(yield* tagOf(breaker, origin), "HalfOpen")
    yield* body.send("one")
    yield* body.wanted
    assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
    yield* TestClock.adjust("10 minutes")
    yield* body.end
    yield* Fiber.join(fiber)
    yield* counted(breaker, { succeeded: 1 })
  })

  test("R3.1.8 a stream that breaks off before its first bytes reopens the circuit", function* () {
    const breaker = yield* makeHalfOpen()
    const body = yield* makeBody
    yield* breakingOff(
      body,
      Effect.flatMap(guard(breaker, body).get(url), (response) => Stream.runDrain(response.stream))
    )
    assert.strictEqual(yield* tagOf(breaker, origin), "Open")
  })

  test("R3.1.6 the consumer of a stream may make requests on the same circuit", function* () {
    const breaker = yield* makeHalfOpen()
    const guarded = CircuitHttpClient.protect(streaming("rates").client, { breaker })
    const response = yield* guarded.get(url)
    yield* Stream.runForEach(response.stream, () => guarded.get(url))
    assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
    yield* counted(breaker, { succeeded: 2 })
  })

  test("R3.1.8 a stream is as slow as its first bytes, not as its consumer", function* () {
    const breaker = yield* make({
      tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
    })
    const guarded = CircuitHttpClient.protect(streaming("rates").client, { breaker })
    const slowly = Effect.flatMap(guarded.get(url), (response) =>
      Stream.runForEach(response.stream, () => Effect.sleep("5 seconds"))
    )
    const fiber = yield* Effect.fork(slowly)
    yield* TestClock.adjust("5 seconds")
    yield* Fiber.join(fiber)
    assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
    yield* counted(breaker, { succeeded: 1 })
  })
})

describe("a consumer that stops before the end", () => {
  test("R3.1.8 a consumer that stops early makes a success", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const firstOnly: Reading = (response) => Stream.runHead(response.stream)
    const fiber = yield* beginReading(breaker, body, firstOnly)
    yield* body.send("1")
    yield* Fiber.join(fiber)
    yield* counted(breaker, { succeeded: 1 })
  })

  test("R3.1.8 a consumer that fails by itself makes a success", function* () {
    for (const failure of [Effect.fail("unfit"), Effect.die("a defect")]) {
      const breaker = yield* make()
      const body = yield* makeBody
      const fiber = yield* Effect.fork(
        Effect.flatMap(guard(breaker, body).get(url), (response) =>
          Stream.runForEach(response.stream, () => failure)
        )
      )
      yield* body.wanted
      yield* body.send("1")
      assert.strictEqual((yield* Fiber.await(fiber))._tag, "Failure")
      yield* counted(breaker, { succeeded: 1 })
    }
  })

  for (const name of ["text", "arrayBuffer", "stream"] as const) {
    test(`R3.2.4 ${name} that is interrupted is Ignored and gives the slot of its probe back`, function* () {
      const breaker = yield* makeHalfOpen()
      const body = yield* makeBody
      const fiber = yield* beginReading(breaker, body, readings[name] ?? text)
      assert.deepInclude(yield* breaker.state(origin), { _tag: "HalfOpen", probing: 1 })
      yield* Fiber.interrupt(fiber)
      assert.deepInclude(yield* breaker.state(origin), { _tag: "HalfOpen", probing: 0, succeeded: 0 })
      yield* counted(breaker, { ignored: 1 })
    })
  }
})

describe("a body that has not ended", () => {
  test("R3.2.3 a probe holds its slot until the end of its body", function* () {
    const breaker = yield* makeHalfOpen()
    const body = yield* makeBody
    const fiber = yield* beginReading(breaker, body, text)
    const rejection = yield* rejectionOf(guard(breaker, body).get(url))
    assert.strictEqual(rejection.state, "HalfOpen")
    yield* body.end
    yield* Fiber.join(fiber)
    assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
  })

  test("R3.2.5 a probe loses its slot at probeTimeout, and its body counts no more", function* () {
    const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
    const body = yield* makeBody
    const fiber = yield* beginReading(breaker, body, text)
    yield* TestClock.adjust("5 seconds")
    yield* body.breakOff
    yield* Effect.flip(Fiber.join(fiber))
    assert.strictEqual(yield* tagOf(breaker, origin), "HalfOpen")
    yield* counted(breaker, {})
  })

  test("R3.2.6 the end of a body changes nothing after the circuit has opened", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const fiber = yield* beginReading(breaker, body, text)
    yield* breaker.trip(origin)
    yield* body.end
    yield* Fiber.join(fiber)
    assert.strictEqual(yield* tagOf(breaker, origin), "Open")
    yield* counted(breaker, {})
  })

  test("R3.2.11 a call lasts to the end of its body under a slow-call policy", function* () {
    const breaker = yield* make({
      tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 9 })
    })
    const slow = yield* makeBody
    const fiber = yield* beginReading(breaker, slow, text)
    yield* TestClock.adjust("2 seconds")
    yield* slow.end
    yield* Fiber.join(fiber)
    const quick = yield* makeBody
    const other = yield* beginReading(breaker, quick, text)
    yield* TestClock.adjust("1999 millis")
    yield* quick.end
    yield* Fiber.join(other)
    const { window } = yield* breaker.snapshot(origin)
    assert.deepStrictEqual(window, { calls: 2, failures: 0, slow: 1 })
  })

  test("R3.1.4 a reading that an outer timeout interrupts counts as slow", function* () {
    const breaker = yield* make({
      tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
    })
    const body = yield* makeBody
    const fiber = yield* Effect.fork(
      Effect.timeout(Effect.flatMap(guard(breaker, body).get(url), text), "3 seconds")
    )
    yield* body.wanted
    yield* TestClock.adjust("3 seconds")
    yield* Effect.flip(Fiber.join(fiber))
    assert.strictEqual(yield* tagOf(breaker, origin), "Open")
    yield* counted(breaker, { ignored: 1 })
  })
})

describe("streaming", () => {
  test("R3.1.2 a stream hands on each piece as it arrives, and asks for none ahead", function* () {
    const breaker = yield* make()
    const body = yield* makeBody
    const pieces = yield* Queue.unbounded<string>()
    const fiber = yield* beginReading(breaker, body, (response) =>
      Stream.runForEach(Stream.decodeText(response.stream), (piece) => Queue.offer(pieces, piece))
    )
    yield* body.send("first")
    assert.strictEqual(yield* Queue.take(pieces), "first")
    yield* body.wanted
    yield* body.send("last")
    assert.strictEqual(yield* Queue.take(pieces), "last")
    yield* body.wanted
    yield* body.end
    yield* Fiber.join(fiber)
    // Two pieces, and the question to which the end was the answer.
    assert.strictEqual(body.pulls(), 3)
    yield* counted(breaker, { succeeded: 1 })
  })

  test("C2 the body of a request is sent once, and not at all while the circuit is open", function* () {
    const breaker = yield* make()
    const pieces: Array<string> = []
    const upload = Stream.make("a", "b").pipe(
      Stream.tap((piece) => Effect.sync(() => pieces.push(piece))),
      Stream.encodeText
    )
    const { client } = backend((to) =>
      (to.body._tag === "Stream" ? Stream.runDrain(Stream.orDie(to.body.stream)) : Effect.void).pipe(
        Effect.as(respond(503, { to }))
      )
    )
    const guarded = CircuitHttpClient.protect(client, { breaker })
    const post = guarded.execute(HttpClientRequest.bodyStream(HttpClientRequest.post(url), upload))
    yield* post
    yield* rejectionOf(post)
    assert.deepStrictEqual(pieces, ["a", "b"])
  })

  test("C3 requests at the same time each count their own body", function* () {
    const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(99) })
    const bodies = yield* Effect.replicateEffect(makeBody, 10)
    const fibers = yield* Effect.forEach(bodies, (body) => beginReading(breaker, body, text))
    yield* Effect.forEach(bodies, (body, index) => (index % 2 === 0 ? body.end : body.breakOff))
    const exits = yield* Effect.forEach(fibers, Fiber.await)
    assert.strictEqual(exits.filter(({ _tag }) => _tag === "Failure").length, 5)
    yield* counted(breaker, { succeeded: 5, failed: 5 })
  })
})
