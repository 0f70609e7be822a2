import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Outcome from "../../Outcome.ts"
import { withoutRejections } from "../circuitOpenError.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

interface Classifier {
  judge(exit: Exit.Exit<unknown, unknown>): Outcome.Outcome
}

/**
 * Judges the exit of the effect that it was given with. The type is that of a method, so that it fits an effect of any
 * type.
 *
 * @internal
 */
export type Classify = Classifier["judge"]

/**
 * The verdict on an exit. An exit that is only interruption is Ignored without asking the classifier. So is a call that
 * failed with the circuit's own rejection, which nested use of the circuit hands on: it says nothing about the dependency.
 * A classifier that throws makes `onDefect` of it, and the call Ignored.
 *
 * @internal
 */
export const judge = (
  entry: CircuitEntry,
  classify: Classify,
  exit: Exit.Exit<unknown, unknown>,
  onDefect: (defect: unknown) => void
): Outcome.Outcome => {
  let judged = exit
  if (exit._tag === "Failure") {
    if (Cause.isInterruptedOnly(exit.cause)) return Outcome.ignored
    const cause = withoutRejections(entry, exit.cause)
    if (cause === undefined) return Outcome.ignored
    if (cause !== exit.cause) judged = Exit.failCause(cause)
  }
  try {
    return checked(classify(judged))
  } catch (defect) {
    onDefect(defect)
    return Outcome.ignored
  }
}

const checked = (outcome: Outcome.Outcome): Outcome.Outcome => {
  // A classifier may be written in JavaScript.
  switch (outcome._tag) {
    case "Success":
    case "Failure":
    case "Ignored":
      return outcome
    default:
      throw new TypeError(`classify must return an Outcome, received ${String(outcome)}`)
  }
}
