/**
 * A circuit breaker for the `HttpClient` of `@effect/platform`.
 *
 * {@link protect} makes each request of a client a call of a breaker, with one circuit for each origin.
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
import { classifyWith, statusOutcome } from "./internal/http/client/classify.ts"
import * as keys from "./internal/http/client/keys.ts"
import type { Outcome } from "./Outcome.ts"

/**
 * Options of {@link protect}.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /**
   * The breaker to use (default: the `CircuitBreaker` in the environment of the request). A breaker that this library
   * did not make settles a request when its headers have arrived.
   */
  readonly breaker?: CircuitBreaker | undefined
  /**
   * The key of the circuit for a request (default: the origin of its URL). A request whose key is `undefined` is not
   * guarded. See {@link byPrefix}.
   */
  readonly key?: ((request: HttpClientRequest.HttpClientRequest) => string | undefined) | undefined
  /**
   * The outcome of a response (default: that of {@link classify}). A failure without a `retryAfter` gets that of the
   * response. The function is called when the headers have arrived, and again if the whole body arrived but could not
   * be decoded, such as invalid JSON. If it throws, the call is Ignored, and the defect is logged once per breaker.
   */
  readonly statusOutcome?:
    | ((status: number, response: HttpClientResponse.HttpClientResponse) => Outcome)
    | undefined
  /**
   * Whether a rejected request is answered instead of failing with a `CircuitOpenError` (default false). The response
   * has the given `status` (default 503), the headers `Retry-After` and `X-Circuit-Breaker: breaker tripped`, and a
   * JSON body that names the breaker and the key. Put `HttpClient.retryTransient` inside of `protect` then, because
   * outside it would retry such a response.
   */
  readonly respondWhenRejected?: boolean | { readonly status?: number | undefined } | undefined
}

/**
 * The type of the client that {@link protect} makes of a client with the error `E` and the environment `R`.
 *
 * **Details**
 *
 * Its error includes `CircuitOpenError` unless `respondWhenRejected` is set. Its environment includes `CircuitBreaker`
 * unless the option `breaker` is given.
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
 * Guards every request of a client with a circuit breaker.
 *
 * **Details**
 *
 * A rejected request is not sent. It fails with a `CircuitOpenError`, or is answered if `respondWhenRejected` is set.
 *
 * The outcome is that of {@link classify} or of the option `statusOutcome`. The breaker's own `classify` is not used.
 *
 * A response whose headers are a success settles the call by its body, if the program begins to read the body at once,
 * before it waits for anything else:
 *
 * - A body that breaks off is a failure.
 * - The first bytes of a `stream` end the time that a slow-call policy measures, and settle a probe as a success. If
 *   the stream breaks off later, that is a failure; of a probe, it counts only while the circuit needs more probes.
 * - A body that is read as a whole holds the slot of a probe until it has arrived, or until `probeTimeout`.
 *
 * If the program reads the body later or never, the headers settle the call.
 *
 * **Gotchas**
 *
 * - Throws a `RangeError` that names the option if one is out of range.
 * - In a pipe, write `client.pipe(CircuitHttpClient.protect())`. Without the parentheses, the types are lost.
 * - A timeout counts as a failure only inside of `protect`. `HttpClient.transformResponse(Effect.timeout("2 seconds"))`
 *   before `protect` limits the time until the headers arrive.
 * - `HttpClient.retryTransient` before `protect` makes all attempts one call, and an open circuit skips them all. After
 *   `protect`, each attempt is a call.
 *
 * **Example** (Guarding a client)
 *
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
 * The default classifier of HTTP requests.
 *
 * **When to use**
 *
 * {@link protect} uses it. Use it as the `classify` of a breaker that guards effects in which requests are made.
 *
 * **Details**
 *
 * | exit                                                                           | outcome              |
 * | ------------------------------------------------------------------------------ | -------------------- |
 * | a transport error, a timeout, a body that breaks off, a status of 408 or 5xx   | `Failure`            |
 * | a status of 429; a 403 with `Retry-After` or `x-ratelimit-remaining: 0`        | `Ignored`            |
 * | any other status                                                               | `Success`            |
 * | a request that could not be made: an invalid URL, a body that does not encode  | `Ignored`            |
 * | JSON that does not parse                                                       | that of the status   |
 * | any other exit                                                                 | `Outcome.fromExit`'s |
 *
 * A 429 shows that the dependency works and limits its callers; GitHub does the same with a 403.
 *
 * `retryAfter` of a failure is the response's `retry-after-ms`, or its `Retry-After` in seconds or as a date of RFC
 * 9110, less the `Age` of a cached response, and at most a year.
 *
 * If a cause has several failures, as that of a race, the worst outcome counts: `Failure` before `Success` before
 * `Ignored`.
 *
 * A response that is a failure is logged, and kept as `lastFailure`, as a line such as
 * `GET https://payments.example/rates answered 503`, without the user, the query and the fragment of the URL. An error
 * is kept unchanged, and logged as such a line if its URL has one of these parts.
 *
 * **Gotchas**
 *
 * A form that does not parse, and a body that exceeds the caller's own `withMaxBodySize`, are classified as bodies that
 * broke off.
 *
 * **Example** (Classifying responses)
 *
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
 * Makes a `key` for {@link protect} with one circuit for each of several base URLs.
 *
 * **Details**
 *
 * A request uses the circuit of the longest prefix that matches its URL, and is not guarded if none does. The prefix
 * `https://a.example/v1` matches URLs of the same scheme, host and port whose path is `/v1` or begins with `/v1/`.
 *
 * **Gotchas**
 *
 * Throws a `RangeError` if there is no prefix, if two are the same, or if one is not an absolute URL without user,
 * query and fragment.
 *
 * **Example** (A circuit for each version of an API)
 *
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
