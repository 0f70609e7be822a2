import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Outcome from "../../Outcome.ts"
import { withoutRejections } from "../circuitOpenError.ts"
import { copyDescription } from "../observe/description.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

interface Classifier {
  classify(exit: Exit.Exit<unknown, unknown>): Outcome.Outcome
}

/**
 * Classifies the exit of a call. It has the type of a method, which is bivariant, so that a classifier for the types of
 * one effect is assignable.
 *
 * @internal
 */
export type Classify = Classifier["classify"]

/**
 * The outcome of a call with this exit. An exit that is only interruption is Ignored without calling the classifier. So
 * is an exit that is only a rejection by the same circuit, which comes from a nested call and says nothing about the
 * dependency. If the classifier throws, `onDefect` receives the defect, and the call is Ignored.
 *
 * @internal
 */
export const classifyExit = (
  entry: CircuitEntry,
  classify: Classify,
  exit: Exit.Exit<unknown, unknown>,
  onDefect: (defect: unknown) => void
): Outcome.Outcome => {
  let counted = exit
  if (exit._tag === "Failure") {
    if (Cause.isInterruptedOnly(exit.cause)) return Outcome.ignored
    const cause = withoutRejections(entry, exit.cause)
    if (cause === undefined) return Outcome.ignored
    if (cause !== exit.cause) counted = Exit.failCause(cause)
  }
  try {
    return checked(classify(counted))
  } catch (defect) {
    onDefect(defect)
    return Outcome.ignored
  }
}

const checked = (outcome: Outcome.Outcome): Outcome.Outcome => {
  const plain = plainOutcome(outcome)
  if (plain === undefined) throw new TypeError(`classify must return an Outcome, received ${String(outcome)}`)
  return plain
}

/**
 * The outcome as a value of this library, or `undefined` if it is none. It is read once, here, because code written in
 * JavaScript may return anything, such as an object whose properties throw or change when they are read.
 *
 * @internal
 */
export const plainOutcome = (outcome: Outcome.Outcome | null | undefined): Outcome.Outcome | undefined => {
  switch (outcome?._tag) {
    case "Success":
      return Outcome.success
    case "Ignored":
      return Outcome.ignored
    case "Failure":
      return plainFailure(outcome)
    default:
      return undefined
  }
}

const plainFailure = (failure: Outcome.Failure): Outcome.Failure => {
  const { retryAfter } = failure
  // A hint that is no duration is no hint.
  const hint = retryAfter === undefined ? Option.none() : Duration.decodeUnknown(retryAfter)
  return copyDescription(failure, Outcome.failure({ retryAfter: Option.getOrUndefined(hint) }))
}
