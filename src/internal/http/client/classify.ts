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
import { locationOf, requestLine, hasSecretParts } from "../requestLine.ts"
import { retryAfterOf } from "./retryAfter.ts"

type Response = HttpClientResponse.HttpClientResponse

/**
 * The option `statusOutcome`.
 *
 * @internal
 */
export type StatusOutcome = (status: number, response: Response) => Outcome.Outcome

/**
 * A classifier of the exit of a request, or of any other exit.
 *
 * @internal
 */
export type Classify = (exit: Exit.Exit<unknown, unknown>) => Outcome.Outcome

/**
 * The default of `statusOutcome`.
 *
 * @internal
 */
export const statusOutcome: StatusOutcome = (status, response) => {
  if (status === 408 || status >= 500) return Outcome.failure()
  return status === 429 || (status === 403 && isRateLimited(response.headers))
    ? Outcome.ignored
    : Outcome.success
}

/** GitHub limits its callers with a 403, where other servers use a 429. Both show that the dependency works. */
const isRateLimited = (headers: Headers.Headers): boolean =>
  headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0"

/**
 * Makes the classifier of {@link statusOutcome} or of the option in its place.
 *
 * @internal
 */
export const classifyWith = (outcomeOf: StatusOutcome): Classify => {
  const classifyResponse = (response: Response): Outcome.Outcome => {
    const outcome = outcomeOf(response.status, response)
    return outcome._tag === "Failure" ? withHint(outcome, response) : outcome
  }
  const ofResponse = (response: Response): Outcome.Outcome => {
    const outcome = classifyResponse(response)
    return outcome._tag === "Failure" ? describedFailure(outcome, () => answerOf(response)) : outcome
  }
  const ofError = (error: unknown): Outcome.Outcome => {
    if (!HttpClientError.isHttpClientError(error)) return Outcome.failure()
    if (error._tag === "RequestError")
      return error.reason === "Transport" ? withoutSecrets(Outcome.failure(), error) : Outcome.ignored
    return withoutSecrets(isBrokenOff(error) ? Outcome.failure() : classifyResponse(error.response), error)
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
  // The headers are read only if they are needed, because each read of them makes a new object.
  const retryAfter = outcome.retryAfter === undefined ? retryAfterOf(response.headers) : undefined
  return retryAfter === undefined ? outcome : Outcome.failure({ retryAfter })
}

/** The worst outcome of the errors in a cause. Among several failures, it is the one with the longest `retryAfter`. */
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

const answerOf = ({ request, status }: Response): string => lineOf(request, `answered ${status}`)

const lineOf = ({ method, url }: HttpClientRequest.HttpClientRequest, ending: string): string =>
  requestLine(method, locationOf(url), ending)

/** Describes an error whose URL may contain secrets by a line without them. Any other error is logged as it is. */
const withoutSecrets = (outcome: Outcome.Outcome, error: HttpClientError.HttpClientError): Outcome.Outcome =>
  outcome._tag === "Failure" && hasSecretParts(error.request.url)
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

/** The code of a transport error, such as `ECONNREFUSED`, which clients wrap in errors of their own. */
const codeOf = (error: unknown, depth = 0): string | undefined => {
  if (depth > 8) return undefined
  if (Predicate.hasProperty(error, "code") && typeof error.code === "string" && /^\w{1,64}$/.test(error.code))
    return error.code
  return Predicate.hasProperty(error, "cause") ? codeOf(error.cause, depth + 1) : undefined
}
