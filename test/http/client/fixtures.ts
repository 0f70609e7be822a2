/** Backends that answer as a test says, bodies that arrive as it says, and guarded clients. */
import { assert } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { type CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type Breaker, make, totalsOf } from "../../kit/index.ts"

export const origin = "https://api.example"
export const url = `${origin}/rates`
export const request = HttpClientRequest.get(url)

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse
type Content = ConstructorParameters<typeof globalThis.Response>[0]

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

/** A client, and the requests that it was given. */
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

/** A body that arrives piece by piece, when the test says so. */
export interface Body {
  readonly stream: ReadableStream<Uint8Array>
  /** The number of times that it was asked for a piece. */
  readonly pulls: () => number
  /** Waits until it is asked for the next piece. */
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
    // It is not asked ahead.
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

/** Reads a body, which breaks off once it is asked for, and answers the error. */
export const breakingOff = <A, E, R>(body: Body, reading: Effect.Effect<A, E, R>): Effect.Effect<E, A, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(reading)
    yield* body.wanted
    yield* body.breakOff
    return yield* Effect.flip(Fiber.join(fiber))
  })

/** A way to read a response. */
export type Reading<A = unknown> = (response: Response) => Effect.Effect<A, HttpClientError.HttpClientError>

export const text: Reading = (response) => response.text

export const drain: Reading = (response) => Stream.runDrain(response.stream)

/** A breaker, and a client that it guards, whose responses have a body that arrives as the test says. */
export const guarding = <R>(making: Effect.Effect<Breaker, never, R>) =>
  Effect.gen(function* () {
    const breaker = yield* making
    const body = yield* makeBody
    const form = { "content-type": "application/x-www-form-urlencoded" }
    const request = CircuitHttpClient.protect(streaming(body.stream, form).client, { breaker }).get(url)
    /** Reads in a fiber, once it waits for the first piece of the body. */
    const begin = <A, E>(read: (response: Response) => Effect.Effect<A, E>) =>
      Effect.zipLeft(Effect.fork(Effect.flatMap(request, read)), body.wanted)
    return { breaker, body, request, begin }
  })

export const slowPolicy = (calls: number) =>
  TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls })

/** The circuit of the origin is HalfOpen. */
export const makeHalfOpen = (options?: CircuitBreaker.Options) =>
  make(options).pipe(
    Effect.tap((breaker) => breaker.trip(origin)),
    Effect.zipLeft(TestClock.adjust("10 seconds"))
  )

/** Asserts the totals of a circuit: those that are not given are zero. */
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

/** Waits for a turn of the event loop, in which other fibers go on. */
export const nextTurn: Effect.Effect<void> = Effect.async((resume) => {
  setTimeout(() => resume(Effect.void), 0)
})
