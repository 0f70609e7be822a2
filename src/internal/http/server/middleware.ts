import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type { CircuitBreaker } from "../../../CircuitBreaker.ts"
import type { Middleware, Options } from "../../../CircuitHttpMiddleware.ts"
import type { CircuitOpenError } from "../../../CircuitOpenError.ts"
import { callable, optionsOf, or, refuse } from "../../options/checks.ts"
import { checkKey } from "../../circuitBreaker/options.ts"
import { defaultKey } from "../../breaker/circuits.ts"
import { answerRejection, checkBreaker, retryAfterHeader, retryAfterSeconds, withBreaker } from "../guard.ts"
import { callApp } from "./call.ts"
import type { Classify } from "./classify.ts"
import { classifyWith, statusOutcome } from "./classify.ts"

/**
 * Makes a middleware: checks the options once, and then makes each request a call.
 *
 * @internal
 */
export function make(options: Options & { readonly breaker: CircuitBreaker }): Middleware<never>
export function make(options?: Options): Middleware<CircuitBreaker>
export function make(options: Options = {}): Middleware<CircuitBreaker> {
  const of = "CircuitHttpMiddleware.make"
  const given = optionsOf<Options>(of, options, optionNames)
  const breaker = checkBreaker(`${of}: breaker`, given.breaker)
  const keyOf = callable(
    `${of}: key`,
    or(given.key, () => defaultKey)
  )
  const answer = callable(`${of}: response`, or(given.response, unavailable))
  const classify = decodeClassify(of, given)
  return <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | CircuitBreaker> =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const key = checkKey(keyOf(request))
      if (key === undefined) return app
      const guard = (app: HttpApp.Default<E, R>) =>
        withBreaker(breaker, (it) => callApp(it, app, request, { key, classify }))
      return answerRejection(app, guard, answer)
    })
}

const optionNames = Object.keys({
  breaker: true,
  key: true,
  statusOutcome: true,
  classify: true,
  response: true
} satisfies Record<keyof Options, true>)

const decodeClassify = (of: string, { classify, statusOutcome: outcomeOf }: Options): Classify => {
  if (classify === undefined) {
    return classifyWith(callable(`${of}: statusOutcome`, or(outcomeOf, statusOutcome)))
  }
  return outcomeOf === undefined
    ? callable(`${of}: classify`, classify)
    : refuse(of, "given either statusOutcome or classify", "both")
}

// The body is a problem detail of RFC 9457.
const unavailable = (error: CircuitOpenError): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const seconds = retryAfterSeconds(error)
  return Effect.succeed(
    HttpServerResponse.text(
      JSON.stringify({
        title: "Service Unavailable",
        status: 503,
        ...(seconds === undefined ? {} : { detail: `Retry after ${seconds} secs` })
      }),
      { status: 503, contentType: "application/problem+json", headers: retryAfterHeader(error) }
    )
  )
}
