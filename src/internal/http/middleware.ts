import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CircuitBreaker } from "../../CircuitBreaker.ts"
import type { Middleware, Options } from "../../CircuitHttpMiddleware.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import { callable, optionsOf, refuse } from "../options.ts"
import { checkBreaker, withBreaker } from "./breaker.ts"
import { answerRejection, retryAfterHeader, retryAfterSeconds } from "./rejection.ts"

/** @internal */
export function make(options: Options & { readonly breaker: CircuitBreaker }): Middleware<never>
export function make(options?: Options): Middleware<CircuitBreaker>
export function make(options: Options = {}): Middleware<CircuitBreaker> {
  optionsOf<Options>("CircuitHttpMiddleware.make", options, optionNames)
  const { breaker, key: keyOf, response: answer = unavailable } = options
  checkBreaker("CircuitHttpMiddleware.make: breaker", breaker)
  const verdict = verdictOf(options)
  callable("CircuitHttpMiddleware.make: response", answer)
  if (keyOf !== undefined) callable("CircuitHttpMiddleware.make: key", keyOf)
  const guard = <E, R>(app: HttpApp.Default<E, R>, key: string | undefined) => {
    const guardWith = (breaker: CircuitBreaker) => (app: HttpApp.Default<E, R>) =>
      Effect.suspend(() => {
        let whole: Cause.Cause<E> | undefined
        const judged = Effect.catchAllCause(app, (cause) => {
          whole = cause
          return Effect.failCause(withoutAnswer(cause))
        })
        return Effect.catchAllCause(breaker.protectWith(judged, { key, classify: verdict }), (cause) =>
          Effect.failCause(whole ?? cause)
        )
      })
    return withBreaker(breaker, (it) => answerRejection(app, guardWith(it), answer))
  }
  return <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | CircuitBreaker> =>
    keyOf === undefined
      ? guard(app, undefined)
      : Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const key = keyOf(request)
          return key === undefined ? app : guard(app, key)
        })
}

// Round a server, the platform has sent a response already, and put it behind the app's own cause as a defect.
const withoutAnswer = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
  cause._tag === "Sequential" &&
  cause.right._tag === "Die" &&
  HttpServerResponse.isServerResponse(cause.right.defect)
    ? cause.left
    : cause

const optionNames = Object.keys({
  breaker: true,
  key: true,
  statusOutcome: true,
  classify: true,
  response: true
} satisfies Record<keyof Options, true>)

const verdictOf = ({ classify, statusOutcome: outcome }: Options): Classify => {
  if (outcome !== undefined && classify !== undefined) {
    return refuse("CircuitHttpMiddleware.make", "given either statusOutcome or classify", "both")
  }
  return outcome === undefined
    ? callable("CircuitHttpMiddleware.make: classify", classify ?? classifyWith(statusOutcome))
    : classifyWith(callable("CircuitHttpMiddleware.make: statusOutcome", outcome))
}

type Classify = (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>) => Outcome.Outcome

/** @internal */
export const statusOutcome = (status: number): Outcome.Outcome =>
  status >= 500 ? Outcome.failure() : Outcome.success

/** @internal */
export const classifyWith =
  (outcomeOf: (status: number) => Outcome.Outcome): Classify =>
  (exit) =>
    exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)
      ? Outcome.ignored
      : outcomeOf(responseOf(exit).status)

// The response that the server will make of the exit.
const responseOf = (
  exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>
): HttpServerResponse.HttpServerResponse => {
  if (exit._tag === "Success") return exit.value
  const made = Effect.runSyncExit(HttpServerError.causeResponse(exit.cause))
  return Exit.isSuccess(made) ? made.value[0] : HttpServerError.exitResponse(exit)
}

// RFC 9457
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
