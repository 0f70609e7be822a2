import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * What the end of an interrupted fiber says of a call that it was running: the interruption and the defects that came
 * with it, such as one of the call's own finalizer.
 *
 * @internal
 */
export const interruptionOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<never> => {
  const own = exit._tag === "Success" ? Option.none() : Cause.stripSomeDefects(exit.cause, handedOn)
  return Exit.failCause(Cause.stripFailures(Option.getOrElse(own, () => Cause.interrupt(FiberId.none))))
}

/** A defect that is an effect and no error is a value handed on to an outer layer, as servers do with a response. */
const handedOn = (defect: unknown): Option.Option<unknown> =>
  Predicate.hasProperty(defect, Effect.EffectTypeId) && !(defect instanceof Error)
    ? Option.some(defect)
    : Option.none()
