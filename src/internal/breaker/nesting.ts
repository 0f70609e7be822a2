import * as Effect from "effect/Effect"
import type * as FiberRef from "effect/FiberRef"
import type * as Scope from "effect/Scope"
import type { Caller } from "../fiber/caller.ts"
import * as Inherited from "../fiber/inherited.ts"
import type { RunningCall } from "./call.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * The innermost call that a fiber is part of, so that nested calls on the same circuit are part of it.
 *
 * @internal
 */
export const runningCall: FiberRef.FiberRef<RunningCall | undefined> = Inherited.unsafeMake<RunningCall>()

/**
 * Makes the fiber part of a call until the scope closes.
 *
 * @internal
 */
export const enterCall = (call: RunningCall): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(Inherited.replace(runningCall, call), leaveTo))

/**
 * Runs an effect as part of a call, so that nested calls on the same circuit need no admission of their own. A Closed
 * circuit admits nested calls anyway.
 *
 * @internal
 */
export const within = <A, E, R>(call: RunningCall, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  call.entry.current._tag === "Closed"
    ? effect
    : Effect.acquireUseRelease(Inherited.replace(runningCall, call), () => effect, leaveTo)

/** Makes the fiber part of the call again that it was part of before, unless that has ended. */
const leaveTo = (outer: RunningCall | undefined) => Inherited.replace(runningCall, innermostRunning(outer))

/**
 * The innermost running call that a fiber is part of.
 *
 * @internal
 */
export const callOf = (caller: Caller): RunningCall | undefined =>
  innermostRunning(caller.getFiberRef(runningCall))

/**
 * Skips settled calls, because a fiber that outlives its calls and makes new ones would otherwise retain all of them.
 */
const innermostRunning = (innermost: RunningCall | undefined): RunningCall | undefined => {
  let call = innermost
  while (call !== undefined && !call.isRunning) call = call.outer
  return call
}

/**
 * Whether a fiber is part of a running call that this circuit admitted while HalfOpen or Recovering. A nested call must
 * not be rejected then, because the outer call, which may be the probe, could never succeed.
 *
 * @internal
 */
export const isWithinCall = (entry: CircuitEntry, caller: Caller, now: number): boolean => {
  const circuit = entry.current
  if (circuit._tag === "HalfOpen" ? circuit.slots.count === 0 : circuit._tag !== "Recovering") return false
  for (let call = callOf(caller); call !== undefined; call = call.outer) {
    if (call.isRunning && call.entry === entry && call.stillCounts(now)) return true
  }
  return false
}
