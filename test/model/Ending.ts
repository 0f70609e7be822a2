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
  | { readonly _tag: "ClassifyThrows"; readonly succeeds: boolean }
  /** From outside, while the effect runs; `dies` if its finalizer does. */
  | { readonly _tag: "Interrupted"; readonly dies: boolean }
  | FailingEnding
  /** With several failures, of fibers beside each other or of one after the other. */
  | { readonly _tag: "Several"; readonly parts: ReadonlyArray<FailingEnding>; readonly inParallel: boolean }

export type FailingEnding =
  | { readonly _tag: "Failure" }
  | { readonly _tag: "Hint"; readonly millis: number }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Defect" }
  | { readonly _tag: "InterruptsItself" }
  /** With the latest rejection by a circuit of its key in this process, which may be another one by now. */
  | { readonly _tag: "OwnRejection"; readonly rejection?: KeptRejection }
  /** By a circuit of the same names in another process. */
  | { readonly _tag: "SameNameRejection" }
  | { readonly _tag: "OtherRejection" }

/** A rejection that is handed on, and whether the circuit of the call that does so has made it. */
export interface KeptRejection {
  readonly error: CircuitOpenError
  readonly isOwn: boolean
}

/**
 * The classifier of a call: `Outcome.fromExit`, the breaker's `classify` below, the call's own, for which every exit is a
 * success, or the owner of a call that was admitted by `admit`.
 */
export type Classifier = "default" | "breaker" | "call" | "its owner"

/** The value, error or defect of a call, recognisable wherever it turns up. */
export class Token {
  readonly ending: Ending
  readonly serial: number

  constructor(ending: Ending, serial: number) {
    this.ending = ending
    this.serial = serial
  }
}

// The exit

export const exitOf = (token: Token, breaker: string, key: string): Exit.Exit<Token, unknown> => {
  const { ending, serial } = token
  switch (ending._tag) {
    case "Success":
    case "BadValue":
      return Exit.succeed(token)
    case "ClassifyThrows":
      return ending.succeeds ? Exit.succeed(token) : Exit.fail(token)
    case "Interrupted":
      return Exit.fail(token)
    case "Several":
      return Exit.failCause(
        ending.parts
          .map((part) => causeOf(part, new Token(part, serial), breaker, key))
          .reduce(ending.inParallel ? Cause.parallel : Cause.sequential)
      )
    default:
      return Exit.failCause(causeOf(ending, token, breaker, key))
  }
}

const causeOf = (ending: FailingEnding, token: Token, breaker: string, key: string): Cause.Cause<unknown> => {
  switch (ending._tag) {
    case "Defect":
      return Cause.die(token)
    case "InterruptsItself":
      return Cause.interrupt(FiberId.none)
    case "OwnRejection":
      return Cause.fail(ending.rejection?.error ?? token)
    case "SameNameRejection":
    case "OtherRejection": {
      const circuit = ending._tag === "SameNameRejection" ? key : `not ${key}`
      return Cause.fail(
        new CircuitOpenError({ breaker, key: circuit, state: "Open", retryAfter: Duration.seconds(1) })
      )
    }
    case "Failure":
    case "Hint":
    case "Ignored":
      return Cause.fail(token)
  }
}

/** An ending with what it hands on, which is known only by the time that a call ends. */
export const withRejection = (ending: Ending, rejection: KeptRejection | undefined): Ending => {
  switch (ending._tag) {
    case "OwnRejection":
      return handedOn(ending, rejection)
    case "Several":
      return { ...ending, parts: ending.parts.map((part) => handedOn(part, rejection)) }
    default:
      return ending
  }
}

const handedOn = (ending: FailingEnding, rejection: KeptRejection | undefined): FailingEnding => {
  if (ending._tag !== "OwnRejection") return ending
  return rejection === undefined ? { _tag: "SameNameRejection" } : { ...ending, rejection }
}

// The outcome

const ignoringTokens = Outcome.ignoreWhen(
  (error) => error instanceof Token && error.ending._tag === "Ignored"
)

