import type { Failure } from "../../Outcome.ts"

const descriptionKey = Symbol.for("effect-circuit-breaker/Outcome/description")

/**
 * A failure with a line of text for the log: what the value was that counts as one. It is the same outcome to everybody
 * who does not ask for the text.
 *
 * @internal
 */
export const describedFailure = (failure: Failure, description: () => string): Failure =>
  Object.defineProperty({ ...failure }, descriptionKey, { value: description })

/** @internal */
export const descriptionOf = (outcome: Failure): string | undefined => {
  const description: unknown = (outcome as { readonly [descriptionKey]?: unknown })[descriptionKey]
  if (typeof description !== "function") return undefined
  try {
    return String(description())
  } catch {
    // It is only a text for the log.
    return undefined
  }
}
