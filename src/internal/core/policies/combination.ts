import type { Call, Policy, PolicyData, ShareAny, SharedPolicy } from "./policy.ts"

/** @internal */
export interface CombinationData extends PolicyData {
  readonly policies: ReadonlyArray<PolicyData>
}

/**
 * The common part of `anyOf` and `allOf`: each policy has its own window, and records every call in it.
 *
 * @internal
 */
export const together = (_tag: string, policies: ReadonlyArray<Policy<unknown>>) => ({
  initial: policies.map((policy) => policy.initial),
  record: (windows: ReadonlyArray<unknown>, call: Call): ReadonlyArray<unknown> => {
    const next = policies.map((policy, i) => policy.record(windows[i], call))
    return next.every((window, i) => window === windows[i]) ? windows : next
  },
  counts: (windows: ReadonlyArray<unknown>, now: number) =>
    policies
      .map((policy, i) => policy.counts(windows[i], now))
      .reduce((left, right) => ({
        calls: Math.max(left.calls, right.calls),
        failures: Math.max(left.failures, right.failures),
        slow: Math.max(left.slow, right.slow)
      })),
  figures: () => [],
  data: { _tag, policies: policies.map((policy) => policy.data) },
  spans: policies.flatMap((policy) => policy.spans),
  isBuiltIn: policies.every((policy) => policy.isBuiltIn),
  timesSuccesses: policies.some((policy) => policy.timesSuccesses),
  measuresElapsed: policies.some((policy) => policy.measuresElapsed),
  countsInterrupted: policies.some((policy) => policy.countsInterrupted)
})

/**
 * Combines the shared forms of several policies. The sections of all policies are in one list, in the order of the
 * policies. The result is `undefined` if one of the policies cannot be shared.
 *
 * @internal
 */
export const shareTogether = (
  combine: (policies: ReadonlyArray<Policy<unknown>>) => Policy<ReadonlyArray<unknown>>,
  { policies }: CombinationData,
  shareAny: ShareAny
): SharedPolicy<ReadonlyArray<unknown>> | undefined => {
  const shared = policies.map(shareAny).filter((policy) => policy !== undefined)
  if (shared.length < policies.length) return undefined
  const sections = shared.map((policy) => policy.layouts(0).length)
  return {
    ...combine(shared),
    layouts: (freshMillis) => shared.flatMap((policy) => policy.layouts(freshMillis)),
    difference: (windows, reported, now) =>
      shared.flatMap((policy, i) => policy.difference(windows[i], reported[i], now)),
    gather: (all) => {
      let end = 0
      return shared.map((policy, i) => policy.gather(all.slice(end, (end += sections[i]!))))
    }
  }
}
