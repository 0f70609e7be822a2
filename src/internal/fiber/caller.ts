import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/**
 * The edge to Effect's fibers: the fiber that makes a call provides the clock, the span and the loggers.
 *
 * @internal
 */
export type Caller = Fiber.RuntimeFiber<unknown, unknown>

/** @internal */
export const clockOf = (caller: Caller): Clock.Clock =>
  // Every fiber has a clock, and every timed call asks for it: one look-up is enough.
  caller.currentDefaultServices.unsafeMap.get(Clock.Clock.key)

/**
 * The time of a clock that never runs backwards, in whole microseconds: as a number, nanoseconds would not be exact.
 *
 * @internal
 */
export const monotonicMicros = (caller: Caller): number =>
  Math.round(Number(clockOf(caller).unsafeCurrentTimeNanos()) / 1e3)

/** @internal */
export const epochMillis = (caller: Caller): number => clockOf(caller).unsafeCurrentTimeMillis()

/**
 * Runs an effect that never waits, with the caller's services but in one step with what the caller is doing: no
 * interruption and no other fiber comes between.
 *
 * @internal
 */
export const runNow = <A>(caller: Caller, effect: Effect.Effect<A>): Exit.Exit<A> => {
  const runtime = Runtime.make({
    context: caller.currentContext,
    runtimeFlags: Runtime.defaultRuntimeFlags,
    fiberRefs: caller.getFiberRefs()
  })
  // As an exit, because a fiber that fails is logged, and the logger may be what throws.
  return Exit.flatten(Runtime.runSyncExit(runtime)(Effect.exit(effect)))
}
