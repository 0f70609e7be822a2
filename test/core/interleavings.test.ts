/** Every order in which the steps of a few concurrent calls and of a hand can fall. */
import { assert, describe, it } from "@effect/vitest"
import * as Circuit from "../../src/internal/core/circuit.ts"
import { brokenMachines } from "./brokenMachines.ts"
import type { AnyCircuit, Rules } from "./circuits.ts"
import { closed, halfOpen, opened, openMillis, recovering, rulesWith } from "./circuits.ts"
import type { Action, Scenario } from "./Explorer.ts"
import { explore } from "./Explorer.ts"
import * as Invariants from "./invariants.ts"

interface Start {
  readonly rules: Rules
  readonly circuit: AnyCircuit
  readonly now: number
}

// A lease ends and an opening does with each step of the time, a recovery with two.
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

const starts: Record<string, Start> = {
  Closed: { rules: single, circuit: closed(single), now: 0 },
  Open: { rules: double, circuit: opened(double), now: 0 },
  HalfOpen: { rules: double, circuit: halfOpen(double), now: openMillis },
  Recovering: { rules: slowly, circuit: recovering(slowly), now: openMillis },
  "Recovering, admitting all": { rules: atOnce, circuit: recovering(atOnce), now: openMillis }
}

const byHand: Record<string, ReadonlyArray<ReadonlyArray<Action>>> = {
  "left alone": [],
  tripped: [["trip"]],
  reset: [["reset"]],
  "isolated and released": [["isolate", "release"]]
}

const scenarioOf = (
  start: Start,
  controls: Scenario["controls"],
  calls: number,
  probes: number,
  ticks: number
): Scenario => ({ ...start, openMillis, controls, calls, probes, ticks, tickMillis: openMillis })

const seen = { scenarios: 0, situations: 0, steps: 0, endings: 0, orders: 0 }
const states = new Set<AnyCircuit["_tag"]>()

const keeps = (scenario: Scenario): void => {
  const exploration = explore(scenario)
  assert.isUndefined(exploration.broken, JSON.stringify(exploration.broken))
  assert.isAbove(exploration.situations, 100)
  seen.scenarios++
  seen.situations += exploration.situations
  seen.steps += exploration.steps
  seen.endings += exploration.endings
  seen.orders += exploration.orders
  exploration.states.forEach((state) => states.add(state))
}

describe("every order", { timeout: 60_000 }, () => {
  for (const [state, start] of Object.entries(starts)) {
    for (const [what, controls] of Object.entries(byHand)) {
      // the most orders by far, and the time moving on twice would only make more of the same
      const ticks = state === "HalfOpen" && what === "tripped" ? 1 : 2
      it(`four calls and a probe, from ${state}, ${what}`, () =>
        keeps(scenarioOf(start, controls, 4, 1, ticks)))
    }
  }

  const several: Record<string, ReadonlyArray<ReadonlyArray<Action>>> = {
    "isolated twice, by two hands": [
      ["isolate", "release"],
      ["isolate", "release"]
    ],
    "isolated, reset and isolated again": [
      ["isolate", "release"],
      ["reset", "isolate", "release"]
    ],
    "tripped and reset": [["trip", "trip"], ["reset"]]
  }
  for (const [state, start] of Object.entries(starts)) {
    for (const [what, controls] of Object.entries(several)) {
      it(`two calls, from ${state}, ${what}`, () => keeps(scenarioOf(start, controls, 2, 0, 1)))
    }
  }

  it("visits every state, and enough of them", () => {
    if (process.env["EXPLORER_REPORT"] !== undefined) console.log(seen)
    assert.strictEqual(seen.scenarios, 35)
    assert.sameMembers([...states], ["Closed", "Open", "HalfOpen", "Recovering", "Isolated"])
    assert.isAtLeast(seen.situations, 250_000)
    assert.isAtLeast(seen.steps, 1_300_000)
    assert.isAtLeast(seen.endings, 2_500)
    assert.isAtLeast(seen.orders, 1e11)
  })
})

describe("every invariant is broken by a broken machine", () => {
  const small = Object.values(starts).flatMap((start) => [
    scenarioOf(start, [], 2, 1, 2),
    scenarioOf(start, [["trip", "reset"]], 2, 0, 1),
    scenarioOf(
      start,
      [
        ["isolate", "release"],
        ["isolate", "reset", "isolate"]
      ],
      1,
      0,
      1
    )
  ])
  const invariants = [Invariants.ofMoves, Invariants.ofSituations, Invariants.ofEndings].flatMap(
    (them) => Object.keys(them) as Array<Invariants.Invariant>
  )

  it("the machine itself breaks none in the scenarios used here", () => {
    for (const scenario of small) assert.isUndefined(explore(scenario).broken)
  })

  for (const invariant of invariants) {
    const { how, machine } = brokenMachines[invariant]
    it(`${invariant}: not if ${how}`, () => {
      const broken = small.map((scenario) => explore(scenario, { ...Circuit, ...machine }, invariant).broken)
      assert.include(
        broken.map((it) => it?.invariant),
        invariant
      )
    })
  }
})
