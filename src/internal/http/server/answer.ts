import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

/**
 * Makes the answer to the failure of an app, as its server would later, so that the failure can be judged by it; the
 * server is handed the same answer. A server that the app is part of has made and sent one already.
 *
 * @internal
 */
export const makeAnswer = ({ own, sent }: Failed<unknown>, request: Request): Effect.Effect<void> =>
  Effect.suspend(() => {
    const error = lastError(own)
    if (sent !== undefined && HttpServerRespondable.isRespondable(error)) {
      answers.set(own, sent)
      return Effect.void
    }
    return HttpServerError.causeResponse(own).pipe(
      Effect.map(([answer]) => {
        answers.set(own, answer)
        repeatAnswer(error, answer, request)
      })
    )
  }).pipe(
    // An error may throw when it is asked for its answer.
    Effect.catchAllDefect(() =>
      Effect.sync(() => answers.set(own, HttpServerResponse.empty({ status: 500 })))
    )
  )

/**
 * The response that the client gets for the exit of an app.
 *
 * @internal
 */
export const answerTo = (exit: Exit.Exit<Response, unknown>): Response => {
  if (exit._tag === "Success") return exit.value
  const known = answers.get(exit.cause)
  if (known !== undefined) return known
  // Without the middleware nobody has made the answer, and a classifier cannot wait for it.
  const made = Effect.runSyncExit(Effect.suspend(() => HttpServerError.causeResponse(exit.cause)))
  return made._tag === "Success" ? made.value[0] : HttpServerError.exitResponse(exit)
}

const answers = new WeakMap<Cause.Cause<unknown>, Response>()

/**
 * The failure of an app.
 *
 * @internal
 */
export interface Failed<E> {
  /** The cause that is the app's own. */
  readonly own: Cause.Cause<E>
  /** The response that the client has got for it, where that is known. */
  readonly sent: Response | undefined
}

/**
 * What a cause says of an app. Round a server, the platform has sent a response already, and put it behind the app's own
 * cause as a defect.
 *
 * @internal
 */
export const failedBy = <E>(cause: Cause.Cause<E>): Failed<E> =>
  cause._tag === "Sequential" &&
  cause.right._tag === "Die" &&
  HttpServerResponse.isServerResponse(cause.right.defect)
    ? { own: cause.left, sent: cause.right.defect }
    : { own: cause, sent: undefined }

/** The error or defect by which a server answers. */
const lastError = (cause: Cause.Cause<unknown>): unknown =>
  Cause.reduce<unknown, unknown>(cause, undefined, (_, part) =>
    part._tag === "Fail"
      ? Option.some(part.error)
      : part._tag === "Die"
        ? Option.some(part.defect)
        : Option.none()
  )

// ---------------------------------------------------------------------------------------------------------
// Repeating an answer

/** The answers that an error has given by the sources of their requests, kept for the function that repeats them. */
const givenBy = new WeakMap<object, WeakMap<object, Response>>()

/**
 * Has an error repeat its answer when the server asks for it, for this request only, because an error may be a constant.
 * The error stays the same object. A frozen one makes its answer again.
 */
const repeatAnswer = (error: unknown, answer: Response, { source }: Request): void => {
  if (!HttpServerRespondable.isRespondable(error) || !Predicate.isObject(source)) return
  const given = givenBy.get(error[HttpServerRespondable.symbol]) ?? remembering(error)
  given?.set(source, answer)
}

const remembering = (error: HttpServerRespondable.Respondable): WeakMap<object, Response> | undefined => {
  const { [HttpServerRespondable.symbol]: make } = error
  const given = new WeakMap<object, Response>()
  const value: typeof make = function (this: HttpServerRespondable.Respondable) {
    return Effect.flatMap(Effect.serviceOption(HttpServerRequest.HttpServerRequest), (request) => {
      const source = Option.getOrUndefined(request)?.source
      const answer = Predicate.isObject(source) ? given.get(source) : undefined
      return HttpServerRespondable.toResponse(answer ?? { [HttpServerRespondable.symbol]: make.bind(this) })
    })
  }
  const isDefined = Reflect.defineProperty(error, HttpServerRespondable.symbol, {
    value,
    configurable: true,
    writable: true
  })
  if (!isDefined) return undefined
  givenBy.set(value, given)
  return given
}
