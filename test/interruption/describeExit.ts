import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Exit from "effect/Exit"

/** An exit in words, without the fibers that were interrupted. */
export const describeExit = (exit: Exit.Exit<unknown, unknown> | null): unknown => {
  if (exit === null) return "none"
  if (Exit.isFailure(exit)) {
    return {
      failures: Chunk.toReadonlyArray(Cause.failures(exit.cause)).map(String),
      defects: Chunk.toReadonlyArray(Cause.defects(exit.cause)).map(String),
      isInterrupted: Cause.isInterrupted(exit.cause)
    }
  }
  return Exit.isExit(exit.value) ? describeExit(exit.value) : exit.value
}
