/** Small worlds, in every order of their steps. */
import { assert, describe, it } from "@effect/vitest"
import { inLongRun } from "../kit/runLength.ts"
import { brokenProtocols } from "./brokenProtocols.ts"
import type { Exploration } from "./Explorer.ts"
import { explore } from "./Explorer.ts"
import { protocol } from "./Protocol.ts"
import { scenarios } from "./scenarios.ts"

/** The full form explores only a part of the largest world, the quick form only a part of most. */
const most = inLongRun(20_000, 150)

const sound = ({ failure }: Exploration): void => {
  if (failure !== undefined) assert.fail([failure.message, ...failure.steps].join("\n  "))
}

describe("every order of", { timeout: 1_200_000 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`S1 to S17 ${name}`, async () => {
      const exploration = await explore(scenario, { most })
      sound(exploration)
      assert.isAbove(exploration.endings, 0)
    })
  }

  it("S8 S10 protocols that break them fail in some order", async () => {
    for (const how of ["a write replaces any state", "a refused write is taken for an accepted one"]) {
      const broken = { ...protocol, ...brokenProtocols[how] }
      const { failure } = await explore(scenarios["a probe on each process as the opening ends"]!, {
        protocol: broken
      })
      assert.isDefined(failure, how)
    }
  })
})
