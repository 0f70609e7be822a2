import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import type { Caller } from "../fiber/caller.ts"
import { beginScoped } from "./admit.ts"
import type { Request } from "./begin.ts"
import type { RunningCall } from "./call.ts"
import { runningCall } from "./call.ts"

/**
 * Runs a stream as one call. Its first chunk ends what counts as the call's time, and settles a probe: a stream may go on
 * for longer than a probe holds its slot.
 *
 * @internal
 */
export const protectStream = <A, E, R>(
  request: Request,
  stream: Stream.Stream<A, E, R>
): Stream.Stream<A, E | CircuitOpenError, R> =>
  Stream.unwrapScoped(
    Effect.flatMap(beginScoped(request), (call) =>
      call === undefined
        ? Effect.succeed(stream)
        : // What the stream itself calls on the same circuit is part of the call.
          Effect.as(Effect.locallyScoped(runningCall, call), settledBy(stream, call))
    )
  )

const settledBy = <A, E, R>(stream: Stream.Stream<A, E, R>, call: RunningCall): Stream.Stream<A, E, R> =>
  stream.pipe(
    Stream.tapErrorCause((cause) => step((caller) => fail(call, cause, caller))),
    Stream.onEnd(step((caller) => call.settleOnce(Outcome.success, Exit.void, caller))),
    Stream.mapChunksEffect((chunk) =>
      Effect.as(
        step((caller) => arrive(call, chunk, caller)),
        chunk
      )
    ),
    // A consumer that leaves early has got something; one that got nothing gives the slot back with the scope.
    Stream.ensuring(
      step((caller) =>
        call.answeredAt === undefined ? undefined : call.settleOnce(Outcome.success, Exit.void, caller)
      )
    )
  )

const step = (f: (caller: Caller) => Effect.Effect<void> | undefined): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => f(caller) ?? Effect.void)

const arrive = (call: RunningCall, chunk: Chunk.Chunk<unknown>, caller: Caller): undefined => {
  if (chunk.length > 0) call.answered(Outcome.success, Exit.void, caller)
}

const fail = (
  call: RunningCall,
  cause: Cause.Cause<unknown>,
  caller: Caller
): Effect.Effect<void> | undefined => {
  if (Cause.isInterruptedOnly(cause)) return undefined
  const exit = Exit.failCause(cause)
  const outcome = call.judge(exit, caller)
  // A stream that has settled its probe can still fail.
  return call.isOn || outcome._tag === "Failure" ? call.settle(outcome, exit, caller) : undefined
}
