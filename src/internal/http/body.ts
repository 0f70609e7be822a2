import type * as Headers from "@effect/platform/Headers"
import type { ResponseError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Stream from "effect/Stream"
import type { Outcome } from "../../Outcome.ts"
import type { RunningCall } from "../call.ts"
import { settleExit } from "../call.ts"
import type { Caller } from "../caller.ts"
import type { GoOn } from "../protect.ts"
import type { UnsettledCall } from "../unsettledCalls.ts"

type Response = HttpClientResponse.HttpClientResponse

type Judge = (exit: Exit.Exit<unknown, unknown>) => Outcome

/**
 * A request goes on with the body of its response: good headers settle it only if no body follows, or if nobody begins
 * to read it at once.
 *
 * @internal
 */
export const goOnWithBody =
  (classify: Judge): GoOn<Response> =>
  (response, call, caller) => {
    if (hasBody(response)) return new ResponseInFlight(response, call, classify, caller)
    settleExit(call, classify, Exit.succeed(response), caller)
    return response
  }

// RFC 9110, 6.4.1: these have no content whatever their headers say.
const hasBody = ({ request, status }: Response): boolean =>
  request.method !== "HEAD" && status !== 204 && status !== 304

/**
 * A response whose body is part of its call: the call settles when the first reading of the body ends. A stream goes at
 * its consumer's pace, so its first bytes end what the dependency is measured by, and a probe as a whole: it may go on
 * for longer than a probe holds its slot, and its consumer may be in need of the circuit.
 */
class ResponseInFlight extends Inspectable.Class implements Response {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  private readonly original: Response
  private readonly call: RunningCall
  private readonly classify: Judge
  private readonly unsettled: UnsettledCall
  private isSettled = false

  constructor(original: Response, call: RunningCall, classify: Judge, caller: Caller) {
    super()
    this.original = original
    this.call = call
    this.classify = classify
    this.unsettled = { call, lapse: () => this.settle(Exit.succeed(original), caller) }
    call.breaker.unsettledCalls.add(this.unsettled)
  }

  get request() {
    return this.original.request
  }

  get status(): number {
    return this.original.status
  }

  get headers(): Headers.Headers {
    return this.original.headers
  }

  get cookies() {
    return this.original.cookies
  }

  get remoteAddress() {
    return this.original.remoteAddress
  }

  get text(): Effect.Effect<string, ResponseError> {
    return this.reading(() => this.original.text)
  }

  get json(): Effect.Effect<unknown, ResponseError> {
    return this.reading(() => this.original.json)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return this.reading(() => this.original.urlParamsBody)
  }

  get formData(): Effect.Effect<FormData, ResponseError> {
    return this.reading(() => this.original.formData)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, ResponseError> {
    return this.reading(() => this.original.arrayBuffer)
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.suspend(() => {
      this.takeBack()
      return this.original.stream
    }).pipe(
      Stream.mapChunksEffect((chunk) => Effect.as(this.arriving, chunk)),
      // What the body itself fails with; a consumer that fails or stops early says nothing about it.
      Stream.tapErrorCause((cause) => this.settling(Exit.failCause(cause))),
      Stream.ensuringWith((exit) => this.settling(isInterruption(exit) ? exit : Exit.succeed(this.original)))
    )
  }

  toJSON(): unknown {
    return this.original.toJSON()
  }

  private reading<A>(body: () => Effect.Effect<A, ResponseError>): Effect.Effect<A, ResponseError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime((caller) => {
        this.takeBack()
        const ended = (exit: Exit.Exit<A, ResponseError>): Exit.Exit<A, ResponseError> => {
          this.settle(Exit.as(exit, this.original), caller)
          return exit
        }
        return Effect.matchCauseEffect(restore(body()), {
          onFailure: (cause) => ended(Exit.failCause(cause)),
          onSuccess: (value) => ended(Exit.succeed(value))
        })
      })
    )
  }

  private takeBack(): void {
    this.call.breaker.unsettledCalls.takeBack(this.unsettled)
  }

  private get arriving(): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => {
      const { call } = this
      if (call.endedAt === undefined) {
        call.endedAt = call.breaker.now(caller)
        if (call.slot !== 0) this.settle(Exit.succeed(this.original), caller)
      }
      return Effect.void
    })
  }

  private settling(exit: Exit.Exit<Response, unknown>): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => Effect.succeed(this.settle(exit, caller)))
  }

  private settle(exit: Exit.Exit<Response, unknown>, caller: Caller): void {
    if (this.isSettled) return
    this.isSettled = true
    settleExit(this.call, this.classify, exit, caller)
  }
}

const isInterruption = (exit: Exit.Exit<unknown, unknown>): exit is Exit.Failure<never, unknown> =>
  Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
