import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { inLongRun } from "../kit/runLength.ts"
import {
  commands,
  crowdedCommands,
  crowdedSetup,
  policies,
  recoveringSetup,
  setupWith
} from "./arbitraries.ts"
import { histories } from "./histories.ts"
import { runHistory } from "./LocalHistory.ts"
import { Coverage } from "./requirements.ts"
import type { Setup } from "./Setup.ts"

// FC_RUNS histories of each kind; FC_REPORT=1 prints what they have covered.
const fullRuns = 400
const runs = Number(process.env["FC_RUNS"] ?? inLongRun(fullRuns, 75))

const coverage = new Coverage()

const agrees = (setups: fc.Arbitrary<Setup>, steps = commands) =>
  histories(runs, 50, fc.tuple(setups, steps), (setup, history) => runHistory(setup, history, coverage.note))

const kinds: Record<string, () => Promise<void>> = {
  "while it recovers": agrees(recoveringSetup),
  "with more keys than capacity": agrees(crowdedSetup, crowdedCommands)
}
for (const [name, policy] of Object.entries(policies)) kinds[`under ${name}`] = agrees(setupWith(policy))

describe("R3 the library does what its model does", { timeout: 1_200_000 }, () => {
  for (const [name, agree] of Object.entries(kinds)) it(`R3 the library and its model agree, ${name}`, agree)

  it("R3 the histories cover every rule", async () => {
    for (const agree of Object.values(kinds)) await agree()
    if (process.env["FC_REPORT"] !== undefined) console.log(coverage.report())
    const share = runs / fullRuns
    // Chance weighs more where there are fewer histories.
    assert.deepStrictEqual(coverage.missing(share < 1 ? share / 2 : share), [])
  })
})
