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
import * as Outcome from "../../../Outcome.ts"
import type { RunningCall } from "../../breaker/call.ts"
import type { Caller } from "../../fiber/caller.ts"
import type { UnsettledCall } from "../../breaker/unsettledCalls.ts"
import { unsettledCallsOf } from "../../breaker/unsettledCalls.ts"

type Response = HttpClientResponse.HttpClientResponse

/**
 * Settles a request by its response, or leaves that to the body. Headers that are a success settle the call only if no
 * body follows, or if the program does not begin to read the body at once. With a store in the mode `"write-through"`,
 * the headers always settle it.
 *
 * @internal
 */
export const receive = (call: RunningCall, response: Response, caller: Caller): Effect.Effect<Response> => {
  const exit = Exit.succeed(response)
  const outcome = call.classifyExit(exit, caller)
  if (outcome._tag === "Success" && hasBody(response) && call.breaker.coordinator?.writesThrough !== true)
    return Effect.succeed(new ResponseInFlight(response, call, caller))
  return call.conclude(exit, caller, outcome)
}

// By RFC 9110, 6.4.1, these responses have no content, whatever their headers are.
const hasBody = ({ request, status }: Response): boolean =>
  request.method !== "HEAD" && status !== 204 && status !== 304

/**
 * A response whose body is part of its call, which is settled when the first read of the body ends.
 *
 * The consumer of a stream determines how fast it is read, so the first bytes end the time that is measured. They also
 * settle a probe: the stream may last longer than `probeTimeout`, and its consumer may call the same circuit.
 */
class ResponseInFlight extends Inspectable.Class implements Response, UnsettledCall {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly call: RunningCall
  private readonly original: Response
  /** The fiber that made the request. */
  private readonly caller: Caller
  /** When the headers arrived, if the policy measures durations. */
  private readonly arrivedAt: number | undefined
  private isSettled = false
  private isRead = false

  constructor(original: Response, call: RunningCall, caller: Caller) {
    super()
    this.original = original
    this.call = call
    this.caller = caller
    this.arrivedAt = call.breaker.policy.measuresElapsed ? call.breaker.now(caller) : undefined
    unsettledCallsOf(call.breaker).add(this)
  }

  /** Settles the call by its headers, which may have arrived long before, if the program has kept the thread busy. */
  settle(): void {
    this.call.answeredAt ??= this.arrivedAt
    this.succeed(this.caller)
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
    return this.read(() => this.original.text)
  }

  get json(): Effect.Effect<unknown, ResponseError> {
    return this.read(() => this.original.json)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return this.read(() => this.original.urlParamsBody)
  }

  get formData(): Effect.Effect<FormData, ResponseError> {
    return this.read(() => this.original.formData)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, ResponseError> {
    return this.read(() => this.original.arrayBuffer)
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.suspend(() =>
      this.isFirstRead() ? this.observed(this.original.stream) : this.original.stream
    )
  }

  toJSON(): unknown {
    return this.original.toJSON()
  }

  private observed(body: Stream.Stream<Uint8Array, ResponseError>): Stream.Stream<Uint8Array, ResponseError> {
    return body.pipe(
      Stream.mapChunksEffect((chunk) =>
        Effect.as(
          now((caller) => this.call.answered(Outcome.success, Exit.void, caller)),
          chunk
        )
      ),
      // Only failures of the body itself count; a consumer that fails or stops early is no failure of the dependency.
      Stream.tapErrorCause((cause) => now((caller) => this.fail(cause, caller))),
      Stream.ensuringWith((exit) =>
        now((caller) =>
          // A consumer that is interrupted after the first bytes has received a part of the body, which is a success.
          isInterruption(exit) && this.call.answeredAt === undefined
            ? this.fail(exit.cause, caller)
            : this.succeed(caller)
        )
      )
    )
  }

  private read<A>(body: () => Effect.Effect<A, ResponseError>): Effect.Effect<A, ResponseError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime((caller) => {
        if (!this.isFirstRead()) return restore(body())
        return Effect.matchCauseEffect(restore(body()), {
          onFailure: (cause) => {
            this.fail(cause, caller)
            return Effect.failCause(cause)
          },
          onSuccess: (value) => {
            this.succeed(caller)
            return Effect.succeed(value)
          }
        })
      })
    )
  }

  /**
   * Begins a read, and answers whether it is the first, which settles the call. A later one may fail only because some
   * clients allow one reader at a time, while the first is still running.
   */
  private isFirstRead(): boolean {
    const isFirst = !this.isRead
    this.isRead = true
    if (isFirst) unsettledCallsOf(this.call.breaker).takeBack(this)
    return isFirst
  }

  /** Settles the call as a success without the classifier, which has classified the headers as one already. */
  private succeed(caller: Caller): void {
    if (this.isSettled) return
    this.isSettled = true
    this.call.settle(Outcome.success, Exit.void, caller)
  }

  private fail(cause: Cause.Cause<ResponseError>, caller: Caller): void {
    if (this.isSettled) return
    this.isSettled = true
    this.call.settleExit(Exit.failCause(cause), caller)
  }
}

const now = (step: (caller: Caller) => void): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => Effect.succeed(step(caller)))

const isInterruption = (exit: Exit.Exit<unknown, unknown>): exit is Exit.Failure<never, never> =>
  Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
