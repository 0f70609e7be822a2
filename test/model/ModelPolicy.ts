/**
 * Trip policies as plain questions about the full list of outcomes since the window was last emptied.
 * Nothing is ever evicted: every answer is counted again from the beginning, by the definition in DESIGN.md.
 */

export interface RecordedOutcome {
  readonly kind: "Success" | "Failure" | "Interrupted"
  readonly at: number
  readonly elapsed: number
}

/** The outcomes that a rate looks at: by age, or the last so many calls. */
export type RateWindow =
  | { readonly _tag: "Within"; readonly within: number; readonly buckets: number }
  | { readonly _tag: "Calls"; readonly calls: number }

export type ModelPolicy =
  | { readonly _tag: "Consecutive"; readonly failures: number }
  | { readonly _tag: "FailureCount"; readonly failures: number; readonly within: number }
  | {
      readonly _tag: "FailureRate"
      readonly window: RateWindow
      readonly threshold: number
      readonly minimumCalls: number
      readonly minimumFailures: number
    }
  | {
      readonly _tag: "SlowCallRate"
      readonly window: RateWindow
      readonly threshold: number
      readonly minimumCalls: number
      readonly slowerThan: number
    }
  | { readonly _tag: "Custom"; readonly failures: number; readonly within: number }
  | { readonly _tag: "AnyOf" | "AllOf"; readonly policies: ReadonlyArray<ModelPolicy> }

export interface WindowCounts {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

/** Whether this policy takes notice of the outcome at all. */
export const records = (policy: ModelPolicy, outcome: RecordedOutcome): boolean => {
  switch (policy._tag) {
    case "FailureCount":
      return outcome.kind === "Failure"
    case "SlowCallRate":
      return outcome.kind !== "Interrupted" || outcome.elapsed >= policy.slowerThan
    case "AnyOf":
    case "AllOf":
      return policy.policies.some((one) => records(one, outcome))
    default:
      return outcome.kind !== "Interrupted"
  }
}

export const trips = (policy: ModelPolicy, all: ReadonlyArray<RecordedOutcome>, now: number): boolean => {
  const counts = count(policy, all, now)
  switch (policy._tag) {
    case "Consecutive":
    case "FailureCount":
    case "Custom":
      return counts.failures >= policy.failures
    case "FailureRate":
      return (
        counts.failures > 0 &&
        counts.calls >= policy.minimumCalls &&
        counts.failures >= policy.minimumFailures &&
        counts.failures / counts.calls >= policy.threshold
      )
    case "SlowCallRate":
      return (
        counts.slow > 0 &&
        counts.calls >= policy.minimumCalls &&
        counts.slow / counts.calls >= policy.threshold
      )
    case "AnyOf":
      return policy.policies.some((one) => trips(one, all, now))
    case "AllOf":
      return policy.policies.every((one) => trips(one, all, now))
  }
}

/** The duration from which a probe is slow; infinity if the policy ignores durations. */
export const slowerThan = (policy: ModelPolicy): number => {
  switch (policy._tag) {
    case "SlowCallRate":
      return policy.slowerThan
    case "AnyOf":
      return Math.min(...policy.policies.map(slowerThan))
    case "AllOf": {
      const limits = policy.policies.map(slowerThan).filter((limit) => limit < Infinity)
      return limits.length > 0 ? Math.max(...limits) : Infinity
    }
    default:
      return Infinity
  }
}

/** The counts in a snapshot. */
export const windowCounts = (
  policy: ModelPolicy,
  all: ReadonlyArray<RecordedOutcome>,
  now: number
): WindowCounts => {
  if (policy._tag === "Custom") {
    return { calls: 0, failures: 0, slow: 0 }
  }
  if (policy._tag === "AnyOf" || policy._tag === "AllOf") {
    const each = policy.policies.map((one) => windowCounts(one, all, now))
    return {
      calls: Math.max(...each.map((counts) => counts.calls)),
      failures: Math.max(...each.map((counts) => counts.failures)),
      slow: Math.max(...each.map((counts) => counts.slow))
    }
  }
  return count(policy, all, now)
}

const count = (policy: ModelPolicy, all: ReadonlyArray<RecordedOutcome>, now: number): WindowCounts => {
  const inWindow = outcomesInWindow(policy, all, now)
  return {
    calls: inWindow.length,
    failures: inWindow.filter((outcome) => outcome.kind === "Failure").length,
    slow:
      policy._tag === "SlowCallRate"
        ? inWindow.filter((outcome) => outcome.elapsed >= policy.slowerThan).length
        : 0
  }
}

const outcomesInWindow = (
  policy: ModelPolicy,
  all: ReadonlyArray<RecordedOutcome>,
  now: number
): ReadonlyArray<RecordedOutcome> => {
  const recorded = all.filter((outcome) => records(policy, outcome))
  switch (policy._tag) {
    case "Consecutive": {
      const lastSuccess = recorded.map((outcome) => outcome.kind).lastIndexOf("Success")
      return recorded.slice(lastSuccess + 1)
    }
    case "FailureCount":
    case "Custom":
      return recorded
        .filter((outcome) => outcome.kind === "Failure" && now - outcome.at < policy.within)
        .slice(-policy.failures) // more than it takes are never looked at
    case "FailureRate":
    case "SlowCallRate": {
      const window = policy.window
      if (window._tag === "Calls") {
        return recorded.slice(-window.calls)
      }
      return recorded.filter((outcome) => bucket(window, outcome.at) > bucket(window, now) - window.buckets)
    }
    case "AnyOf":
    case "AllOf":
      return recorded
  }
}

const bucket = (window: { readonly within: number; readonly buckets: number }, at: number): number =>
  Math.floor((at * window.buckets) / window.within)

/** The instants after `now` at which this policy's counts change by the passing of time alone. */
export const expiryInstants = (
  policy: ModelPolicy,
  all: ReadonlyArray<RecordedOutcome>,
  now: number
): ReadonlyArray<number> => {
  switch (policy._tag) {
    case "Consecutive":
      return []
    case "FailureCount":
    case "Custom":
      return Number.isFinite(policy.within) ? all.map((outcome) => outcome.at + policy.within) : []
    case "AnyOf":
    case "AllOf":
      return policy.policies.flatMap((one) => expiryInstants(one, all, now))
    case "FailureRate":
    case "SlowCallRate": {
      const window = policy.window
      if (window._tag === "Calls") {
        return []
      }
      const width = window.within / window.buckets
      return [
        (bucket(window, now) + 1) * width,
        ...all.map((outcome) => (bucket(window, outcome.at) + window.buckets) * width)
      ]
    }
  }
}

/** The durations from which a call is slow for a part of this policy. */
export const slowThresholds = (policy: ModelPolicy): ReadonlyArray<number> => {
  switch (policy._tag) {
    case "SlowCallRate":
      return [policy.slowerThan]
    case "AnyOf":
    case "AllOf":
      return policy.policies.flatMap(slowThresholds)
    default:
      return []
  }
}
