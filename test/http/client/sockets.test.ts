/** The platform's clients on real sockets, with the clock of the test: everything waits for events only. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createServer, type Server as NodeServer, type ServerResponse } from "node:http"
import type { Body } from "../../kit/test.ts"
import { type Breaker, make, rejectionOf, tagOf } from "../../kit/index.ts"
import { counted, nextTurn, type Reading } from "./fixtures.ts"

interface Server {
  readonly origin: string
  /** The next request, to be answered by the test. */
  readonly next: Effect.Effect<ServerResponse>
  readonly requests: () => number
  readonly connections: () => number
}

/** Listens on a port of its own until the scope closes, and answers its origin. */
const listen = (server: NodeServer): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", 4_096, () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    () => {
      const address = server.address()
      const port = Predicate.isRecord(address) ? address["port"] : undefined
      return `http://127.0.0.1:${String(port)}`
    }
  )

const serve: Effect.Effect<Server, never, Scope.Scope> = Effect.gen(function* () {
  const arrived = yield* Queue.unbounded<ServerResponse>()
  let requests = 0
  let connections = 0
  const server = createServer((_request, response) => {
    requests++
    arrived.unsafeOffer(response)
  })
  server.on("connection", () => connections++)
  const origin = yield* listen(server)
  return { origin, next: Queue.take(arrived), requests: () => requests, connections: () => connections }
})

/** A server that answers by itself. */
const serveAtOnce: Effect.Effect<string, never, Scope.Scope> = Effect.suspend(() =>
  listen(createServer((_request, response) => response.end("rates")))
)

const reset = (response: ServerResponse) => Effect.sync(() => response.socket?.resetAndDestroy())

/** Good headers, and the first bytes of a longer body. */
const begin = (response: ServerResponse) =>
  Effect.sync(() => response.writeHead(200, { "content-length": "100" }).write("first"))

const guarded = (breaker: Breaker) =>
  Effect.map(HttpClient.HttpClient, CircuitHttpClient.protect({ breaker }))

/** A request whose headers and first bytes have arrived, in a fiber that continues reading. */
const beginReading = <A>(breaker: Breaker, server: Server, read: Reading<A>) =>
  Effect.gen(function* () {
    const client = yield* guarded(breaker)
    const headers = yield* Deferred.make<void>()
    const fiber = yield* client
      .get(server.origin)
      .pipe(Effect.zipLeft(Deferred.succeed(headers, undefined)), Effect.flatMap(read), Effect.fork)
    const response = yield* server.next
    yield* begin(response)
    yield* Deferred.await(headers)
    return { fiber, response }
  })

/** The code of the socket's error, however deep the client has wrapped it. */
const codeOf = (error: unknown): unknown =>
  Predicate.hasProperty(error, "code")
    ? error.code
    : Predicate.hasProperty(error, "cause")
      ? codeOf(error.cause)
      : undefined

/** Ways to read a body; a stream offers its pieces to a queue. */
const readings: Record<string, (pieces: Queue.Queue<string>) => Reading> = {
  text:
    () =>
    ({ text }) =>
      text,
  json:
    () =>
    ({ json }) =>
      json,
  arrayBuffer:
    () =>
    ({ arrayBuffer }) =>
      arrayBuffer,
  stream:
    (pieces) =>
    ({ stream }) =>
      Stream.runForEach(Stream.decodeText(stream), (piece) => Queue.offer(pieces, piece))
}

const resets = ["ECONNRESET", "UND_ERR_SOCKET"]

const clients = {
  NodeHttpClient: NodeHttpClient.layer,
  "NodeHttpClient, undici": NodeHttpClient.layerUndici,
  FetchHttpClient: FetchHttpClient.layer
}