export const classifyAsBreaker = (exit: Exit.Exit<unknown, unknown>): Outcome.Outcome => {
  const payloads = Exit.isSuccess(exit) ? [exit.value] : payloadsOf(exit.cause)
  if (payloads.length > 1) return ignoringTokens(exit)
  const ending = payloads[0] instanceof Token ? payloads[0].ending : undefined
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

/** The values that the owner of a call settles it with, in this order: none, or even one that is no outcome. */
export const outcomesTold = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<Outcome.Outcome> =>
  (Exit.isSuccess(exit) ? [exit.value] : payloadsOf(exit.cause)).flatMap((payload) =>
    payload instanceof Token ? outcomesOf(payload.ending) : []
  )

const outcomesOf = (ending: Ending): ReadonlyArray<Outcome.Outcome> => {
  switch (ending._tag) {
    case "Success":
      return [Outcome.success]
    case "BadValue":
    case "Failure":
      return [Outcome.failure()]
    case "Hint":
      return [Outcome.failure({ retryAfter: ending.millis })]
    case "Ignored":
      return [Outcome.ignored]
    case "ClassifyThrows":
      return [{ _tag: "no outcome" } as never]
    default:
      return []
  }
}

// The expectation of the model

export const verdictOf = (token: Token, classifier: Classifier, key: string): Verdict => {
  const { ending } = token
  if (isInterruption(ending)) return { _tag: "Interrupted" }
  if (classifier === "its owner") return verdictOfOwner(ending)
  if (isOwnRejection(ending)) return { _tag: "Ignored" }
  if (ending._tag === "Several") return verdictOfSeveral(token, ending.parts, classifier, key)
  if (classifier === "call") return { _tag: "Success" }
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
    case "OwnRejection":
    case "SameNameRejection":
      return { _tag: "Failure", cause: `rejected by ${key}` }
    case "OtherRejection":
      return { _tag: "Failure", cause: `rejected by not ${key}` }
    default:
      return { _tag: "Failure", cause: describe(token) }
  }
}

const isInterruption = (ending: Ending): boolean => {
  switch (ending._tag) {
    case "InterruptsItself":
      return true
    case "Interrupted":
      return !ending.dies
    case "Several":
      return ending.parts.every(isInterruption)
    default:
      return false
  }
}

const isOwnRejection = (ending: Ending): boolean =>
  ending._tag === "OwnRejection" && ending.rejection?.isOwn === true

/** The worst of them counts; interruptions and rejections of the circuit's own are none of them. */
const verdictOfSeveral = (
  token: Token,
  parts: ReadonlyArray<FailingEnding>,
  classifier: Classifier,
  key: string
): Verdict => {
  const counted = parts.filter((part) => !isInterruption(part) && !isOwnRejection(part))
  if (counted.length === 0) return { _tag: "Ignored" }
  const verdicts = counted.map((part) => verdictOf(new Token(part, token.serial), classifier, key))
  const worst = verdicts.find(({ _tag }) => _tag === "Failure") ?? verdicts[0]!
  if (worst._tag !== "Failure") return worst
  const cause = Exit.match(exitOf(token, "", key), { onFailure: describeCause, onSuccess: describe })
  // A hint is that of a single failure.
  return counted.length === 1 ? { ...worst, cause } : { _tag: "Failure", cause }
}

/** The first that is told counts; where nothing is, the scope closes without a verdict. */
const verdictOfOwner = (ending: Ending): Verdict => {
  const endings = ending._tag === "Several" ? ending.parts : [ending]
  const [outcome] = endings.filter(({ _tag }) => _tag !== "ClassifyThrows").flatMap(outcomesOf)
  if (outcome === undefined) return { _tag: "Ignored" }
  if (outcome._tag !== "Failure") return { _tag: outcome._tag }
  const retryAfter = outcome.retryAfter && Duration.toMillis(outcome.retryAfter)
  return { _tag: "Failure", retryAfter, cause: "" }
}

// In words

const payloadsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> => [
  ...Cause.failures(cause),
  ...Cause.defects(cause)
]

/** A cause in the words of the verdict that it leads to. */
export const describeCause = (cause: Cause.Cause<unknown>): string =>
  payloadsOf(cause).map(describe).join(" and ")

const describe = (payload: unknown): string => {
  if (payload instanceof Token) return `${payload.ending._tag} ${payload.serial}`
  if (payload instanceof CircuitOpenError) return `rejected by ${payload.key}`
  return String(payload)
}
