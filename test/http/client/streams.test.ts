/** Bodies that are sent and read as streams, at the pace of their consumer. */
import { assert } from "@effect/vitest"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { test } from "../../kit/test.ts"
import { make, rejectionOf, tagOf } from "../../kit/index.ts"
import {
  backend,
  breakingOff,
  counted,
  drain,
  guarding,
  makeHalfOpen,
  origin,
  respond,
  slowPolicy,
  streaming,
  url
} from "./fixtures.ts"

test("R3.1.8 the first bytes of a stream close a half-open circuit, however long it goes on", function* () {
  const { begin, body, breaker } = yield* guarding(makeHalfOpen())
  const fiber = yield* begin(drain)
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
  const { body, breaker, request } = yield* guarding(makeHalfOpen())
  yield* breakingOff(body, Effect.flatMap(request, drain))
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
  const breaker = yield* make({ tripPolicy: slowPolicy(1) })
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

type Response = HttpClientResponse.HttpClientResponse
const consumers: Readonly<Record<string, (response: Response) => Effect.Effect<unknown, unknown>>> = {
  "stops early": ({ stream }) => Stream.runHead(stream),
  fails: ({ stream }) => Stream.runForEach(stream, () => Effect.fail("unfit")),
  dies: ({ stream }) => Stream.runForEach(stream, () => Effect.die("a defect"))
}
for (const [what, consume] of Object.entries(consumers)) {
  test(`R3.1.8 a consumer of a stream that ${what} makes a success`, function* () {
    const { begin, body, breaker } = yield* guarding(make())
    const fiber = yield* begin(consume)
    yield* body.send("1")
    assert.strictEqual((yield* Fiber.await(fiber))._tag, what === "stops early" ? "Success" : "Failure")
    yield* counted(breaker, { succeeded: 1 })
  })
}

test("R3.1.2 a stream passes on each piece as it arrives, and requests none ahead", function* () {
  const { begin, body, breaker } = yield* guarding(make())
  const pieces = yield* Queue.unbounded<string>()
  const fiber = yield* begin(({ stream }) =>
    Stream.runForEach(Stream.decodeText(stream), (piece) => Queue.offer(pieces, piece))
  )
  for (const piece of ["first", "last"]) {
    yield* body.send(piece)
    assert.strictEqual(yield* Queue.take(pieces), piece)
    yield* body.wanted
  }
  yield* body.end
  yield* Fiber.join(fiber)
  // Two pieces, and the read that returned the end.
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
