import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Breaker } from "../breaker/breaker.ts"
import { RunningCall } from "../breaker/call.ts"
import type { Caller } from "./caller.ts"
import type { Held } from "../breaker/circuits.ts"
import { interruptionOf } from "./interruption.ts"

/**
 * A call that runs without a mask. It is its own frame on the stack of its fiber, as `Effect.matchCauseEffect` would put
 * one there: that saves two steps of the run loop and most of what a healthy call allocates.
 *
 * This is the edge to Effect's run loop: `pushStack` and the fields of a frame are not its public interface. A test
 * holds them for the oldest and the newest Effect that this library works with.
 *
 * @internal
 */
export abstract class UnmaskedCall<A, E> extends RunningCall {
  declare readonly _op: "OnSuccessAndFailure"
  readonly caller: Caller
  /** The next call further out that runs without a mask in the same fiber. */
  below: UnmaskedCall<unknown, unknown> | undefined = undefined
  private readonly watch: Watch

  constructor(breaker: Breaker, held: Held, startedAt: number, caller: Caller) {
    super(breaker, held, held.current.generation, startedAt)
    this.caller = caller
    this.watch = watchOf(caller)
    this.watch.enter(this as UnmaskedCall<unknown, unknown>)
  }

  /** Settles the call, and answers what its caller gets. */
  protected abstract conclude(exit: Exit.Exit<A, E>): Exit.Exit<A, E>
  protected abstract succeed(value: A): Exit.Exit<A, E>
  /** Settles the call of a fiber that was interrupted. */
  abstract interrupted(exit: Exit.Exit<never>): void

  run<R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    ;(this.caller as unknown as { readonly pushStack: (frame: object) => void }).pushStack(this)
    return effect
  }

  effect_instruction_i1(cause: Cause.Cause<E>): Exit.Exit<A, E> {
    this.watch.leave(this as UnmaskedCall<unknown, unknown>)
    return this.conclude(Exit.failCause(cause))
  }

  effect_instruction_i2(value: A): Exit.Exit<A, E> {
    this.watch.leave(this as UnmaskedCall<unknown, unknown>)
    return this.succeed(value)
  }
}

// On the prototype: the run loop reads it, and no call needs one of its own.
Object.defineProperty(UnmaskedCall.prototype, "_op", { value: "OnSuccessAndFailure" })

/**
 * Watches the end of a fiber on behalf of the calls that it runs without a mask: an interrupted fiber passes by the
 * handlers of its interruptible regions, so only its end tells of the interruption.
 */
class Watch {
  readonly caller: Caller
  /** Kept for the fiber's next call. */
  isKept = true
  private innermost: UnmaskedCall<unknown, unknown> | undefined = undefined

  constructor(caller: Caller) {
    this.caller = caller
    caller.addObserver(this.onEnd)
  }

  enter(call: UnmaskedCall<unknown, unknown>): void {
    call.below = this.innermost
    this.innermost = call
  }

  leave(call: UnmaskedCall<unknown, unknown>): void {
    if (this.innermost === call) this.innermost = call.below
    else this.removeFromWithin(call)
    if (!this.isKept && this.innermost === undefined) this.caller.removeObserver(this.onEnd)
  }

  /** Another fiber makes calls now: this one is watched only for as long as its calls run. */
  release(): void {
    this.isKept = false
    if (this.innermost === undefined) this.caller.removeObserver(this.onEnd)
  }

  // The calls inside of it were interrupted, in a region that the call itself is not part of.
  private removeFromWithin(call: UnmaskedCall<unknown, unknown>): void {
    let above = this.innermost
    while (above !== undefined && above.below !== call) above = above.below
    if (above !== undefined) above.below = call.below
  }

  private readonly onEnd = (exit: Exit.Exit<unknown, unknown>): void => {
    if (latest === this) latest = undefined
    const interruption = interruptionOf(exit)
    for (let call = this.innermost; call !== undefined; call = call.below) call.interrupted(interruption)
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
