/** Which fleets and which histories of them are tried. */
import * as fc from "fast-check"
import { commands, setupWith } from "./arbitraries.ts"
import type { FleetCommand } from "./FleetHistory.ts"
import type { TrialStep } from "./FleetTrial.ts"
import type { Fate } from "./FlakyStore.ts"
import type { PolicySetup, Setup } from "./Setup.ts"

/**
 * Setups under which a fleet is exactly one machine, and whose timers come soon. Left out is what each node does for
 * itself by design: it forgets its own idle keys, and a recovering circuit admits a share of each node's calls.
 */
export const fleetSetup = (policy: fc.Arbitrary<PolicySetup>): fc.Arbitrary<Setup> =>
  setupWith(policy).map((setup) => ({
    ...setup,
    tripPolicy: exactPolicy(setup.tripPolicy ?? { _tag: "Consecutive", failures: 5 }),
    openDuration: setup.openDuration ?? { _tag: "Constant", millis: 250 },
    maxOpenDuration: setup.maxOpenDuration ?? 5_000,
    halfOpen: { probeTimeout: 400, ...setup.halfOpen },
    ...(setup.recovery && { recovery: { ...setup.recovery, from: 1 } }),
    idleTimeToLive: 86_400_000
  }))

/**
 * The counts of the latest calls are summed over the nodes, so nothing may fall out of a ring; slices of time have to
 * be whole milliseconds, or else rounding puts them elsewhere on another clock; a custom policy cannot be shared.
 */
const exactPolicy = (policy: PolicySetup): PolicySetup => {
  switch (policy._tag) {
    case "AnyOf":
    case "AllOf":
      return { _tag: policy._tag, policies: policy.policies.map(exactPolicy) }
    case "Custom":
      return { ...policy, _tag: "FailureCount" }
    case "FailureRate":
      if ("calls" in policy.window) return withLargeRing(policy, policy.window.calls)
      return Number.isInteger(policy.window.within / (policy.window.buckets ?? 10))
        ? policy
        : { ...policy, window: { ...policy.window, buckets: 5 } }
    case "SlowCallRate":
      return "calls" in policy.window ? withLargeRing(policy, policy.window.calls) : policy
    default:
      return policy
  }
}

const withLargeRing = <P extends PolicySetup & { readonly minimumCalls?: number }>(
  policy: P,
  calls: number
): P => ({
  minimumCalls: calls,
  ...policy,
  window: { calls: 1_000 }
})

export const fleetSize = fc.integer({ min: 1, max: 3 })

/** Chosen anew for each step, again from the beginning when they run out. */
const choices = <A>(arbitrary: fc.Arbitrary<A>): fc.Arbitrary<(step: number) => A> =>
  fc
    .array(arbitrary, { minLength: 61, maxLength: 61 })
    .map((chosen) => (step) => chosen[step % chosen.length] as A)

export const fleetCommands: fc.Arbitrary<ReadonlyArray<FleetCommand>> = fc
  .tuple(commands, choices(fc.nat(2)))
  .map(([history, nodeOf]) =>
    history
      // A store's clock does not run backwards.
      .filter(({ _tag }) => _tag !== "SetWallClock")
      .map((command, step) => ({ command, node: nodeOf(step) }))
  )

/** A call that only runs because its breaker observes tells nothing of how many probes run. */
export const trialSetup = (policy: fc.Arbitrary<PolicySetup>): fc.Arbitrary<Setup> =>
  fleetSetup(policy).map((setup) => ({ ...setup, mode: "enforce" }))

const pause = fc.constantFrom(0, 0, 1, 15, 120, 450)

const timedCommands: fc.Arbitrary<ReadonlyArray<FleetCommand>> = fc
  .tuple(fleetCommands, choices(pause))
  .map(([history, pauseBefore]) =>
    history.flatMap((it, step): ReadonlyArray<FleetCommand> => [
      { node: it.node, command: { _tag: "Advance", millis: pauseBefore(step) } },
      it
    ])
  )

export const trial: fc.Arbitrary<ReadonlyArray<TrialStep>> = timedCommands

/** The store does not always answer for a part of the history, and the nodes have time to agree afterwards. */
export const trialWithOutage: fc.Arbitrary<ReadonlyArray<TrialStep>> = fc
  .tuple(timedCommands, timedCommands, timedCommands)
  .map(([before, during, after]) => [
    ...before.slice(0, 20),
    { store: "flaky" },
    ...during,
    { store: "sound" },
    { node: 0, command: { _tag: "Advance", millis: 1_000 } },
    ...after.slice(0, 20)
  ])

export const fates: fc.Arbitrary<(step: number) => Fate> = choices(
  fc.constantFrom<Fate>(
    "answered",
    "answered",
    "refused",
    "refused",
    "lost on the way back",
    "never answered"
  )
)
