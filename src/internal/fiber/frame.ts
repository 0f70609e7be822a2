import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Caller } from "./caller.ts"

/**
 * The edge to Effect's run loop: a frame on the stack of the fiber that makes a call, as `Effect.matchCauseEffect` would
 * put one there. Being its own frame saves a call two steps of the run loop and most of what it would allocate.
 *
 * `pushStack` and the fields of a frame are not Effect's public interface. A test holds them for the oldest and the newest
 * Effect that this library works with.
 *
 * @internal
 */
export abstract class Frame {
  declare readonly _op: "OnSuccessAndFailure"
  /** The next frame further out in the same fiber. */
  outerFrame: Frame | undefined = undefined
  private watch: Watch | undefined = undefined

  /** What the effect's success becomes. */
  protected abstract onSuccess(value: unknown, caller: Caller): Exit.Exit<unknown, unknown>
  /** What the effect's failure becomes. */
  protected abstract onFailure(cause: Cause.Cause<unknown>, caller: Caller): Exit.Exit<unknown, unknown>
  /** The fiber was interrupted within the effect, and has ended with `exit`. */
  protected abstract onInterrupted(exit: Exit.Exit<unknown, unknown>, caller: Caller): void

  /** Runs an effect in the caller's fiber within this frame, without a mask. */
  protected push<A, E, R>(effect: Effect.Effect<A, E, R>, caller: Caller): Effect.Effect<A, E, R> {
    this.watch = watchOf(caller)
    this.watch.enter(this)
    // The one method of a fiber that its type does not show.
    ;(caller as unknown as { readonly pushStack: (frame: object) => void }).pushStack(this)
    return effect
  }

  effect_instruction_i1(cause: Cause.Cause<unknown>): Exit.Exit<unknown, unknown> {
    return this.onFailure(cause, this.leave())
  }

  effect_instruction_i2(value: unknown): Exit.Exit<unknown, unknown> {
    return this.onSuccess(value, this.leave())
  }

  /** Called by the watch when the fiber has ended. */
  end(exit: Exit.Exit<unknown, unknown>, caller: Caller): void {
    this.onInterrupted(exit, caller)
  }

  private leave(): Caller {
    // The run loop returns to a frame only after it was pushed.
    const watch = this.watch!
    watch.leave(this)
    return watch.caller
  }
}

// On the prototype: the run loop reads it, and no frame needs one of its own.
Object.defineProperty(Frame.prototype, "_op", { value: "OnSuccessAndFailure" })

/**
 * Watches the end of a fiber for the frames on its stack: an interrupted fiber passes by the handlers of its
 * interruptible regions, so only its end shows them the interruption.
 */
class Watch {
  readonly caller: Caller
  /** Kept for the fiber's next call. */
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

  /** Another fiber makes calls now: this fiber is watched only as long as its calls run. */
  release(): void {
    this.isKept = false
    if (this.innermost === undefined) this.caller.removeObserver(this.onEnd)
  }

  // The frames inside it were interrupted in a region that this frame is not part of.
  private removeFromWithin(frame: Frame): void {
    let above = this.innermost
    while (above !== undefined && above.outerFrame !== frame) above = above.outerFrame
    if (above !== undefined) above.outerFrame = frame.outerFrame
  }

  private readonly onEnd = (exit: Exit.Exit<unknown, unknown>): void => {
    if (latest === this) latest = undefined
    for (let frame = this.innermost; frame !== undefined; frame = frame.outerFrame)
      frame.end(exit, this.caller)
  }
}

/** The watch of the fiber that made the latest call: most fibers make several calls in a row. */
let latest: Watch | undefined = undefined

const watchOf = (caller: Caller): Watch => {
  if (latest?.caller === caller) return latest
  latest?.release()
  latest = new Watch(caller)
  return latest
}
