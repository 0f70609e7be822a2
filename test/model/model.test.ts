import { setImmediate as nextTurn } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { once } from "../kit/once.ts"
import { inLongRun } from "../kit/runLength.ts"
import {
  commands,
  crowdedCommands,
  crowdedSetup,
  policies,
  recoveringSetup,
  setupWith
} from "./arbitraries.ts"
import { runHistory } from "./LocalHistory.ts"
import { Coverage } from "./requirements.ts"
import type { Setup } from "./Setup.ts"

// FC_RUNS histories of each kind from FC_SEED on; FC_REPORT=1 prints what they have touched.
const fullRuns = 400
const runs = Number(process.env["FC_RUNS"] ?? inLongRun(fullRuns, 100))
const seed = Number(process.env["FC_SEED"] ?? 20_260_101)
const runsAtATime = 50

const coverage = new Coverage()

const agrees = async (setups: fc.Arbitrary<Setup>, histories = commands) => {
  const property = fc.asyncProperty(setups, histories, async (setup, history) => {
    // A history never waits for anything, and the test runner has to hear from its worker.
    await nextTurn()
    const difference = runHistory(setup, history, coverage.note)
    if (difference !== undefined) throw new Error(difference)
  })
  for (let done = 0; done < runs; done += runsAtATime) {
    const numRuns = Math.min(runsAtATime, runs - done)
    const result = await fc.check(property, { numRuns, seed: seed + done })
    if (result.failed) {
      const difference = result.errorInstance instanceof Error ? result.errorInstance.message : ""
      assert.fail(`FC_SEED=${seed + done} FC_RUNS=${numRuns}, ${result.numShrinks} cuts\n${difference}`)
    }
  }
}

const histories: Record<string, () => Promise<void>> = {
  "while it recovers": once(() => agrees(recoveringSetup)),
  "with more keys than capacity": once(() => agrees(crowdedSetup, crowdedCommands))
}
for (const [name, policy] of Object.entries(policies)) {
  histories[`under ${name}`] = once(() => agrees(setupWith(policy)))
}

describe("R3 the library does what its model does", { timeout: 1_200_000 }, () => {
  for (const [name, agree] of Object.entries(histories)) it(name, agree)

  it("and the histories touch every rule", async () => {
    for (const agree of Object.values(histories)) await agree()
    if (process.env["FC_REPORT"] !== undefined) console.log(coverage.report())
    const share = runs / fullRuns
    // Chance weighs more where there are fewer histories.
    assert.deepStrictEqual(coverage.missing(share < 1 ? share / 2 : share), [])
  })
})
