import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type { CircuitBreaker } from "../../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../../CircuitOpenError.ts"
import * as Outcome from "../../../Outcome.ts"
import type { RunningCall } from "../../breaker/call.ts"
import { noSlot } from "../../core/circuit.ts"
import { callWith } from "../guard.ts"
import { failedBy, makeResponse } from "./response.ts"
import type { SocketObserver } from "./socket.ts"
import { asksForSocket, isSocketEnd, observingSocket } from "./socket.ts"
import type { Classify } from "./classify.ts"

type Response = HttpServerResponse.HttpServerResponse

/**
 * The circuit and the classifier of a request.
 *
 * @internal
 */
export interface Guard {
  readonly key: string | undefined
  readonly classify: Classify
}

/**
 * Runs an app as one call, which is settled when the app ends. A socket that opens, or the headers of a stream that the
 * app itself sends, count as the dependency's answer before that.
 *
 * @internal
 */
export const callApp = <E, R>(
  service: CircuitBreaker,
  app: HttpApp.Default<E, R>,
  request: HttpServerRequest.HttpServerRequest,
  { classify, key }: Guard
): HttpApp.Default<E | CircuitOpenError, R> =>
  Effect.suspend(() => {
    let hasSocket = false
    /** The cause of the app's failure, if the call is settled with another exit instead. */
    let original: Cause.Cause<E> | undefined

    const classifyApp: Classify = (exit) =>
      hasSocket && exit._tag === "Success" ? Outcome.success : classify(exit)

    const watched = (call: RunningCall | undefined): HttpApp.Default<E, R> => {
      const answered = (outcome: Outcome.Outcome) =>
        Effect.withFiberRuntime<void>((caller) => {
          call?.answered(outcome, Exit.void, caller)
          return Effect.void
        })
      const observer: SocketObserver = {
        onOpen: Effect.suspend(() => {
          hasSocket = true
          return answered(Outcome.success)
        }),
        // Only the first answer counts, so this concerns a socket that has not opened: a probe gives its slot back.
        onClose: answered(Outcome.ignored)
      }
      const timed =
        call !== undefined && isTimed(call)
          ? Effect.zipRight(HttpApp.appendPreResponseHandler(answeredBy(call)), app)
          : app
      return asksForSocket(request)
        ? Effect.provideService(
            timed,
            HttpServerRequest.HttpServerRequest,
            observingSocket(request, observer)
          )
        : timed
    }

    /** The app with the exit by which its call is settled. */
    const counted = (call: RunningCall | undefined): HttpApp.Default<E, R> =>
      Effect.catchAllCause(watched(call), (cause) => {
        const failed = failedBy(cause)
        if (hasSocket && isSocketEnd(failed.own)) {
          original = cause
          return Effect.succeed(HttpServerResponse.empty())
        }
        const made = Cause.isInterruptedOnly(failed.own) ? Effect.void : makeResponse(failed, request)
        return Effect.flatMap(made, () => {
          if (failed.own !== cause) original = cause
          return Effect.failCause(failed.own)
        })
      })

    return Effect.matchCauseEffect(callWith(service, { key, classify: classifyApp }, counted), {
      onSuccess: (response) =>
        original === undefined ? Effect.succeed(response) : Effect.failCause(original),
      onFailure: (cause) => Effect.failCause(original ?? cause)
    })
  })

/** Counts the headers of a streamed response as the dependency's answer. */
const answeredBy =
  (call: RunningCall): HttpApp.PreResponseHandler =>
  (_, response) =>
    Effect.withFiberRuntime((caller) => {
      if (isStreamed(response)) {
        const exit = Exit.succeed(response)
        call.answered(call.classifyExit(exit, caller), exit, caller)
      }
      return Effect.succeed(response)
    })

/** Whether the duration of a call matters: it is a probe, or the policy measures durations. */
const isTimed = ({ breaker, slot }: RunningCall): boolean =>
  slot !== noSlot || breaker.settings.rules.policy.measuresElapsed

const isStreamed = ({ body }: Response): boolean =>
  body._tag === "Stream" ||
  (body._tag === "Raw" &&
    (Predicate.hasProperty(body.body, "pipe") || Predicate.hasProperty(body.body, "getReader")))
