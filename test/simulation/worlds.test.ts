/** Small worlds, in every order of what happens in them. */
import { assert, describe, it } from "@effect/vitest"
import { inLongRun } from "../kit/runLength.ts"
import { brokenProtocols } from "./brokenProtocols.ts"
import type { Exploration } from "./Explorer.ts"
import { explore } from "./Explorer.ts"
import { protocol } from "./Protocol.ts"
import { scenarios } from "./scenarios.ts"

/** Of the largest world the full form explores a part, of most of them the quick one. */
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

  it("S8 S10 are missed in some order by protocols that break them", async () => {
    for (const how of [
      "a write replaces whatever is stored",
      "a refused write is taken for one that was made"
    ]) {
      const broken = { ...protocol, ...brokenProtocols[how] }
      const { failure } = await explore(scenarios["a probe each as the opening ends"]!, { protocol: broken })
      assert.isDefined(failure, how)
    }
  })
})
