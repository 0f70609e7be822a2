/** The setup of a world: the number of processes, their rules, and their options. */
import type { Rules } from "../../src/internal/core/circuit.ts"
import { yearMillis } from "../../src/internal/core/millis.ts"
import { allOf } from "../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../src/internal/core/policies/consecutive.ts"
import { failureCount } from "../../src/internal/core/policies/failureCount.ts"
import { failureRate } from "../../src/internal/core/policies/failureRate.ts"
import type { Policy, SharedPolicy } from "../../src/internal/core/policies/policy.ts"
import { slowCallRate } from "../../src/internal/core/policies/slowCallRate.ts"
import { share } from "../../src/internal/core/policies/table.ts"
import type { Settings } from "../../src/internal/core/replica/situation.ts"
import { windowSettings } from "../../src/internal/core/replica/situation.ts"
import { drawn } from "./Random.ts"

export interface Setup {
  readonly nodes: number
  readonly keys: number
  /** The rules of the first runs of the processes, and those after an upgrade. */
  readonly rules: readonly [before: RulesSetup, after: RulesSetup]
  readonly quorum: number
  readonly writesThrough: boolean
  /** Whether calls are rejected while the store fails. */
  readonly rejectsInOutage: boolean
  /** The speed of each node's clock. */
  readonly rates: ReadonlyArray<number>
  /** Whether the breakers were made at different times. */
  readonly isStaggered: boolean
}

export interface RulesSetup {
  readonly policy: PolicyName
  readonly probes: number
  readonly failuresToReopen: number
  readonly recovers: boolean
}

export const syncMillis = 200
export const deadlineMillis = 100
export const leaseMillis = 600
export const probeTimeoutMillis = 320
export const withinMillis = 900
export const slowMillis = 60
export const recoveryMillis = 250
export const longestOpenMillis = 1_200
export const idleMillis = 1_000

/** The length of an opening. */
export const openMillisOf = (openings: number): number =>
  Math.min(150 * 2 ** Math.min(openings, 10), longestOpenMillis)

const buckets = 5
export const sliceMillis = withinMillis / buckets
const overTime = { _tag: "Time", withinMillis, buckets } as const
const lastCalls = { _tag: "Calls", calls: 6 } as const
const rate = { threshold: 0.5, minimumCalls: 3, minimumFailures: 1 }

const policies = {
  consecutive: consecutive(3),
  failureCount: failureCount(3, withinMillis),
  "failureRate over time": failureRate({ ...rate, window: overTime }),
  "failureRate over calls": failureRate({ ...rate, window: lastCalls }),
  slowCallRate: slowCallRate({ ...rate, window: overTime, slowerThanMillis: slowMillis }),
  anyOf: anyOf([consecutive(4), failureRate({ ...rate, minimumCalls: 4, window: overTime })]),
  allOf: allOf([failureCount(2, withinMillis), failureRate({ ...rate, window: lastCalls })])
} satisfies Record<string, Policy<unknown> | Policy<never>>

export type PolicyName = keyof typeof policies

export const policyNames = Object.keys(policies) as ReadonlyArray<PolicyName>

const shared = Object.fromEntries(
  Object.entries(policies).map(([name, policy]) => [name, share(policy.data)])
) as Readonly<Record<PolicyName, SharedPolicy<unknown>>>

export const policyOf = (rules: RulesSetup): SharedPolicy<unknown> => shared[rules.policy]

/** The settings by which a state is decoded, made once for each set of rules. */
export const settingsFor = (rules: RulesSetup): Settings => {
  let settings = settingsByRules.get(rules)
  if (settings === undefined) settingsByRules.set(rules, (settings = settingsUnder(rules)))
  return settings
}

const settingsByRules = new WeakMap<RulesSetup, Settings>()

const settingsUnder = (rules: RulesSetup): Settings => {
  const policy = policyOf(rules)
  const { failuresToReopen, probes, recovers } = rules
  const recovery = recovers ? { durationMillis: recoveryMillis, from: 0.25 } : undefined
  const itsRules: Rules<unknown> = { policy, probes, failuresToReopen, probeTimeoutMillis, recovery }
  const name = `${rules.policy} ${probes} ${failuresToReopen} ${Number(recovers)}`
  return {
    node: "",
    rules: itsRules,
    policy,
    rulesName: name,
    windowName: name,
    quorum: 1,
    syncMillis,
    phase: 0,
    leaseMillis,
    longestOpenMillis: yearMillis,
    ...windowSettings(policy, { idleMillis, syncMillis }),
    writesThrough: false
  }
}

export const settingsOf = (
  { quorum, writesThrough }: Pick<Setup, "quorum" | "writesThrough">,
  rules: RulesSetup,
  node: string
): Settings => ({
  ...settingsFor(rules),
  node,
  quorum,
  writesThrough,
  phase: drawn(7, ...[...node].map((letter) => letter.charCodeAt(0)))
})
