import type * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Outcome from "../../../Outcome.ts"
import { describedFailure } from "../../observe/description.ts"
import { locationOf, requestLine, showsMore } from "../requestLine.ts"
import { retryAfterOf } from "./retryAfter.ts"

type Response = HttpClientResponse.HttpClientResponse

/** @internal */
export type StatusOutcome = (status: number, response: Response) => Outcome.Outcome

/** @internal */
export type Classify = (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome

/** @internal */
export const statusOutcome: StatusOutcome = (status, response) => {
  if (status === 408 || status >= 500) return Outcome.failure()
  return status === 429 || (status === 403 && isLimited(response.headers)) ? Outcome.ignored : Outcome.success
}

/** GitHub, for one, says with a 403 what others say with a 429: the dependency is well, and we are too many. */
const isLimited = (headers: Headers.Headers): boolean =>
  headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0"

/** @internal */
export const classifyWith = (outcomeOf: StatusOutcome): Classify => {
  const judgeResponse = (response: Response): Outcome.Outcome => {
    const outcome = outcomeOf(response.status, response)
    return outcome._tag === "Failure" ? withHint(outcome, response) : outcome
  }
  const ofResponse = (response: Response): Outcome.Outcome => {
    const outcome = judgeResponse(response)
    return outcome._tag === "Failure" ? describedFailure(outcome, () => answerOf(response)) : outcome
  }
  const ofError = (error: unknown): Outcome.Outcome => {
    if (!HttpClientError.isHttpClientError(error)) return Outcome.failure()
    if (error._tag === "RequestError")
      return error.reason === "Transport" ? withoutSecrets(Outcome.failure(), error) : Outcome.ignored
    return withoutSecrets(isBrokenOff(error) ? Outcome.failure() : judgeResponse(error.response), error)
  }
  return (exit) => {
    if (exit._tag === "Failure") return worstOf(exit.cause, ofError)
    return isResponse(exit.value) ? ofResponse(exit.value) : Outcome.success
  }
}

const isResponse = (value: unknown): value is Response =>
  Predicate.hasProperty(value, HttpClientResponse.TypeId)

const isBrokenOff = ({ cause, reason }: HttpClientError.ResponseError): boolean =>
  reason === "Decode" && !(cause instanceof SyntaxError)

const withHint = (outcome: Outcome.Failure, response: Response): Outcome.Failure => {
  // Headers are made anew each time they are asked for.
  const retryAfter = outcome.retryAfter === undefined ? retryAfterOf(response.headers) : undefined
  return retryAfter === undefined ? outcome : Outcome.failure({ retryAfter })
}

// ---------------------------------------------------------------------------------------------------------
// Causes

/** The worst verdict on what a cause holds, which may be very much. Of several failures, the one with the longest hint. */
const worstOf = (
  cause: Cause.Cause<unknown>,
  ofError: (error: unknown) => Outcome.Outcome
): Outcome.Outcome =>
  Cause.reduce<Outcome.Outcome, unknown>(cause, Outcome.ignored, (worst, part) => {
    switch (part._tag) {
      case "Fail":
        return Option.some(worse(worst, ofError(part.error)))
      case "Die":
        return Option.some(worse(worst, Outcome.failure()))
      default:
        return Option.none()
    }
  })

const worse = (one: Outcome.Outcome, other: Outcome.Outcome): Outcome.Outcome => {
  if (one._tag === "Failure" && other._tag === "Failure") return hintOf(other) > hintOf(one) ? other : one
  return badness[other._tag] > badness[one._tag] ? other : one
}

const badness = { Ignored: 0, Success: 1, Failure: 2 }

const hintOf = ({ retryAfter }: Outcome.Failure): number =>
  Duration.isDuration(retryAfter) ? Duration.toMillis(retryAfter) : -1

// ---------------------------------------------------------------------------------------------------------
// Descriptions

const answerOf = ({ request, status }: Response): string => lineOf(request, `answered ${status}`)

const lineOf = ({ method, url }: HttpClientRequest.HttpClientRequest, ending: string): string =>
  requestLine(method, locationOf(url), ending)

/** An error is logged itself, unless that would show what a URL may hold of secrets. */
const withoutSecrets = (outcome: Outcome.Outcome, error: HttpClientError.HttpClientError): Outcome.Outcome =>
  outcome._tag === "Failure" && showsMore(error.request.url)
    ? describedFailure(outcome, () => failureOf(error))
    : outcome

const failureOf = (error: HttpClientError.HttpClientError): string => {
  if (error._tag === "ResponseError") {
    const answer = answerOf(error.response)
    return isBrokenOff(error) ? `${answer} and broke off` : answer
  }
  const code = codeOf(error.cause)
  return lineOf(error.request, code === undefined ? "was not answered" : `was not answered (${code})`)
}

/** What went wrong in a word, such as `ECONNREFUSED`, however deep the client has wrapped it. */
const codeOf = (error: unknown, depth = 0): string | undefined => {
  if (depth > 8) return undefined
  if (Predicate.hasProperty(error, "code") && typeof error.code === "string" && /^\w{1,64}$/.test(error.code))
    return error.code
  return Predicate.hasProperty(error, "cause") ? codeOf(error.cause, depth + 1) : undefined
}
