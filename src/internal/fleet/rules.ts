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
 * How old a count may be, in milliseconds, so that most of it still is in a window that goes by time.
 *
 * @internal
 */
export const staleAfter = (policy: PolicyData): number => {
  switch (policy._tag) {
    case "FailureCount":
      return policy.withinMillis / 4
    case "FailureRate":
    case "SlowCallRate":
      return policy.window._tag === "Time" ? policy.window.withinMillis / 4 : Infinity
    case "AnyOf":
      return Math.min(...policy.policies.map(staleAfter))
    case "Consecutive":
    case "Custom":
      return Infinity
  }
}
