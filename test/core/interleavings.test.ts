/** Every order of the steps of a few concurrent calls and a control. */
import { assert, describe, it } from "@effect/vitest"
import { slowCallRate } from "../../src/internal/core/policies/slowCallRate.ts"
import { once } from "../kit/once.ts"
import { inLongRun, isLongRun } from "../kit/runLength.ts"
import { brokenMachines } from "./brokenMachines.ts"
import type { AnyCircuit, Rules } from "./circuits.ts"
import { closed, halfOpen, opened, openMillis, recovering, rulesWith } from "./circuits.ts"
import type { Exploration, Scenario } from "./Explorer.ts"
import { explore, realMachine } from "./Explorer.ts"
import * as Invariants from "./invariants.ts"

interface Start {
  readonly rules: Rules
  readonly circuit: AnyCircuit
  readonly now: number
}

// Each step of time ends a lease and an opening; two steps end a recovery.
const single = rulesWith({ probeTimeoutMillis: openMillis })
const double = rulesWith({ probeTimeoutMillis: openMillis, probes: 2, failuresToReopen: 2 })
const slowly = rulesWith({
  probeTimeoutMillis: openMillis,
  recovery: { durationMillis: 2 * openMillis, from: 0.5 }
})
const atOnce = rulesWith({
  probeTimeoutMillis: openMillis,
  probes: 2,
  recovery: { durationMillis: 2 * openMillis, from: 1 }
})

// A probe is slow one step of time before its lease ends.
const watchful = rulesWith({
  probeTimeoutMillis: 2 * openMillis,
  probes: 2,
  failuresToReopen: 2,
  policy: slowCallRate({
    threshold: 1,
    minimumCalls: 2,
    minimumFailures: 1,
    slowerThanMillis: openMillis,
    window: { _tag: "Calls", calls: 2 }
  })
})

const starts: Record<string, Start> = {
  Closed: { rules: single, circuit: closed(single), now: 0 },
  Open: { rules: double, circuit: opened(double), now: 0 },
  HalfOpen: { rules: double, circuit: halfOpen(double), now: openMillis },
  Recovering: { rules: slowly, circuit: recovering(slowly), now: openMillis },
  "Recovering, admitting all": { rules: atOnce, circuit: recovering(atOnce), now: openMillis }
}

const watchfulStarts: Record<string, Start> = {
  "Closed, looking for slow calls": { rules: watchful, circuit: closed(watchful), now: 0 },
  "HalfOpen, looking for slow calls": { rules: watchful, circuit: halfOpen(watchful), now: openMillis }
}

type Controls = Scenario["controls"]

const byHand: Record<string, Controls> = {
  "left alone": [],
  tripped: [["trip"]],
  reset: [["reset"]],
  "isolated and released": [["isolate", "release"]],
  "disabled and enabled": [["disable", "enable"]]
}

const scenarioOf = (
  start: Start,
  controls: Controls,
  callers: Pick<Scenario, "calls" | "probes" | "ticks"> & { readonly streams?: number }
): Scenario => ({ ...start, openMillis, tickMillis: openMillis, controls, streams: 0, ...callers })

const several: Record<string, Controls> = {
  "isolated twice, by two hands": [
    ["isolate", "release"],
    ["isolate", "release"]
  ],
  "isolated, reset and isolated again": [
    ["isolate", "release"],
    ["reset", "isolate", "release"]
  ],
  "tripped and reset": [["trip", "trip"], ["reset"]],
  "isolated and disabled, by two hands": [
    ["isolate", "release"],
    ["disable", "enable"]
  ],
  "disabled twice, tripped and reset": [
    ["disable", "enable"],
    ["disable", "trip", "reset", "enable"]
  ],
  "isolated, disabled, reset and disabled again": [
    ["isolate", "disable", "release"],
    ["reset", "disable"]
  ]
}

// Two calls and a probe are enough to notice each of the broken machines below.
const calls = inLongRun(4, 2)

