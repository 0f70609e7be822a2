/**
 * A circuit breaker for the `HttpClient` of `@effect/platform`.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Predicate from "effect/Predicate"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import type { CircuitOpenError } from "./CircuitOpenError.ts"
import * as internal from "./internal/http/client/protect.ts"
import { classifyWith, statusOutcome } from "./internal/http/client/verdict.ts"
import * as keys from "./internal/http/client/keys.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /**
   * The breaker to use (default: the `CircuitBreaker` in the environment of the request). One that was not made by this
   * library settles a request with its headers.
   */
  readonly breaker?: CircuitBreaker | undefined
  /**
   * The circuit for a request; `undefined` leaves the request unguarded (default: the origin of its URL). See
   * {@link byPrefix}.
   */
  readonly key?: ((request: HttpClientRequest.HttpClientRequest) => string | undefined) | undefined
  /**
   * The verdict on a response, by its status and all else that it says (default: as {@link classify}). A failure that
   * names no `retryAfter` gets that of the response. It is asked when the headers have come, and again only about a body
   * that came whole and was of no use, such as one that is no JSON. Where it throws, the call is Ignored, and that is
   * logged once per breaker.
   */
  readonly statusOutcome?:
    | ((status: number, response: HttpClientResponse.HttpClientResponse) => Outcome)
    | undefined
  /**
   * Answer a rejected request instead of failing it: with `status` (default 503), `Retry-After`,
   * `X-Circuit-Breaker: breaker tripped` and a JSON body that names the breaker and the key (default: fail with a
   * `CircuitOpenError`). Retry inside then: `retryTransient` outside would retry such an answer.
   */
  readonly respondWhenRejected?: boolean | { readonly status?: number | undefined } | undefined
}

/**
 * The client that {@link protect} makes of one with error `E` and environment `R`: it may fail with a
 * `CircuitOpenError`, unless it answers rejected requests, and needs a breaker, unless it was given one.
 *
 * @since 0.1.0
 * @category models
 */
export type Protected<E, R, O extends Options> = HttpClient.HttpClient.With<
  O extends { readonly respondWhenRejected: true | { readonly status?: number | undefined } }
    ? E
    : E | CircuitOpenError,
  O extends { readonly breaker: CircuitBreaker } ? R : R | CircuitBreaker
>

