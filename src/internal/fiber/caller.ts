import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/**
 * The fiber that makes a call or uses a control, with its clock, its span and its loggers. This file is the edge to Effect's
 * fibers.
 *
 * @internal
 */
export type Caller = Fiber.RuntimeFiber<unknown, unknown>

/**
 * Makes an effect interruptible again within a region that is not.
 *
 * @internal
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * The clock of a fiber.
 *
 * @internal
 */
export const clockOf = (caller: Caller): Clock.Clock =>
  // The map is read directly, because every timed call reads the clock, and every fiber has one.
  caller.currentDefaultServices.unsafeMap.get(Clock.Clock.key)

/**
 * The monotonic time in whole microseconds. A number could not hold nanoseconds exactly.
 *
 * @internal
 */
export const monotonicMicros = (caller: Caller): number =>
  Math.round(Number(clockOf(caller).unsafeCurrentTimeNanos()) / 1e3)

/**
 * The wall clock's time in epoch milliseconds.
 *
 * @internal
 */
export const epochMillis = (caller: Caller): number => clockOf(caller).unsafeCurrentTimeMillis()

/**
 * Runs an effect that never waits, with the caller's services, within the caller's current step, so that no
 * interruption and no other fiber can come between.
 *
 * @internal
 */
export const runNow = <A>(caller: Caller, effect: Effect.Effect<A>): Exit.Exit<A> => {
  const runtime = Runtime.make({
    context: caller.currentContext,
    runtimeFlags: Runtime.defaultRuntimeFlags,
    fiberRefs: caller.getFiberRefs()
  })
  // The effect's exit is its value here, because Effect logs a fiber that fails, and the logger may be what failed.
  return Exit.flatten(Runtime.runSyncExit(runtime)(Effect.exit(effect)))
}
