/**
 * The ways a call can end: the exit the effect gives, what the classifiers say of it, and the verdict
 * that the model expects from the two.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { CircuitOpenError, Outcome } from "effect-circuit-breaker"
import type { Verdict } from "./ModelCircuit.ts"

export type Ending =
  | { readonly _tag: "Success" }
  | { readonly _tag: "BadValue" }
  | { readonly _tag: "Failure" }
  | { readonly _tag: "Hint"; readonly millis: number }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Defect" }
  | { readonly _tag: "ClassifyThrows"; readonly succeeds: boolean }
  | { readonly _tag: "InterruptsItself" }
  /** By a circuit of the same names in another process. */
  | { readonly _tag: "SameNameRejection" }
  | { readonly _tag: "OtherRejection" }
  /** From outside, while the effect runs; `dies` if its finalizer does. */
  | { readonly _tag: "Interrupted"; readonly dies: boolean }

/** Who classifies: `Outcome.fromExit`, the breaker's `classify` below, or the call's own, to which all is well. */
export type Classifier = "default" | "breaker" | "call"

/** The value, error or defect of a call, recognisable wherever it turns up. */
export class Token {
  readonly ending: Ending
  readonly serial: number

  constructor(ending: Ending, serial: number) {
    this.ending = ending
    this.serial = serial
  }
}

export const exitOf = (token: Token, breaker: string, key: string): Exit.Exit<Token, unknown> => {
  switch (token.ending._tag) {
    case "Success":
    case "BadValue":
      return Exit.succeed(token)
    case "ClassifyThrows":
      return token.ending.succeeds ? Exit.succeed(token) : Exit.fail(token)
    case "Defect":
      return Exit.die(token)
    case "InterruptsItself":
      return Exit.interrupt(FiberId.none)
    case "SameNameRejection":
    case "OtherRejection": {
      const circuit = token.ending._tag === "SameNameRejection" ? key : `not ${key}`
      return Exit.fail(
        new CircuitOpenError({ breaker, key: circuit, state: "Open", retryAfter: Duration.seconds(1) })
      )
    }
    case "Interrupted":
    case "Failure":
    case "Hint":
    case "Ignored":
      return Exit.fail(token)
  }
}

export const classifyAsBreaker = (exit: Exit.Exit<unknown, unknown>): Outcome.Outcome => {
  const payload = Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)
  const ending = payload instanceof Token ? payload.ending : undefined
  switch (ending?._tag) {
    case "BadValue":
      return Outcome.failure()
    case "Hint":
      return Outcome.failure({ retryAfter: ending.millis })
    case "Ignored":
      return Outcome.ignored
    case "ClassifyThrows":
      throw new Error("a classifier's own fault")
    default:
      return Outcome.fromExit(exit)
  }
}

export const classifyAsCall = (): Outcome.Outcome => Outcome.success

export const verdictOf = (token: Token, classifier: Classifier, key: string): Verdict => {
  const ending = token.ending
  if (ending._tag === "InterruptsItself" || (ending._tag === "Interrupted" && !ending.dies)) {
    return { _tag: "Interrupted" }
  }
  if (classifier === "call") {
    return { _tag: "Success" }
  }
  if (classifier === "breaker") {
    switch (ending._tag) {
      case "BadValue":
        return { _tag: "Failure" }
      case "Hint":
        return { _tag: "Failure", retryAfter: ending.millis, cause: describe(token) }
      case "Ignored":
      case "ClassifyThrows":
        return { _tag: "Ignored" }
    }
  }
  switch (ending._tag) {
    case "Success":
    case "BadValue":
      return { _tag: "Success" }
    case "ClassifyThrows":
      return ending.succeeds ? { _tag: "Success" } : { _tag: "Failure", cause: describe(token) }
    case "SameNameRejection":
      return { _tag: "Failure", cause: `rejected by ${key}` }
    case "OtherRejection":
      return { _tag: "Failure", cause: `rejected by not ${key}` }
    default:
      return { _tag: "Failure", cause: describe(token) }
  }
}

/** A cause in the words of the verdict that it leads to. */
export const describeCause = (cause: Cause.Cause<unknown>): string => {
  const payloads = [...Cause.failures(cause), ...Cause.defects(cause)]
  return payloads.map(describe).join(" and ")
}

const describe = (payload: unknown): string => {
  if (payload instanceof Token) return `${payload.ending._tag} ${payload.serial}`
  if (payload instanceof CircuitOpenError) return `rejected by ${payload.key}`
  return String(payload)
}
