/** Runs random histories from a fixed seed on, FC_SEED. */
import { setImmediate as nextTurn } from "node:timers/promises"
import { assert } from "@effect/vitest"
import * as fc from "fast-check"
import { once } from "../kit/once.ts"

const seed = Number(process.env["FC_SEED"] ?? 20_260_101)

/** The number of further histories that are run to shrink a failing one. */
const attempts = 500

/** Runs `runs` histories of a kind when it is first asked for; `differenceOf` says what is wrong with one. */
export const histories = <Parts extends [unknown, ...Array<unknown>]>(
  runs: number,
  runsAtATime: number,
  kind: fc.Arbitrary<Parts>,
  differenceOf: (...history: Parts) => string | undefined
): (() => Promise<void>) =>
  once(async () => {
    let left = Infinity
    const property = fc.asyncProperty(kind, async (history) => {
      // A history never yields to the event loop, and the test runner needs to reach its worker.
      await nextTurn()
      if (left-- <= 0) return
      const difference = differenceOf(...history)
      if (difference === undefined) return
      left = Math.min(left, attempts)
      throw new Error(difference)
    })
    for (let done = 0; done < runs; done += runsAtATime) {
      const numRuns = Math.min(runsAtATime, runs - done)
      const result = await fc.check(property, { numRuns, seed: seed + done })
      if (result.failed) {
        const difference = result.errorInstance instanceof Error ? result.errorInstance.message : ""
        assert.fail(`FC_SEED=${seed + done} FC_RUNS=${numRuns}, ${result.numShrinks} cuts\n${difference}`)
      }
    }
  })
