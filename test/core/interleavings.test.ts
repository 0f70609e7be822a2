/** Every order in which the steps of a few concurrent calls and of a hand can fall. */
import { assert, describe, it } from "@effect/vitest"
import * as Circuit from "../../src/internal/core/circuit.ts"
import { once } from "../once.ts"
import { inLongRun } from "../runLength.ts"
import { brokenMachines } from "./brokenMachines.ts"
import type { AnyCircuit, Rules } from "./circuits.ts"
import { closed, halfOpen, opened, openMillis, recovering, rulesWith } from "./circuits.ts"
import type { Action, Exploration, Scenario } from "./Explorer.ts"
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

const calls = inLongRun(4, 3)

const explorations: Record<string, () => Promise<Exploration>> = {}
for (const [state, start] of Object.entries(starts)) {
  for (const [what, controls] of Object.entries(byHand)) {
    // the most orders by far, and the time moving on twice would only make more of the same
    const ticks = state === "HalfOpen" && what === "tripped" ? 1 : 2
    const scenario = scenarioOf(start, controls, calls, 1, ticks)
    explorations[`${calls} calls and a probe, from ${state}, ${what}`] = once(() => explore(scenario))
  }
  for (const [what, controls] of Object.entries(several)) {
    const scenario = scenarioOf(start, controls, 2, 0, 1)
    explorations[`2 calls, from ${state}, ${what}`] = once(() => explore(scenario))
  }
}

describe("every order", { timeout: 1_200_000 }, () => {
  for (const [name, exploration] of Object.entries(explorations)) {
    it(name, async () => {
      const { broken, situations } = await exploration()
      assert.isUndefined(broken, JSON.stringify(broken))
      assert.isAbove(situations, inLongRun(100, 50))
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
    assert.strictEqual(Object.keys(explorations).length, 35)
    assert.sameMembers([...states], ["Closed", "Open", "HalfOpen", "Recovering", "Isolated"])
    assert.isAtLeast(seen.situations, inLongRun(250_000, 50_000))
    assert.isAtLeast(seen.steps, inLongRun(1_300_000, 200_000))
    assert.isAtLeast(seen.endings, inLongRun(2_500, 1_500))
    assert.isAtLeast(seen.orders, inLongRun(1e11, 1e8))
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

  it("the machine itself breaks none in the scenarios used here", async () => {
    for (const scenario of small) assert.isUndefined((await explore(scenario)).broken)
  })

  for (const invariant of invariants) {
    const { how, machine } = brokenMachines[invariant]
    it(`${invariant}: not if ${how}`, async () => {
      const broken: Array<string | undefined> = []
      for (const scenario of small) {
        const exploration = await explore(scenario, { ...Circuit, ...machine }, invariant)
        broken.push(exploration.broken?.invariant)
      }
      assert.include(broken, invariant)
    })
  }
})
