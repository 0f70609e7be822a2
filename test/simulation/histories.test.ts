/** Random histories of several processes and a store, with all kinds of faults, in virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { inLongRun } from "../kit/runLength.ts"
import { Coverage } from "./Coverage.ts"
import { historyOf } from "./History.ts"
import { play } from "./play.ts"
import { shrink } from "./shrink.ts"
import { story } from "./story.ts"

/** `npm run simulate` plays histories of other seeds. */
const seeds = { first: 1, histories: inLongRun(30_000, 200) }

/** The number of histories that are played in one turn of the event loop. */
const inTurn = 50

describe("histories of a fleet", { timeout: 1_200_000 }, () => {
  it("S1 to S17 hold under all faults, and every kind of step and fault is covered", async () => {
    const coverage = new Coverage()
    for (let seed = seeds.first; seed < seeds.first + seeds.histories; seed++) {
      if (seed % inTurn === 0) await nextTurn()
      const history = historyOf(seed)
      const failure = play(history, { cover: coverage.note })
      if (failure !== undefined) assert.fail(story(shrink(history, failure.invariant)))
    }
    // Fewer histories cover most of it only.
    if (seeds.histories >= 30_000) assert.deepStrictEqual(coverage.missing, [])
  })

  it("S1 to S17 are checked on a history that depends only on its seed", () => {
    const told = (seed: number) => story(historyOf(seed))
    for (const seed of [3, 4, 5]) assert.strictEqual(told(seed), told(seed))
    assert.notStrictEqual(told(3), told(4))
  })
})
