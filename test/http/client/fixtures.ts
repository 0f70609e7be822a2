/** What the tests of the client share: a backend that answers as told, bodies that come as told, and breakers. */
import { assert } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { CircuitBreaker } from "effect-circuit-breaker"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import { type Breaker, make, totalsOf } from "../../rules/fixtures.ts"

export const origin = "https://api.example"
export const url = `${origin}/rates`
export const request = HttpClientRequest.get(url)

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse
type Content = ConstructorParameters<typeof globalThis.Response>[0]

// ---------------------------------------------------------------------------------------------------------
// Backends

interface Answer {
  readonly body?: Content
  readonly headers?: Record<string, string>
  readonly to?: Request
}

export const respond = (status: number, { body = null, headers = {}, to = request }: Answer = {}): Response =>
  HttpClientResponse.fromWeb(to, new globalThis.Response(body, { headers, status }))

export const refused = (to: Request): HttpClientError.RequestError =>
  new HttpClientError.RequestError({
    request: to,
    reason: "Transport",
    cause: new Error("connect ECONNREFUSED")
  })

export const notSent = (reason: "Transport" | "Encode" | "InvalidUrl"): HttpClientError.RequestError =>
  new HttpClientError.RequestError({ request, reason, cause: new Error(reason) })

export const notRead = (
  reason: "StatusCode" | "Decode" | "EmptyBody",
  status: number,
  cause: Error = new Error("reset")
): HttpClientError.ResponseError =>
  new HttpClientError.ResponseError({ request, response: respond(status), reason, cause })

/** A client that keeps what it was asked to send. */
export interface Backend {
  readonly sent: ReadonlyArray<Request>
  readonly client: HttpClient.HttpClient
}

export const backend = (
  answer: (request: Request, nth: number) => Effect.Effect<Response, HttpClientError.HttpClientError>
): Backend => {
  const sent: Array<Request> = []
  const client = HttpClient.make((request) => Effect.suspend(() => answer(request, sent.push(request))))
  return { client, sent }
}

/** Answers with these statuses, and then with the last one ever after. */
export const statuses = (...statuses: ReadonlyArray<number>): Backend =>
  backend((to, nth) => Effect.succeed(respond(statuses[nth - 1] ?? statuses.at(-1) ?? 200, { to })))

/** Answers with good headers and a body. */
export const streaming = (body: Content, headers: Record<string, string> = {}): Backend =>
  backend((to) => Effect.succeed(respond(200, { body, headers, to })))

// ---------------------------------------------------------------------------------------------------------
// Bodies

/** A body that comes piece by piece, when the test says so. */
export interface Body {
  readonly stream: ReadableStream<Uint8Array>
  /** How many pieces it was asked for. */
  readonly pulls: () => number
  /** Waits until somebody wants the next piece. */
  readonly wanted: Effect.Effect<void>
  readonly send: (text: string) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  readonly breakOff: Effect.Effect<void>
}

export const makeBody: Effect.Effect<Body> = Effect.gen(function* () {
  const wants = yield* Queue.unbounded<void>()
  let pulls = 0
  let source: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        source = controller
      },
      pull: () => {
        pulls++
        wants.unsafeOffer()
      }
    },
    // Nothing is produced before it is wanted.
    { highWaterMark: 0 }
  )
  return {
    stream,
    pulls: () => pulls,
    wanted: Queue.take(wants),
    send: (text) => Effect.sync(() => source?.enqueue(new TextEncoder().encode(text))),
    end: Effect.sync(() => source?.close()),
    breakOff: Effect.sync(() => source?.error(new Error("reset")))
  }
})

/** Reads a body, which breaks off once it is waited for, and answers the error. */
export const breakingOff = <A, E, R>(body: Body, reading: Effect.Effect<A, E, R>): Effect.Effect<E, A, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(reading)
    yield* body.wanted
    yield* body.breakOff
    return yield* Effect.flip(Fiber.join(fiber))
  })

// ---------------------------------------------------------------------------------------------------------
// Breakers

/** The circuit of the origin is HalfOpen. */
export const makeHalfOpen = (options?: CircuitBreaker.Options) =>
  make(options).pipe(
    Effect.tap((breaker) => breaker.trip(origin)),
    Effect.zipLeft(TestClock.adjust("10 seconds"))
  )

/** What has been counted for the origin, where nothing is not worth a word. */
export const counted = (
  breaker: Breaker,
  expected: Partial<CircuitBreaker.CircuitSnapshot["totals"]>,
  key: string = origin
) =>
  Effect.map(totalsOf(breaker, key), (totals) =>
    assert.deepStrictEqual(totals, { succeeded: 0, failed: 0, ignored: 0, rejected: 0, ...expected })
  )

export const keysOf = (breaker: Breaker) =>
  Effect.map(breaker.circuits, (circuits) => circuits.map(({ key }) => key))

/** Waits until the event loop turns: what a fiber only hands on to another has arrived by then. */
export const nextTurn: Effect.Effect<void> = Effect.async((resume) => {
  setTimeout(() => resume(Effect.void), 0)
})
