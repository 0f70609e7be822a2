import * as Duration from "effect/Duration"
import type { Failure } from "../Outcome.ts"

const descriptionKey = Symbol.for("effect-circuit-breaker/Outcome/description")

/**
 * A failure with a line of text for the log: what the value was that counts as one. It is the same outcome to everybody
 * who does not ask for the text.
 *
 * @internal
 */
export const describedFailure = (
  retryAfter: Duration.DurationInput | undefined,
  description: () => string
): Failure =>
  Object.defineProperty(
    retryAfter === undefined
      ? { _tag: "Failure" }
      : { _tag: "Failure", retryAfter: Duration.decode(retryAfter) },
    descriptionKey,
    { value: description }
  ) as Failure

/** @internal */
export const descriptionOf = (outcome: Failure): string | undefined => {
  const description: unknown = (outcome as { readonly [descriptionKey]?: unknown })[descriptionKey]
  return typeof description === "function" ? String(description()) : undefined
}
