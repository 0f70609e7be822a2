import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import { begin, settleOnce } from "./admit.ts"
import type { Breaker } from "./breaker.ts"
import type { RunningCall } from "./call.ts"
import { answered, judge, runningCall, settle } from "./call.ts"
import type { Caller } from "../fiber/caller.ts"

/**
 * A call that lasts as long as a stream. Its first chunk ends what counts as time, and settles a probe: a stream may go
 * on for longer than a probe holds its slot.
 *
 * @internal
 */
export const protectStream = <A, E, R>(
  breaker: Breaker,
  stream: Stream.Stream<A, E, R>,
  key: string | undefined
): Stream.Stream<A, E | CircuitOpenError, R> =>
  Stream.unwrapScoped(
    Effect.flatMap(begin(breaker, key), (call) =>
      call === undefined
        ? Effect.succeed(stream)
        : // What the stream itself calls on the same circuit is part of the call.
          Effect.as(Effect.locallyScoped(runningCall, call), counted(stream, call))
    )
  )

const counted = <A, E, R>(stream: Stream.Stream<A, E, R>, call: RunningCall): Stream.Stream<A, E, R> =>
  stream.pipe(
    Stream.tapErrorCause((cause) => now((caller) => fail(call, cause, caller))),
    Stream.onEnd(now((caller) => settleOnce(call, Outcome.success, Exit.void, caller))),
    Stream.mapChunksEffect((chunk) =>
      Effect.as(
        now((caller) => arrive(call, chunk, caller)),
        chunk
      )
    ),
    // A consumer that leaves early; one that got nothing gives the slot back with the scope.
    Stream.ensuring(
      now((caller) => {
        if (call.endedAt !== undefined) settleOnce(call, Outcome.success, Exit.void, caller)
      })
    )
  )

const now = (step: (caller: Caller) => void): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => Effect.succeed(step(caller)))

const arrive = (call: RunningCall, chunk: Chunk.Chunk<unknown>, caller: Caller): void => {
  if (chunk.length > 0) answered(call, Outcome.success, Exit.void, caller)
}

const fail = (call: RunningCall, cause: Cause.Cause<unknown>, caller: Caller): void => {
  if (Cause.isInterruptedOnly(cause)) return
  const exit = Exit.failCause(cause)
  const outcome = judge(call, call.breaker.settings.classify, exit, caller)
  if (call.isOn) settleOnce(call, outcome, exit, caller)
  else if (outcome._tag === "Failure") settle(call, outcome, exit, caller)
}
