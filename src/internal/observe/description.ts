import type * as Exit from "effect/Exit"
import type { Failure } from "../../Outcome.ts"

/**
 * A call that was classified as a failure, at a time in epoch milliseconds. Its exit may be a success whose value was
 * classified as a failure; `description` is the classifier's line of text for such a value.
 *
 * @internal
 */
export interface LastFailure {
  readonly at: number
  readonly exit: Exit.Exit<unknown, unknown>
  readonly description: string | undefined
}

const descriptionKey = Symbol.for("effect-circuit-breaker/Outcome/description")

/**
 * Adds a line of text for the log to a failure. The property is not enumerable, so the outcome stays equal to one
 * without it.
 *
 * @internal
 */
export const describedFailure = (failure: Failure, description: () => string): Failure =>
  Object.defineProperty({ ...failure }, descriptionKey, { value: description })

/**
 * Adds the line of text of one failure, if it has one, to another.
 *
 * @internal
 */
export const copyDescription = (from: Failure, to: Failure): Failure => {
  const description = (from as Described)[descriptionKey]
  return typeof description === "function" ? describedFailure(to, () => String(description())) : to
}

interface Described {
  readonly [descriptionKey]?: unknown
}

/**
 * The line of text that a classifier has added to a failure.
 *
 * @internal
 */
export const descriptionOf = (outcome: Failure): string | undefined => {
  const description = (outcome as Described)[descriptionKey]
  if (typeof description !== "function") return undefined
  try {
    return String(description())
  } catch {
    // The description is only for the log, so its defect must not fail the call.
    return undefined
  }
}
