import type * as Exit from "effect/Exit"
import type { Failure } from "../../Outcome.ts"

/**
 * A call that was judged a failure `at` epoch milliseconds. Its exit may be a success that the classifier counts as a
 * failure; a classifier can describe such a value in a line of text.
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
 * Adds a line of text for the log to a failure. The outcome stays equal to one without a text.
 *
 * @internal
 */
export const describedFailure = (failure: Failure, description: () => string): Failure =>
  Object.defineProperty({ ...failure }, descriptionKey, { value: description })

/**
 * The line of text of a failure, if its classifier has added one.
 *
 * @internal
 */
export const descriptionOf = (outcome: Failure): string | undefined => {
  const description: unknown = (outcome as { readonly [descriptionKey]?: unknown })[descriptionKey]
  if (typeof description !== "function") return undefined
  try {
    return String(description())
  } catch {
    // The description is only a text for the log.
    return undefined
  }
}
