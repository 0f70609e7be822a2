/** A call that is interrupted at any point, made in any way, loses no slot. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { once } from "../kit/once.ts"
import { inLongRun } from "../kit/runLength.ts"
import { describeExit } from "./describeExit.ts"
import { bodies, type Form, forms, Stage } from "./programs.ts"
import { runToEnd } from "./Sweep.ts"
import { type Start, starts, Trials } from "./trials.ts"
import { type Way, ways } from "./ways.ts"

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

/** The calls in two steps that can lose a slot, and one that cannot. */
const startsOf = (way: Way): ReadonlyArray<readonly [string, Start]> =>
  Object.entries(starts).filter(
    ([state]) =>
      way === ways.protect || state.startsWith("HalfOpen") || (!way.isLong && state === "Recovering")
  )

/** The call is interrupted at one of this number of points. */
const apartIn = (way: Way, how: string): number =>
  way === ways.protect
    ? inLongRun(1, 29)
    : way.isLong
      ? inLongRun(how === "plain" ? 1 : 9, 167)
      : inLongRun(1, 23)

const tables = Object.entries<Way>(ways).map(([name, way]) => {
  const rule = way === ways.protect ? "R3.2.4" : "R3.1.8 R3.2.4"
  const trials = new Trials(way)
  const sweeps = startsOf(way).flatMap(([state, start]) =>
    formsOf(way).map(([how, form], i) => {
      const spread = { apart: apartIn(way, how), shift: way === ways.protect ? 0 : 13 * i }
      const title = `${rule} ${name}, interrupted from ${state}, ${how}`
      return { title, swept: once(() => trials.sweepFrom(start, form, spread)) }
    })
  )
  return { name, way, trials, sweeps }
})

afterAll(() => tables.forEach(({ trials }) => trials.close()))

const [protect, ...inTwoSteps] = tables

describe("R3.2.4 a call that is interrupted", { timeout: 1_200_000 }, () => {
  for (const { title, swept } of tables.flatMap(({ sweeps }) => sweeps)) {
    it(title, async () => {
      await swept()
    })
  }

  for (const [rule, these, programs, offsets] of [
    ["R3.2.4", [protect!], 800, 45_000 / inLongRun(1, 29)],
    ["R3.1.8", inTwoSteps, 600, 4_000]
  ] as const) {
    it(`${rule} enough programs are interrupted at enough points`, async () => {
      const seen = { programs: 0, offsets: 0 }
      for (const { swept } of these.flatMap(({ sweeps }) => sweeps)) {
        const { offsets, programs } = await swept()
        seen.programs += programs
        seen.offsets += offsets
      }
      if (process.env["SWEEP_REPORT"] !== undefined) console.log(seen)
      assert.isAtLeast(seen.programs, programs)
      assert.isAtLeast(seen.offsets, offsets)
    })
  }
})

describe("R3.1.2 a call that is not interrupted", () => {
  for (const { name, trials, way } of tables) {
    for (const [state, start] of startsOf(way)) {
      it(`R3.1.2 ${name}, from ${state}: everything ends as it does without a breaker`, async () => {
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
