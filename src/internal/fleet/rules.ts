import type { PolicyData } from "../core/policy.ts"
import type { SharedPolicy } from "../core/share.ts"

/**
 * What the nodes have to go by in common, and the text by which they know that they do.
 *
 * @internal
 */
export interface Rules {
  readonly policy: SharedPolicy<unknown>
  readonly name: string
}

/**
 * The shortest window of a policy that goes by time, in milliseconds; infinite where none does.
 *
 * @internal
 */
export const shortestSpanOf = (policy: PolicyData): number => Math.min(Infinity, ...spansOf(policy))

/**
 * The longest one that ends; zero where none does.
 *
 * @internal
 */
export const spanOf = (policy: PolicyData): number => Math.max(0, ...spansOf(policy).filter(Number.isFinite))

const spansOf = (policy: PolicyData): ReadonlyArray<number> => {
  switch (policy._tag) {
    case "FailureCount":
      return [policy.withinMillis]
    case "FailureRate":
    case "SlowCallRate":
      return policy.window._tag === "Time" ? [policy.window.withinMillis] : []
    case "AnyOf":
    case "AllOf":
      return policy.policies.flatMap(spansOf)
    case "Consecutive":
    case "Custom":
      return []
  }
}