for (const [name, layer] of Object.entries(clients)) {
  describe(name, () => {
    const test = (title: string, body: Body<HttpClient.HttpClient | Scope.Scope>) =>
      it.scoped(title, () => Effect.provide(Effect.gen(body), layer))

    for (const [what, codes, origin] of [
      ["a refused connection", ["ECONNREFUSED"], Effect.scoped(Effect.map(serve, ({ origin }) => origin))],
      [
        "a name that does not resolve",
        ["ENOTFOUND", "EAI_AGAIN"],
        Effect.succeed("http://no-such-host.invalid")
      ]
    ] as const) {
      test(`C3 ${what} is a failure, with the original error`, function* () {
        const to = yield* origin
        const breaker = yield* make()
        const client = yield* guarded(breaker)
        const error = yield* Effect.flip(client.get(to))
        assert.strictEqual(error._tag === "RequestError" && error.reason, "Transport")
        assert.include(codes, codeOf(error))
        yield* counted(breaker, { failed: 1 }, to)
        yield* rejectionOf(client.get(to))
      })
    }

    test("C3 a reset before the headers is a failure, with the original error", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const fiber = yield* Effect.fork(Effect.flatMap(guarded(breaker), (it) => it.get(server.origin)))
      yield* reset(yield* server.next)
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(error._tag === "RequestError" && error.reason, "Transport")
      assert.include(resets, codeOf(error))
      yield* counted(breaker, { failed: 1 }, server.origin)
    })

    for (const [name, read] of Object.entries(readings)) {
      test(`C3 a reset in the body is one failure of ${name}, with the original error`, function* () {
        const server = yield* serve
        const breaker = yield* make()
        const pieces = yield* Queue.unbounded<string>()
        const { fiber, response } = yield* beginReading(breaker, server, read(pieces))
        if (name === "stream") assert.strictEqual(yield* Queue.take(pieces), "first")
        yield* counted(breaker, {}, server.origin)
        yield* reset(response)
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error._tag === "ResponseError" && error.reason, "Decode")
        assert.include(resets, codeOf(error))
        yield* counted(breaker, { failed: 1 }, server.origin)
      })
    }

    test("C3 a response that hangs behind an inner timeout is a failure", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const client = (yield* HttpClient.HttpClient).pipe(
        HttpClient.transformResponse(Effect.timeout("1 second")),
        CircuitHttpClient.protect({ breaker })
      )
      const fiber = yield* Effect.fork(client.get(server.origin))
      yield* server.next
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "TimeoutException")
      yield* counted(breaker, { failed: 1 }, server.origin)
    })

    test("R3.1.4 a response that hangs behind an outer timeout is Ignored, and gives the slot of its probe back", function* () {
      const server = yield* serve
      const breaker = yield* make()
      yield* breaker.trip(server.origin)
      yield* TestClock.adjust("10 seconds")
      const client = yield* guarded(breaker)
      const fiber = yield* Effect.fork(Effect.timeout(client.get(server.origin), "1 second"))
      yield* server.next
      assert.deepInclude(yield* breaker.state(server.origin), { _tag: "HalfOpen", probing: 1 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "TimeoutException")
      yield* counted(breaker, { ignored: 1 }, server.origin)
      assert.deepInclude(yield* breaker.state(server.origin), { _tag: "HalfOpen", probing: 0 })
    })

    test("R3.1.4 a body whose reader is interrupted is Ignored", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const { fiber } = yield* beginReading(breaker, server, ({ text }) => text)
      yield* Fiber.interrupt(fiber)
      yield* counted(breaker, { ignored: 1 }, server.origin)
    })

    test("R3.2.11 a slow body is a slow call, and a success", function* () {
      const server = yield* serve
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 9 })
      })
      const { fiber, response } = yield* beginReading(breaker, server, ({ text }) => text)
      yield* TestClock.adjust("2 seconds")
      yield* Effect.sync(() => response.end(".".repeat(95)))
      assert.strictEqual((yield* Fiber.join(fiber)).length, 100)
      const { totals, window } = yield* breaker.snapshot(server.origin)
      assert.deepStrictEqual(window, { calls: 1, failures: 0, slow: 1 })
      assert.strictEqual(totals.succeeded, 1)
    })

    test("C3 a body that is no JSON is judged by its status", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const client = yield* guarded(breaker)
      const fiber = yield* Effect.fork(Effect.flatMap(client.get(server.origin), ({ json }) => json))
      const response = yield* server.next
      yield* Effect.sync(() => response.end("<html>"))
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "ResponseError")
      yield* counted(breaker, { succeeded: 1 }, server.origin)
    })

    test("R3.2.8 a Retry-After date of a 503 is relative to the server's clock", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const client = yield* guarded(breaker)
      const fiber = yield* Effect.fork(client.get(server.origin))
      const response = yield* server.next
      yield* Effect.sync(() => {
        const date = "Wed, 07 Oct 2015 07:28:00 GMT"
        response.writeHead(503, { date, "retry-after": "Wed, 07 Oct 2015 07:29:00 GMT" }).end()
      })
      assert.strictEqual((yield* Fiber.join(fiber)).status, 503)
      const state = yield* breaker.state(server.origin)
      assert.strictEqual(state._tag === "Open" && Duration.toSeconds(state.retryAfter), 60)
    })

    test("C2 an open circuit sends nothing", function* () {
      const server = yield* serve
      const breaker = yield* make()
      const client = yield* guarded(breaker)
      const answered = (status: number) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(client.get(server.origin))
          const response = yield* server.next
          yield* Effect.sync(() => response.writeHead(status).end())
          return (yield* Fiber.join(fiber)).status
        })
      assert.strictEqual(yield* answered(500), 500)
      yield* Effect.replicateEffect(rejectionOf(client.get(server.origin)), 10)
      assert.deepStrictEqual([server.connections(), server.requests()], [1, 1])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* answered(200), 200)
      assert.strictEqual(server.requests(), 2)
      assert.strictEqual(yield* tagOf(breaker, server.origin), "Closed")
    })
  })
}

it.scoped(
  "E1 2,000 responses at once whose bodies nobody reads are all counted, and so is a good call beside them",
  () =>
    Effect.gen(function* () {
      const origin = yield* serveAtOnce
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(3) })
      const client = yield* guarded(breaker)
      const good = Effect.flatMap(client.get(origin), ({ text }) => text)
      const unread = Effect.replicateEffect(client.get(origin), 2_000, {
        concurrency: "unbounded",
        discard: true
      })

      const [body] = yield* Effect.all([good, unread], { concurrency: "unbounded" })
      yield* nextTurn

      assert.strictEqual(body, "rates")
      yield* counted(breaker, { succeeded: 2_001 }, origin)
      assert.strictEqual(yield* tagOf(breaker, origin), "Closed")
    }).pipe(Effect.provide(NodeHttpClient.layerUndici))
)
