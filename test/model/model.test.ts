import { setImmediate as nextTurn } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  commands,
  crowdedCommands,
  crowdedSetup,
  policies,
  recoveringSetup,
  setupWith
} from "./arbitraries.ts"
import { runHistory } from "./History.ts"
import { Coverage } from "./requirements.ts"
import type { Setup } from "./Setup.ts"

// FC_RUNS histories of each kind (default 400) from FC_SEED on; FC_REPORT=1 prints what they have touched.
const usualRuns = 400
const runs = Number(process.env["FC_RUNS"] ?? usualRuns)
const seed = Number(process.env["FC_SEED"] ?? 20_260_101)
const runsAtATime = 50

const coverage = new Coverage()

const agrees = async (setups: fc.Arbitrary<Setup>, histories = commands) => {
  const property = fc.property(setups, histories, (setup, history) => {
    const difference = runHistory(setup, history, coverage.note)
    if (difference !== undefined) throw new Error(difference)
  })
  for (let done = 0; done < runs; done += runsAtATime) {
    // Histories never wait for anything, and the test runner wants a word now and then.
    await nextTurn()
    const numRuns = Math.min(runsAtATime, runs - done)
    const result = fc.check(property, { numRuns, seed: seed + done })
    if (result.failed) {
      const difference = result.errorInstance instanceof Error ? result.errorInstance.message : ""
      assert.fail(`FC_SEED=${seed + done} FC_RUNS=${numRuns}, ${result.numShrinks} cuts\n${difference}`)
    }
  }
}

describe("R3 the library does what its model does", { timeout: 120_000 }, () => {
  for (const [name, policy] of Object.entries(policies)) {
    it(`under ${name}`, () => agrees(setupWith(policy)))
  }

  it("while it recovers", () => agrees(recoveringSetup))

  it("with more keys than capacity", () => agrees(crowdedSetup, crowdedCommands))

  it("and the histories touch every rule", () => {
    if (process.env["FC_REPORT"] !== undefined) console.log(coverage.report())
    assert.deepStrictEqual(coverage.missing(runs / usualRuns), [])
  })
})