/**
 * Guards every request of a client. A rejected request is not sent: it fails with a `CircuitOpenError`, or is answered
 * where `respondWhenRejected` says so.
 *
 * A request ends with the body of its response, where the reading begins at once, before anything else is waited for: a
 * body that breaks off is a failure, good headers or not, once. A body that is read later or never is not looked at. Of
 * a `stream`, the first bytes end what counts as time, and settle a probe as a success; one that breaks off after them
 * is a failure for as long as the circuit asks for more probes. A body that is read as a whole holds a probe's slot until
 * it has come, or until `probeTimeout`.
 *
 * A timeout that is to count belongs inside: `HttpClient.transformResponse(Effect.timeout("2 seconds"))` before `protect`,
 * which covers the headers. The verdict is that of {@link classify}, or of `statusOutcome`; the breaker's own `classify` is not asked.
 *
 * In a pipe, call it: `client.pipe(CircuitHttpClient.protect())` keeps the types, which `protect` alone would lose.
 *
 * Retry inside (`HttpClient.retryTransient` before `protect`) and the attempts are one call; an open circuit skips
 * them all.
 *
 * @example
 * ```ts
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 * import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
 *
 * const down = HttpClient.make((request) =>
 *   Effect.succeed(HttpClientResponse.fromWeb(request, new Response("", { status: 500 })))
 * )
 *
 * const program = Effect.gen(function* () {
 *   const client = CircuitHttpClient.protect(down)
 *   const first = yield* client.get("https://payments.example/rates")
 *   const second = yield* Effect.flip(client.get("https://payments.example/charges"))
 *   return [first.status, second._tag]
 * }).pipe(Effect.provide(CircuitBreaker.layer({ tripPolicy: TripPolicy.consecutive(1) })))
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), [500, "CircuitOpenError"])
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const protect: {
  <const O extends Options = {}>(
    options?: O & Options
  ): <E, R>(client: HttpClient.HttpClient.With<E, R>) => Protected<E, R, O>
  <E, R, const O extends Options = {}>(
    client: HttpClient.HttpClient.With<E, R>,
    options?: O & Options
  ): Protected<E, R, O>
} = dual((args) => Predicate.hasProperty(args[0], HttpClient.TypeId), internal.protect)

/**
 * The verdict on the exit of a request: transport errors, timeouts and statuses 408 and 5xx are failures, with the
 * response's `retry-after-ms` or `Retry-After` (seconds or a date of RFC 9110, less the `Age` of a cached response, at
 * most a year) as the hint. 429 is Ignored, because the dependency is well and we are too many; so is a 403 with
 * `Retry-After` or `x-ratelimit-remaining: 0`, by which GitHub says the same. Every other status is a success. A request
 * that could not be made at all (an invalid URL, a body that does not encode) is Ignored, and JSON that came whole but
 * does not parse is judged by its status. A form that does not parse, and a body beyond the caller's own
 * `withMaxBodySize`, look like one that broke off. Any other exit is judged by `Outcome.fromExit`.
 *
 * Of several failures in one cause, as a race leaves them behind, the worst verdict counts: Failure before Success before
 * Ignored. A response that is a failure is logged, and kept as `lastFailure`, as a line such as
 * `GET https://payments.example/rates answered 503`, without the URL's user, query and fragment. An error is kept as it
 * is, and logged as such a line where its own text would show one of these.
 *
 * {@link protect} uses it; it also serves as the `classify` of a breaker round effects that make a request.
 *
 * @example
 * ```ts
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 * import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
 * import * as assert from "node:assert"
 * import * as Exit from "effect/Exit"
 * import { Outcome } from "effect-circuit-breaker"
 * import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
 *
 * const request = HttpClientRequest.get("https://payments.example/rates")
 * const respond = (status: number, headers = {}) =>
 *   Exit.succeed(HttpClientResponse.fromWeb(request, new Response("", { headers, status })))
 *
 * assert.deepStrictEqual(CircuitHttpClient.classify(respond(404)), Outcome.success)
 * assert.deepStrictEqual(CircuitHttpClient.classify(respond(429)), Outcome.ignored)
 * assert.deepStrictEqual(
 *   CircuitHttpClient.classify(respond(503, { "retry-after": "20" })),
 *   Outcome.failure({ retryAfter: "20 seconds" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category classifiers
 */
export const classify: (exit: Exit.Exit<unknown, unknown>) => Outcome = classifyWith(statusOutcome)

/**
 * A `key` that gives a circuit to each of some base URLs: the longest one that a request is under, or none. A request
 * is under `https://a.example/v1` with the same scheme, host and port and a path that is `/v1` or begins with `/v1/`.
 *
 * No prefix at all, and one that is no absolute URL, has a query, a fragment or a user, or says the same as another, is
 * refused with a `RangeError`.
 *
 * @example
 * ```ts
 * import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
 * import * as assert from "node:assert"
 * import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
 *
 * const key = CircuitHttpClient.byPrefix(["https://a.example", "https://a.example/v1"])
 *
 * assert.strictEqual(key(HttpClientRequest.get("https://a.example/v1/rates")), "https://a.example/v1")
 * assert.strictEqual(key(HttpClientRequest.get("https://a.example/v10")), "https://a.example")
 * assert.strictEqual(key(HttpClientRequest.get("https://a.example.evil/")), undefined)
 * ```
 *
 * @since 0.1.0
 * @category keys
 */
export const byPrefix: (
  prefixes: ReadonlyArray<string>
) => (request: HttpClientRequest.HttpClientRequest) => string | undefined = keys.byPrefix
