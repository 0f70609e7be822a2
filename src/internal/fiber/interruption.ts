import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * The edge to Effect's causes: the exit of a call whose fiber was interrupted and has ended. It has the interruption,
 * and the defects that came with it, such as that of a finalizer of the call.
 *
 * @internal
 */
export const interruptionOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<never> => {
  const own = exit._tag === "Success" ? Option.none() : Cause.stripSomeDefects(exit.cause, transferredValue)
  return Exit.failCause(Cause.stripFailures(Option.getOrElse(own, () => Cause.interrupt(FiberId.none))))
}

/**
 * Whether a defect is a value that a server passes to an outer layer, such as a response. Such a defect is an effect
 * and not an error, and does not count as a defect of the call.
 */
const transferredValue = (defect: unknown): Option.Option<unknown> =>
  Predicate.hasProperty(defect, Effect.EffectTypeId) && !(defect instanceof Error)
    ? Option.some(defect)
    : Option.none()

/**
 * The exit of an effect that was interrupted.
 *
 * @internal
 */
export const interrupted: Exit.Exit<never> = Exit.interrupt(FiberId.none)
