import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import type { Caller } from "../fiber/caller.ts"
import { interrupted } from "../fiber/interruption.ts"
import { beginScoped } from "./admit.ts"
import type { Request } from "./begin.ts"
import type { RunningCall } from "./call.ts"
import { enterCall } from "./nesting.ts"

/**
 * Runs a stream as one call. The first chunk ends the duration that a slow-call policy measures, and settles a probe,
 * because a stream may last longer than a probe may hold its slot.
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
        : // Nested calls of the stream on the same circuit are part of the call.
          Effect.as(enterCall(call), settling(stream, call))
    )
  )

/** Makes a stream settle a call by its chunks and its end. */
const settling = <A, E, R>(stream: Stream.Stream<A, E, R>, call: RunningCall): Stream.Stream<A, E, R> =>
  Stream.ensuring(
    Stream.fromChannel(Channel.pipeTo(Stream.toChannel(stream), observing<A, E>(call))),
    // A consumer that leaves after the first chunk has received something. One that leaves before it, as after a
    // timeout, interrupts the dependency.
    step((caller) =>
      call.answeredAt === undefined
        ? call.settleOnce(Outcome.ignored, interrupted, caller)
        : call.settleOnce(Outcome.success, Exit.void, caller)
    )
  )

/** Passes on the chunks and the end of a stream. `Stream.onEnd` would lose defects of the stream's finalizers. */
const observing = <A, E>(call: RunningCall): Observing<A, E> => {
  const passOn: Observing<A, E> = Channel.readWithCause({
    onInput: (chunk: Chunk.Chunk<A>) =>
      Channel.fromEffect(step((caller) => chunkArrived(call, chunk, caller))).pipe(
        Channel.zipRight(Channel.write(chunk)),
        Channel.zipRight(Channel.suspend(() => passOn))
      ),
    onFailure: (cause: Cause.Cause<E>) =>
      Channel.zipRight(
        Channel.fromEffect(step((caller) => fail(call, cause, caller))),
        Channel.failCause(cause)
      ),
    onDone: () => Channel.fromEffect(step((caller) => call.settleOnce(Outcome.success, Exit.void, caller)))
  })
  return passOn
}

type Observing<A, E> = Channel.Channel<Chunk.Chunk<A>, Chunk.Chunk<A>, E, E, unknown, unknown>

const step = (f: (caller: Caller) => Effect.Effect<void> | undefined): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => f(caller) ?? Effect.void)

const chunkArrived = (call: RunningCall, chunk: Chunk.Chunk<unknown>, caller: Caller): undefined => {
  if (chunk.length > 0) call.answered(Outcome.success, Exit.void, caller)
}

const fail = (
  call: RunningCall,
  cause: Cause.Cause<unknown>,
  caller: Caller
): Effect.Effect<void> | undefined => {
  if (Cause.isInterruptedOnly(cause)) return undefined
  const exit = Exit.failCause(cause)
  const outcome = call.classifyExit(exit, caller)
  // A stream whose first chunk has settled the probe can still fail.
  return call.isRunning || outcome._tag === "Failure" ? call.settle(outcome, exit, caller) : undefined
}
