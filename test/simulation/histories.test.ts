/** Histories at random of several processes and a store that fail in every way, in a virtual world. */
import { assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { inLongRun } from "../kit/runLength.ts"
import { Coverage } from "./Coverage.ts"
import { historyOf } from "./History.ts"
import { play } from "./play.ts"
import { shrink } from "./shrink.ts"
import { story } from "./story.ts"

/** `npm run simulate` plays others. */
const seeds = { first: 1, histories: inLongRun(30_000, 200) }

/** So many are played in one turn of the event loop. */
const inTurn = 50

describe("histories of a fleet", { timeout: 1_200_000 }, () => {
  it("S1 to S17 hold, whatever goes wrong, and every fault and every step is gone through", async () => {
    const coverage = new Coverage()
    for (let seed = seeds.first; seed < seeds.first + seeds.histories; seed++) {
      if (seed % inTurn === 0) await nextTurn()
      const history = historyOf(seed)
      const failure = play(history, { cover: coverage.note })
      if (failure !== undefined) assert.fail(story(shrink(history, failure.invariant)))
    }
    // So few go through most of it only.
    if (seeds.histories >= 30_000) assert.deepStrictEqual(coverage.missing, [])
  })

  it("S1 to S17 the same seed is the same history", () => {
    const told = (seed: number) => story(historyOf(seed))
    for (const seed of [3, 4, 5]) assert.strictEqual(told(seed), told(seed))
    assert.notStrictEqual(told(3), told(4))
  })
})
