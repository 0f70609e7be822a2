import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { CircuitBreaker } from "../../../CircuitBreaker.ts"
import type { Options } from "../../../CircuitHttpClient.ts"
import type { CircuitOpenError } from "../../../CircuitOpenError.ts"
import { callable, optionsOf, or, refuse, refuseValue } from "../../options/checks.ts"
import { checkKey } from "../../circuitBreaker/options.ts"
import { receive } from "./body.ts"
import { answerRejection, callWith, checkBreaker, retryAfterHeader, withBreaker } from "../guard.ts"
import { classifyWith, statusOutcome } from "./classify.ts"
import { originOf } from "./keys.ts"

type Request = HttpClientRequest.HttpClientRequest
type HttpResponse = HttpClientResponse.HttpClientResponse

/**
 * Guards a client: checks the options once, and then makes each request a call.
 *
 * @internal
 */
export const protect = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  options: Options = {}
): HttpClient.HttpClient.With<E | CircuitOpenError, R | CircuitBreaker> => {
  const given = optionsOf<Options>("CircuitHttpClient.protect", options, optionNames)
  const breaker = checkBreaker("CircuitHttpClient.protect: breaker", given.breaker)
  const keyOf = callable("CircuitHttpClient.protect: key", or(given.key, originOf))
  const outcomeOf = callable(
    "CircuitHttpClient.protect: statusOutcome",
    or(given.statusOutcome, statusOutcome)
  )
  const status = decodeStatus(or(given.respondWhenRejected, false))
  const classify = classifyWith(outcomeOf)
  return HttpClient.transform(client, (effect, request) => {
    const key = checkKey(keyOf(request))
    if (key === undefined) return effect
    const guard = (effect: Effect.Effect<HttpResponse, E, R>) =>
      withBreaker(breaker, (it) => callWith(it, { key, classify }, () => effect, receive))
    return status === undefined
      ? guard(effect)
      : answerRejection(effect, guard, (error) => Effect.succeed(responseTo(request, error, status)))
  })
}

const optionNames = Object.keys({
  breaker: true,
  key: true,
  statusOutcome: true,
  respondWhenRejected: true
} satisfies Record<keyof Options, true>)

type RespondWhenRejected = Exclude<Options["respondWhenRejected"], undefined>

const respondOptionNames = Object.keys({ status: true } satisfies Record<
  keyof Exclude<RespondWhenRejected, boolean>,
  true
>)

/** The status of the response to a rejected request; `undefined` if rejections are not answered. */
const decodeStatus = (respond: RespondWhenRejected): number | undefined => {
  if (respond === false) return undefined
  if (respond === true) return 503
  const of = "CircuitHttpClient.protect: respondWhenRejected"
  if (!Predicate.isRecord(respond)) return refuseValue(of, "true, false or given options (status)", respond)
  const status = or(
    optionsOf<Exclude<RespondWhenRejected, boolean>>(of, respond, respondOptionNames).status,
    503
  )
  return Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : refuse(`${of}.status`, "an HTTP error status from 400 to 599", String(status))
}

const responseTo = (request: Request, error: CircuitOpenError, status: number): HttpResponse =>
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