const explorations: Record<string, () => Promise<Exploration>> = {}
const explored = (name: string, scenario: Scenario): void => {
  explorations[name] = once(() => explore(scenario))
}
for (const [state, start] of Object.entries(starts)) {
  for (const [what, controls] of Object.entries(byHand)) {
    // by far the most orders, and a second step of time would only repeat them
    const ticks = what === "tripped" && (state === "HalfOpen" || !isLongRun) ? 1 : 2
    explored(
      `${calls} calls and a probe, from ${state}, ${what}`,
      scenarioOf(start, controls, { calls, probes: 1, ticks })
    )
  }
  for (const [what, controls] of Object.entries(several)) {
    explored(
      `2 calls, from ${state}, ${what}`,
      scenarioOf(start, controls, { calls: 2, probes: 0, ticks: 1 })
    )
  }
}
for (const [state, start] of Object.entries(watchfulStarts)) {
  for (const what of ["left alone", "reset"]) {
    explored(
      `${calls} calls, one of them a stream, from ${state}, ${what}`,
      scenarioOf(start, byHand[what]!, { calls, probes: 0, ticks: 2, streams: 1 })
    )
  }
}
for (const [what, controls] of Object.entries(byHand)) {
  explored(
    `${calls} streams, from HalfOpen, ${what}`,
    scenarioOf(starts["HalfOpen"]!, controls, { calls, probes: 0, ticks: 1, streams: calls })
  )
}

describe("every order", { timeout: 1_200_000 }, () => {
  for (const [name, exploration] of Object.entries(explorations)) {
    it(name, async () => {
      const { broken, situations } = await exploration()
      assert.isUndefined(broken, JSON.stringify(broken))
      assert.isAbove(situations, inLongRun(100, 25))
    })
  }

  it("visits every state, and enough of them", async () => {
    const seen = { situations: 0, steps: 0, endings: 0, orders: 0 }
    const states = new Set<AnyCircuit["_tag"]>()
    for (const exploration of Object.values(explorations)) {
      const found = await exploration()
      seen.situations += found.situations
      seen.steps += found.steps
      seen.endings += found.endings
      seen.orders += found.orders
      found.states.forEach((state) => states.add(state))
    }
    if (process.env["EXPLORER_REPORT"] !== undefined) console.log(seen)
    assert.strictEqual(Object.keys(explorations).length, 64)
    assert.sameMembers([...states], ["Closed", "Open", "HalfOpen", "Recovering", "Isolated", "Disabled"])
    assert.isAtLeast(seen.situations, inLongRun(400_000, 59_000))
    assert.isAtLeast(seen.steps, inLongRun(2_400_000, 240_000))
    assert.isAtLeast(seen.endings, inLongRun(4_500, 2_100))
    assert.isAtLeast(seen.orders, inLongRun(2e11, 1.5e7))
  })
})

describe("every invariant is broken by a broken machine", () => {
  const held: ReadonlyArray<Controls> = [
    [
      ["isolate", "release"],
      ["isolate", "reset", "isolate"]
    ],
    [
      ["disable", "enable"],
      ["disable", "isolate", "enable", "release"]
    ],
    [["disable", "reset", "enable"]]
  ]
  const small = [
    ...Object.values(starts).flatMap((start) => [
      scenarioOf(start, [], { calls: 2, probes: 1, ticks: 2 }),
      scenarioOf(start, [["trip", "reset"]], { calls: 2, probes: 0, ticks: 1 }),
      ...held.map((controls) => scenarioOf(start, controls, { calls: 1, probes: 0, ticks: 1 }))
    ]),
    scenarioOf(watchfulStarts["HalfOpen, looking for slow calls"]!, [], { calls: 2, probes: 0, ticks: 2 }),
    scenarioOf(starts["HalfOpen"]!, [], { calls: 3, probes: 0, ticks: 0, streams: 1 })
  ]
  const invariants = [Invariants.ofMoves, Invariants.ofSituations, Invariants.ofEndings].flatMap(
    (them) => Object.keys(them) as Array<Invariants.Invariant>
  )

  it("the machine itself breaks none in the scenarios used here", async () => {
    for (const scenario of small) assert.isUndefined((await explore(scenario)).broken)
  })

  for (const invariant of invariants) {
    const { how, machine } = brokenMachines[invariant]
    it(`${invariant}: not if ${how}`, async () => {
      let broken: string | undefined
      for (const scenario of small) {
        const exploration = await explore(scenario, { ...realMachine, ...machine }, invariant)
        broken = exploration.broken?.invariant
        if (broken !== undefined) break
      }
      assert.strictEqual(broken, invariant)
    })
  }
})
