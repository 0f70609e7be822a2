import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Tracer from "effect/Tracer"

/**
 * The fiber that makes a call: it provides the clock, the span and the loggers.
 *
 * @internal
 */
export type Caller = Fiber.RuntimeFiber<unknown, unknown>

/** @internal */
export const clockOf = (caller: Caller): Clock.Clock =>
  // Always there, and asked for on every timed call: one look-up is enough.
  caller.currentDefaultServices.unsafeMap.get(Clock.Clock.key)

/**
 * Runs an effect that never waits, in the caller's surroundings but in one step with what the caller is doing: no
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

/**
 * Sets an attribute of a span. A tracer that throws affects nobody.
 *
 * @internal
 */
export const setSpanAttribute = (span: Tracer.Span, name: string, value: unknown): void => {
  try {
    span.attribute(name, value)
  } catch {
    // The call goes on: what its tracer makes of it is not its concern.
  }
}

/**
 * Adds an event to the caller's span, if one is open. A tracer that throws affects nobody.
 *
 * @internal
 */
export const addSpanEvent = (caller: Caller, name: string, attributes: Record<string, unknown>): void => {
  const span = caller.currentSpan
  if (span === undefined || span._tag !== "Span") return
  try {
    span.event(name, clockOf(caller).unsafeCurrentTimeNanos(), attributes)
  } catch {
    // The call goes on: what its tracer makes of it is not its concern.
  }
}
