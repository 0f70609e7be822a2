/** R3.2.4: wherever an interruption falls, no slot is lost. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { once } from "../kit/once.ts"
import { inLongRun } from "../kit/runLength.ts"
import { describeExit } from "./describeExit.ts"
import { bodies, forms, Stage } from "./programs.ts"
import { runToEnd } from "./Sweep.ts"
import type { Swept } from "./trials.ts"
import { starts, Trials } from "./trials.ts"
import { ways } from "./ways.ts"

const apart = inLongRun(1, 11)

const trials = new Trials(ways.protect)
afterAll(() => trials.close())

const sweeps: Record<string, () => Promise<Swept>> = {}
for (const [state, start] of Object.entries(starts)) {
  for (const [how, form] of Object.entries(forms)) {
    sweeps[`from ${state}, ${how}`] = once(() => trials.sweepFrom(start, form, { apart, shift: 0 }))
  }
}

describe(
  `R3.2.4 interrupted at ${apart === 1 ? "every point" : `every ${apart}th point`}`,
  { timeout: 1_200_000 },
  () => {
    for (const [name, swept] of Object.entries(sweeps)) {
      it(name, async () => {
        await swept()
      })
    }

    it("sweeps enough of them", async () => {
      const all = { programs: 0, offsets: 0 }
      for (const swept of Object.values(sweeps)) {
        const { offsets, programs } = await swept()
        all.programs += programs
        all.offsets += offsets
      }
      if (process.env["SWEEP_REPORT"] !== undefined) console.log(all)
      assert.isAtLeast(all.programs, 800)
      assert.isAtLeast(all.offsets, 45_000 / apart)
    })
  }
)

describe("R3.1.2 and uninterrupted", () => {
  for (const [state, start] of Object.entries(starts)) {
    it(`from ${state}, everything ends as it does without a breaker`, async () => {
      for (const [how, form] of Object.entries(forms)) {
        await nextTurn()
        for (const [what, body] of Object.entries(bodies)) {
          if (!form.isSteady) continue
          const bare = new Stage()
          const expected = runToEnd({
            program: form.wrap((body) => body, body(bare)),
            events: bare.events,
            afterwards: () => {}
          })
          const exit = runToEnd(trials.trialOf(start, form, body))
          assert.deepStrictEqual(describeExit(exit), describeExit(expected), `${how}, ${what}`)
        }
      }
    })
  }
})
