/** R3.1.8: wherever an interruption falls on a call in two steps, or on a stream, no slot is lost. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { once } from "../kit/once.ts"
import { inLongRun } from "../kit/runLength.ts"
import { describeExit } from "./describeExit.ts"
import type { Form } from "./programs.ts"
import { bodies, forms, Stage } from "./programs.ts"
import { runToEnd } from "./Sweep.ts"
import type { Swept } from "./trials.ts"
import { starts, Trials } from "./trials.ts"
import type { Way } from "./ways.ts"
import { ways } from "./ways.ts"

const { protect: _, ...inTwoSteps } = ways

/** Those in which there is a slot to lose, and one in which there is none. */
const startsOf = ({ isLong }: Way) =>
  ["HalfOpen", "HalfOpen for two probes", ...(isLong ? [] : ["Recovering"])].map(
    (state) => [state, starts[state]!] as const
  )

const formsOfStreams = new Set([
  "plain",
  "inside a timeout",
  "beside its like",
  "in a child that is interrupted"
])

const formsOf = ({ isLong, nests }: Way): ReadonlyArray<readonly [string, Form]> =>
  Object.entries(forms)
    .filter(([how]) => !isLong || formsOfStreams.has(how))
    .filter(([, form]) => nests || form.callsWhileClosed === undefined)

const apartIn = ({ isLong }: Way, how: string): number =>
  isLong ? inLongRun(how === "plain" ? 1 : 9, 167) : inLongRun(1, 23)

const all = Object.entries<Way>(inTwoSteps).map(
  ([name, way]) => ({ name, way, trials: new Trials(way) }) as const
)
afterAll(() => all.forEach(({ trials }) => trials.close()))

const sweeps: Record<string, () => Promise<Swept>> = {}
for (const { name, trials, way } of all) {
  for (const [state, start] of startsOf(way)) {
    for (const [i, [how, form]] of formsOf(way).entries()) {
      const spread = { apart: apartIn(way, how), shift: 13 * i }
      sweeps[`${name}, from ${state}, ${how}`] = once(() => trials.sweepFrom(start, form, spread))
    }
  }
}

describe("R3.1.8 R3.2.4 interrupted", { timeout: 1_200_000 }, () => {
  for (const [name, swept] of Object.entries(sweeps)) {
    it(name, async () => {
      await swept()
    })
  }

  it("sweeps enough of them", async () => {
    const seen = { programs: 0, offsets: 0 }
    for (const swept of Object.values(sweeps)) {
      const { offsets, programs } = await swept()
      seen.programs += programs
      seen.offsets += offsets
    }
    if (process.env["SWEEP_REPORT"] !== undefined) console.log(seen)
    assert.isAtLeast(seen.programs, 600)
    assert.isAtLeast(seen.offsets, 4_000)
  })
})

describe("R3.1.2 and uninterrupted", () => {
  for (const { name, trials, way } of all) {
    for (const [state, start] of startsOf(way)) {
      it(`${name}, from ${state}, everything ends as it does without a breaker`, async () => {
        for (const [how, form] of formsOf(way)) {
          await nextTurn()
          for (const [what, body] of Object.entries(bodies)) {
            if (!form.isSteady) continue
            const bare = new Stage()
            const expected = runToEnd({
              program: form.wrap(way.bare, body(bare)),
              events: bare.events,
              afterwards: () => {}
            })
            const exit = runToEnd(trials.trialOf(start, form, body))
            assert.deepStrictEqual(describeExit(exit), describeExit(expected), `${how}, ${what}`)
          }
        }
      })
    }
  }
})
