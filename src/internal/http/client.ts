import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { Options } from "../../CircuitHttpClient.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import { protectOn } from "../make.ts"
import { callable, optionsOf, refuse } from "../options.ts"
import { goOnWithBody } from "./body.ts"
import { checkBreaker, withBreaker } from "./breaker.ts"
import { answerRejection, retryAfterHeader } from "./rejection.ts"
import { retryAfterOf } from "./retryAfter.ts"

type Request = HttpClientRequest.HttpClientRequest
type HttpResponse = HttpClientResponse.HttpClientResponse
type Classify = (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome

/** @internal */
export const protect = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  options: Options = {}
): HttpClient.HttpClient.With<E | CircuitOpenError, R | CircuitBreaker> => {
  const { breaker, key = originOf, respondWhenRejected, statusOutcome: outcome = statusOutcome } = options
  optionsOf<Options>("CircuitHttpClient.protect", options, optionNames)
  checkBreaker("CircuitHttpClient.protect: breaker", breaker)
  callable("CircuitHttpClient.protect: key", key)
  const classify = classifyWith(callable("CircuitHttpClient.protect: statusOutcome", outcome))
  const goOn = goOnWithBody(classify)
  const status = respondWhenRejected ? decodeStatus(respondWhenRejected) : undefined
  return HttpClient.transform(client, (effect, request) => {
    const circuit = key(request)
    if (circuit === undefined) return effect
    const guard = (effect: Effect.Effect<HttpResponse, E, R>) =>
      withBreaker(breaker, (it) => protectOn(it, effect, { key: circuit, classify, goOn }))
    return status === undefined
      ? guard(effect)
      : answerRejection(effect, guard, (error) => Effect.succeed(answer(request, error, status)))
  })
}

const optionNames = Object.keys({
  breaker: true,
  key: true,
  statusOutcome: true,
  respondWhenRejected: true
} satisfies Record<keyof Options, true>)

const decodeStatus = (respond: true | { readonly status?: number | undefined }): number => {
  const of = "CircuitHttpClient.protect: respondWhenRejected"
  if (respond === true) return 503
  optionsOf(of, respond, ["status"])
  const { status = 503 } = respond
  return Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : refuse(`${of}.status`, "an HTTP error status from 400 to 599", String(status))
}

const answer = (request: Request, error: CircuitOpenError, status: number): HttpResponse =>
  HttpClientResponse.fromWeb(
    request,
    new Response(
      request.method === "HEAD"
        ? null
        : JSON.stringify({
            error: error.message,
            breaker: error.breaker,
            key: error.key,
            state: error.state
          }),
      {
        status,
        headers: {
          "content-type": "application/json",
          "x-circuit-breaker": "breaker tripped",
          ...retryAfterHeader(error)
        }
      }
    )
  )

// ---------------------------------------------------------------------------------------------------------
// Verdicts

/** @internal */
export const statusOutcome = (status: number): Outcome.Outcome =>
  status === 408 || status >= 500 ? Outcome.failure() : status === 429 ? Outcome.ignored : Outcome.success

/** @internal */
export const classifyWith = (outcomeOf: (status: number) => Outcome.Outcome): Classify => {
  const judge = (response: HttpResponse): Outcome.Outcome => {
    const outcome = outcomeOf(response.status)
    return outcome._tag === "Failure" && outcome.retryAfter === undefined
      ? // Headers are made anew each time they are asked for.
        Outcome.failure({ retryAfter: retryAfterOf(response.headers) })
      : outcome
  }
  return (exit) => {
    if (exit._tag === "Success") return isResponse(exit.value) ? judge(exit.value) : Outcome.success
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
    if (Cause.isDie(exit.cause) || !HttpClientError.isHttpClientError(error)) return Outcome.fromExit(exit)
    if (error._tag === "RequestError")
      return error.reason === "Transport" ? Outcome.failure() : Outcome.ignored
    const brokeOff = error.reason === "Decode" && !(error.cause instanceof SyntaxError)
    return brokeOff ? Outcome.failure() : judge(error.response)
  }
}

const isResponse = (value: unknown): value is HttpResponse =>
  Predicate.hasProperty(value, HttpClientResponse.TypeId)

// ---------------------------------------------------------------------------------------------------------
// Keys

// The client refuses what is no URL by itself.
const urlOf = (request: Request): URL | undefined =>
  Either.getOrUndefined(UrlParams.makeUrl(request.url, UrlParams.empty, Option.none()))

const originOf = (request: Request): string | undefined => {
  const origin = urlOf(request)?.origin
  return origin === "null" ? undefined : origin
}

/** @internal */
export const byPrefix = (prefixes: ReadonlyArray<string>): ((request: Request) => string | undefined) => {
  if (prefixes.length === 0) refuse("CircuitHttpClient.byPrefix", "given at least one prefix", "none")
  const bases = new Map<string, string>()
  for (const prefix of prefixes) {
    const base = decodePrefix(prefix)
    const other = bases.get(base)
    if (other !== undefined)
      refuse("CircuitHttpClient.byPrefix: a prefix", "given once", `"${other}" and "${prefix}"`)
    bases.set(base, prefix)
  }
  const longestFirst = Array.from(bases).toSorted(([a], [b]) => b.length - a.length)
  return (request) => {
    const url = urlOf(request)
    if (url === undefined) return undefined
    const location = url.origin + url.pathname
    return longestFirst.find(([base]) => isUnder(location, base))?.[1]
  }
}

const isUnder = (location: string, base: string): boolean =>
  location === base || location.startsWith(base.endsWith("/") ? base : `${base}/`)

const decodePrefix = (prefix: string): string => {
  const url = URL.canParse(prefix) ? new URL(prefix) : undefined
  return url === undefined ||
    url.origin === "null" ||
    url.search + url.hash + url.username + url.password !== ""
    ? refuse(
        "CircuitHttpClient.byPrefix: a prefix",
        "an absolute URL without query, fragment and user",
        JSON.stringify(prefix)
      )
    : url.origin + url.pathname
}
