import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * What the end of an interrupted fiber tells of a call that it was running: the interruption, and the defects that came
 * with it. A server of the platform hands its answer on as a defect, which is none of the call's.
 *
 * @internal
 */
export const interruptionOf = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<never> => {
  const own = exit._tag === "Success" ? Option.none() : Cause.stripSomeDefects(exit.cause, serverResponse)
  return Exit.failCause(Cause.stripFailures(Option.getOrElse(own, () => Cause.interrupt(FiberId.none))))
}

const serverResponse = (defect: unknown): Option.Option<unknown> =>
  Predicate.hasProperty(defect, Symbol.for("@effect/platform/HttpServerResponse"))
    ? Option.some(defect)
    : Option.none()
