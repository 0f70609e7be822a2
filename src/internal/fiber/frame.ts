import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Caller } from "./caller.ts"

/**
 * The edge to Effect's run loop: a frame on the stack of the fiber that makes a call, like the one that
 * `Effect.matchCauseEffect` pushes. A call that is its own frame saves two steps of the run loop and most allocations.
 *
 * `pushStack` and the fields of a frame are private to Effect. A test checks them with the oldest and the newest
 * version of Effect that this library supports.
 *
 * @internal
 */
export abstract class Frame {
  declare readonly _op: "OnSuccessAndFailure"
  /** The next outer frame of the same fiber. */
  outerFrame: Frame | undefined = undefined
  private watch: Watch | undefined = undefined

  /** Handles the effect's success, and returns the exit that takes its place. */
  protected abstract onSuccess(value: unknown, caller: Caller): Exit.Exit<unknown, unknown>
  /** Handles the effect's failure, and returns the exit that takes its place. */
  protected abstract onFailure(cause: Cause.Cause<unknown>, caller: Caller): Exit.Exit<unknown, unknown>
  /** Handles the end of a fiber that was interrupted within the effect. */
  abstract onInterrupted(exit: Exit.Exit<unknown, unknown>, caller: Caller): void

  /** Runs an effect in the caller's fiber within this frame, without a mask. */
  run<A, E, R>(effect: Effect.Effect<A, E, R>, caller: Caller): Effect.Effect<A, E, R> {
    this.watch = watchOf(caller)
    this.watch.enter(this)
    // The type of a fiber leaves this method out.
    ;(caller as unknown as { readonly pushStack: (frame: object) => void }).pushStack(this)
    return effect
  }

  effect_instruction_i1(cause: Cause.Cause<unknown>): Exit.Exit<unknown, unknown> {
    return this.onFailure(cause, this.leave())
  }

  effect_instruction_i2(value: unknown): Exit.Exit<unknown, unknown> {
    return this.onSuccess(value, this.leave())
  }

  private leave(): Caller {
    // `run` has set it, because the run loop returns only to frames that were pushed.
    const watch = this.watch!
    watch.leave(this)
    return watch.caller
  }
}

// The run loop reads it from every frame, so it is on the prototype.
Object.defineProperty(Frame.prototype, "_op", { value: "OnSuccessAndFailure" })

/**
 * Watches the end of a fiber on behalf of the frames on its stack. An interrupted fiber skips the handlers of its
 * interruptible regions, so these frames learn of the interruption only from the end of the fiber.
 */
class Watch {
  readonly caller: Caller
  /** Whether the watch stays registered between the fiber's calls. */
  isKept = true
  private innermost: Frame | undefined = undefined

  constructor(caller: Caller) {
    this.caller = caller
    caller.addObserver(this.onEnd)
  }

  enter(frame: Frame): void {
    frame.outerFrame = this.innermost
    this.innermost = frame
  }

  leave(frame: Frame): void {
    if (this.innermost === frame) this.innermost = frame.outerFrame
    else this.removeFromWithin(frame)
    if (!this.isKept && this.innermost === undefined) this.caller.removeObserver(this.onEnd)
  }

  /** Watches the fiber only until its running calls end, because another fiber makes calls now. */
  release(): void {
    this.isKept = false
    if (this.innermost === undefined) this.caller.removeObserver(this.onEnd)
  }

  // Inner frames remain on the stack if they were interrupted in a region that this frame is not part of.
  private removeFromWithin(frame: Frame): void {
    let above = this.innermost
    while (above !== undefined && above.outerFrame !== frame) above = above.outerFrame
    if (above !== undefined) above.outerFrame = frame.outerFrame
  }

  private readonly onEnd = (exit: Exit.Exit<unknown, unknown>): void => {
    if (latest === this) latest = undefined
    for (let frame = this.innermost; frame !== undefined; frame = frame.outerFrame)
      frame.onInterrupted(exit, this.caller)
  }
}

/** The watch of the fiber that made the latest call, kept because most fibers make several calls in a row. */
let latest: Watch | undefined = undefined

const watchOf = (caller: Caller): Watch => {
  if (latest?.caller === caller) return latest
  latest?.release()
  latest = new Watch(caller)
  return latest
}
