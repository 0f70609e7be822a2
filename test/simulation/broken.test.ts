/** The simulation detects every protocol that breaks a rule of sharing. */
import { assert, describe, it } from "@effect/vitest"
import { setImmediate as nextTurn } from "node:timers/promises"
import { brokenProtocols } from "./brokenProtocols.ts"
import { historyOf } from "./History.ts"
import { play } from "./play.ts"
import { protocol } from "./Protocol.ts"

/** Each broken protocol is detected within this number of histories. */
const most = 1_000

const firstSeed = 1_000_000

/** The number of histories that are played in one turn of the event loop. */
const inTurn = 50

describe("the simulation detects that", { timeout: 600_000 }, () => {
  for (const [how, broken] of Object.entries(brokenProtocols)) {
    it(`S1 to S17 ${how}`, async () => {
      let noticed = false
      for (let i = 0; i < most && !noticed; i++) {
        if (i % inTurn === 0) await nextTurn()
        const history = historyOf(firstSeed + i)
        // A history that fails with the real protocol detects nothing.
        noticed =
          play(history, { protocol: { ...protocol, ...broken } }) !== undefined && play(history) === undefined
      }
      assert.isTrue(noticed)
    })
  }
})
