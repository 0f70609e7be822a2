import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { LastFailure } from "../observe/description.ts"
import { bounded, boundedLines } from "./text.ts"

/** The longest description, and the longest cause, in characters. */
const longest = { description: 300, cause: 4_000 }

/**
 * Describes a failure in a line without the message of the error: by its name, or by the description that an HTTP
 * adapter has made for the log.
 *
 * @internal
 */
export const describe = ({ description, exit }: LastFailure): string =>
  bounded(
    description ??
      (exit._tag === "Success" ? "a value that was classified as a failure" : nameOf(exit.cause)),
    longest.description
  )

/**
 * The whole cause, shortened if it is too long; `null` for a value that was classified as a failure, which may be large
 * or secret.
 *
 * @internal
 */
export const causeText = ({ exit }: LastFailure): string | null => {
  if (exit._tag === "Success" || Cause.isEmpty(exit.cause)) return null
  try {
    return boundedLines(Cause.pretty(exit.cause, { renderErrorCause: true }), longest.cause)
  } catch {
    // An error may be any value, also one that throws when it is read.
    return "a cause that cannot be read"
  }
}

const nameOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isEmpty(cause)) return "settled as a failure by the program"
  try {
    return Option.match(Cause.failureOption(cause), {
      onSome: kindOf,
      onNone: () =>
        Option.match(Cause.dieOption(cause), {
          onSome: (defect) => `defect: ${kindOf(defect)}`,
          onNone: () => "interrupted"
        })
    })
  } catch {
    return "an error that cannot be read"
  }
}

const kindOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  if (error instanceof Error) return String(error.name)
  return error === null ? "null" : `a value of type ${typeof error}`
}
