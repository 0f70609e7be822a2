import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { globalValue } from "effect/GlobalValue"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { responseOfApi } from "./api.ts"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

/**
 * Makes the response to the failure of an app in the same way as the server would later, so that the failure can be
 * classified by it. The server then sends the same response. If the app contains a server, that server has already made
 * and sent the response.
 *
 * @internal
 */
export const makeResponse = (failed: Failed<unknown>, request: Request): Effect.Effect<void> =>
  Effect.suspend(() => responseOf(failed, request)).pipe(
    // The function with which an error makes its own response may throw.
    Effect.catchAllDefect(() => Effect.succeed(HttpServerResponse.empty({ status: 500 }))),
    Effect.map((response) => {
      responses.set(failed.own, response)
    })
  )

const responseOf = ({ own, sent }: Failed<unknown>, request: Request): Effect.Effect<Response> => {
  const error = lastError(own)
  if (sent !== undefined && HttpServerRespondable.isRespondable(error)) return Effect.succeed(sent)
  return Effect.flatMap(
    sent === undefined ? responseOfApi(own) : Effect.succeedNone,
    Option.match({
      onNone: () =>
        Effect.map(HttpServerError.causeResponse(own), ([response]) => {
          repeatResponse(error, response, request)
          return response
        }),
      // The API makes this response again from the error's schema, so the error need not repeat it.
      onSome: Effect.succeed
    })
  )
}

/**
 * The response that the client gets for the exit of an app.
 *
 * @internal
 */
export const responseTo = (exit: Exit.Exit<Response, unknown>): Response => {
  if (exit._tag === "Success") return exit.value
  const known = responses.get(exit.cause)
  if (known !== undefined) return known
  // Without the middleware the response has not been made yet, and a classifier cannot wait for it.
  const made = Effect.runSyncExit(Effect.suspend(() => HttpServerError.causeResponse(exit.cause)))
  return made._tag === "Success" ? made.value[0] : HttpServerError.exitResponse(exit)
}

// Shared by all copies of this package, because the classifier of one may be given to the middleware of another.
const responses = globalValue(
  "effect-circuit-breaker/CircuitHttpMiddleware/responses/1",
  () => new WeakMap<Cause.Cause<unknown>, Response>()
)

/**
 * The failure of an app.
 *
 * @internal
 */
export interface Failed<E> {
  /** The app's own part of the cause. */
  readonly own: Cause.Cause<E>
  /** The response that was sent to the client, if it is known. */
  readonly sent: Response | undefined
}

/**
 * Splits the cause of a failed app. Around a server, the platform has already sent a response, and has appended it to
 * the app's own cause as a defect.
 *
 * @internal
 */
export const failedBy = <E>(cause: Cause.Cause<E>): Failed<E> =>
  cause._tag === "Sequential" &&
  cause.right._tag === "Die" &&
  HttpServerResponse.isServerResponse(cause.right.defect)
    ? { own: cause.left, sent: cause.right.defect }
    : { own: cause, sent: undefined }

/** The error or defect from which a server makes its response: the last one of a cause. */
const lastError = (cause: Cause.Cause<unknown>): unknown =>
  Cause.reduce<unknown, unknown>(cause, undefined, (_, part) =>
    part._tag === "Fail"
      ? Option.some(part.error)
      : part._tag === "Die"
        ? Option.some(part.defect)
        : Option.none()
  )

/** The responses of each error by the source of the request, found by the function that repeats them. */
const responsesByFunction = globalValue(
  "effect-circuit-breaker/CircuitHttpMiddleware/responsesByFunction/1",
  () => new WeakMap<object, WeakMap<object, Response>>()
)

/**
 * Makes an error repeat its response when the server asks for it, for this request only, because an error may be a
 * constant that several requests share. The error stays the same object. A frozen error makes its response again.
 */
const repeatResponse = (error: unknown, response: Response, { source }: Request): void => {
  if (!HttpServerRespondable.isRespondable(error) || !Predicate.isObject(source)) return
  const responsesBySource =
    responsesByFunction.get(error[HttpServerRespondable.symbol]) ?? makeRepeatable(error)
  responsesBySource?.set(source, response)
}

const makeRepeatable = (error: HttpServerRespondable.Respondable): WeakMap<object, Response> | undefined => {
  const { [HttpServerRespondable.symbol]: make } = error
  const responsesBySource = new WeakMap<object, Response>()
  const value: typeof make = function (this: HttpServerRespondable.Respondable) {
    return Effect.flatMap(Effect.serviceOption(HttpServerRequest.HttpServerRequest), (request) => {
      const source = Option.getOrUndefined(request)?.source
      const response = Predicate.isObject(source) ? responsesBySource.get(source) : undefined
      return HttpServerRespondable.toResponse(response ?? { [HttpServerRespondable.symbol]: make.bind(this) })
    })
  }
  const isDefined = Reflect.defineProperty(error, HttpServerRespondable.symbol, {
    value,
    configurable: true,
    writable: true
  })
  if (!isDefined) return undefined
  responsesByFunction.set(value, responsesBySource)
  return responsesBySource
}
