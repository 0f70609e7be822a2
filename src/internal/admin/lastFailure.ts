import * as Cause from "effect/Cause"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { LastFailure } from "../observe/description.ts"
import { bounded, boundedLines, shortened } from "./text.ts"

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
    return boundedLines(Cause.pretty(firstErrorsOf(exit.cause), { renderErrorCause: true }), longest.cause)
  } catch {
    // An error may be any value, also one that throws when it is read.
    return "a cause that cannot be read"
  }
}

/**
 * The line of a failure in a list: the first line of its cause if causes are exposed, or else its description. Lists are
 * requested often, and printing a cause takes long, so the line of a failure is made once.
 *
 * @internal
 */
export const makeLines = (exposeCauses: boolean): ((failure: LastFailure) => string) => {
  const lines = new WeakMap<LastFailure, string>()
  const make = (failure: LastFailure) => {
    const first = exposeCauses ? causeText(failure)?.split("\n", 1)[0] : undefined
    return first === undefined ? describe(failure) : shortened(first, longest.description)
  }
  return (failure) => {
    const line = lines.get(failure) ?? make(failure)
    lines.set(failure, line)
    return line
  }
}

/** The most errors of a cause that are printed. */
const mostErrors = 20

/**
 * The first errors of a cause. A cause of many fibers may hold thousands, and the time to print them grows with the
 * square of their number. The order of the errors is kept, and nothing else of the structure is visible in the text.
 */
const firstErrorsOf = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  const waiting = [cause]
  const errors: Array<Cause.Cause<unknown>> = []
  for (let next = waiting.pop(); next !== undefined && errors.length < mostErrors; next = waiting.pop()) {
    if (Cause.isParallelType(next) || Cause.isSequentialType(next)) waiting.push(next.right, next.left)
    else if (Cause.isFailType(next) || Cause.isDieType(next)) errors.push(next)
  }
  // Without errors, the fiber was only interrupted.
  return errors.length === 0 ? Cause.interrupt(FiberId.none) : errors.reduce(Cause.parallel)
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
  // A name may be set to anything.
  if (error instanceof Error) return String(error.name) || "Error"
  return error === null ? "null" : `a value of type ${typeof error}`
}
