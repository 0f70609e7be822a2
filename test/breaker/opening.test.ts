/** The opening of a circuit: its length, and that it opens only if nothing has changed it in the meantime. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Outcome } from "effect-circuit-breaker"
import type { CircuitEntry } from "../../src/internal/breaker/circuitEntry.ts"
import type { Step } from "../../src/internal/breaker/coordinator.ts"
import { open, openMillisOf } from "../../src/internal/breaker/opening.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { entryOf, makeCoordinated, withCaller } from "./fixtures.ts"

describe("R3.2.1 a circuit that is changed while its schedule takes a step", () => {
  it.effect("R3.2.1 does not open, and takes and reports no backoff step", () =>
    Effect.gen(function* () {
      let onStep = () => {}
      const steps: Array<Step> = []
      const breaker = yield* makeCoordinated(
        { after: (_, step) => void steps.push(step) },
        { openDuration: Schedule.tapOutput(Schedule.spaced("10 seconds"), () => Effect.sync(() => onStep())) }
      )
      const entry: CircuitEntry = yield* entryOf(breaker)
      onStep = () => {
        entry.current = ManualControl.reset(entry.current, breaker.settings.rules, 0)
      }
      yield* withCaller((caller) => open(breaker, entry, { reason: "Manual", now: 0 }, caller))
      assert.deepInclude(entry.current, { _tag: "Closed", generation: 1, openings: 0 })
      assert.isUndefined(entry.backoff)
      assert.deepStrictEqual(steps, [])
    })
  )
})

describe("R3.2.8 the length of an opening on which another process decides", () => {
  it.effect("R3.2.8 is the schedule's, lengthened by the hint of the failure, and opens nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* makeCoordinated(
        {},
        { openDuration: Schedule.exponential("1 second"), maxOpenDuration: "20 seconds" }
      )
      const entry = yield* entryOf(breaker)
      const millisOf = (openings: number, outcome: Outcome.Outcome) =>
        withCaller((caller) => openMillisOf(breaker, entry, { openings, outcome }, caller))
      assert.strictEqual(yield* millisOf(1, Outcome.failure()), 1_000)
      assert.strictEqual(yield* millisOf(3, Outcome.failure()), 4_000)
      assert.strictEqual(yield* millisOf(3, Outcome.failure({ retryAfter: "3 seconds" })), 4_000)
      assert.strictEqual(yield* millisOf(3, Outcome.failure({ retryAfter: "5 seconds" })), 5_000)
      assert.strictEqual(yield* millisOf(3, Outcome.failure({ retryAfter: "1 minute" })), 20_000)
      assert.strictEqual(yield* millisOf(3, Outcome.success), 4_000)
      assert.strictEqual(entry.current._tag, "Closed")
      assert.isUndefined(entry.backoff)
    })
  )
})
