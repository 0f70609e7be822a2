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
import type { Caller } from "../caller.ts"
import type { Afterwards, OpenCall } from "../protect.ts"

type Response = HttpClientResponse.HttpClientResponse

/**
 * A request goes on with the body of its response: good headers settle it only if no body follows, or if nobody begins
 * to read it at once.
 *
 * @internal
 */
export const goOnWithBody: Afterwards<Response>["goOn"] = (response, call) => {
  if (hasBody(response)) return new ResponseInFlight(response, call)
  call.settle(Exit.succeed(response), call.caller)
  return response
}

// RFC 9110, 6.4.1: these have no content whatever their headers say.
const hasBody = ({ headers, request, status }: Response): boolean =>
  request.method !== "HEAD" && status !== 204 && status !== 304 && headers["content-length"] !== "0"

/**
 * A response whose body is part of its call: the call settles when the first reading of the body ends.
 */
class ResponseInFlight extends Inspectable.Class implements Response {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  private readonly original: Response
  private readonly call: OpenCall<Response>
  private readonly takeBack: () => void
  private isSettled = false

  constructor(original: Response, call: OpenCall<Response>) {
    super()
    this.original = original
    this.call = call
    this.takeBack = call.breaker.keepOpen(() => this.settle(Exit.succeed(original), call.caller))
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
      // What the body itself fails with; a consumer that fails or stops early says nothing about it.
      Stream.tapErrorCause((cause) => this.settling(Exit.failCause(cause))),
      Stream.ensuringWith((exit) => this.settling(isInterruption(exit) ? exit : Exit.succeed(this.original)))
    )
  }

  toJSON(): unknown {
    return this.original.toJSON()
  }

  private reading<A>(body: () => Effect.Effect<A, ResponseError>): Effect.Effect<A, ResponseError> {
    return Effect.suspend(() => {
      this.takeBack()
      return body()
    }).pipe(Effect.onExit((exit) => this.settling(Exit.as(exit, this.original))))
  }

  private settling(exit: Exit.Exit<Response, unknown>): Effect.Effect<void> {
    return Effect.withFiberRuntime((caller) => Effect.succeed(this.settle(exit, caller)))
  }

  private settle(exit: Exit.Exit<Response, unknown>, caller: Caller): void {
    if (this.isSettled) return
    this.isSettled = true
    this.call.settle(exit, caller)
  }
}

const isInterruption = (exit: Exit.Exit<unknown, unknown>): exit is Exit.Failure<never, unknown> =>
  Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
