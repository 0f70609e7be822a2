/** The length of an opening by a schedule: the schedule's input, and its check when the breaker is made. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import type { Backoff, OpenDuration } from "../../src/internal/breaker/openDuration.ts"
import * as OpenDurations from "../../src/internal/breaker/openDuration.ts"
import { withCaller } from "./fixtures.ts"

/** A schedule whose steps wait as long as `millisOf` says, given the time, the number of the opening, and of the step. */
const scheduleBy = (
  millisOf: (now: number, opening: number, step: number) => number
): Schedule.Schedule<unknown, number> =>
  Schedule.makeWithState(1, (now, opening: number, step) =>
    Effect.sync(() => [
      step + 1,
      step,
      ScheduleDecision.continueWith(ScheduleInterval.after(now + millisOf(now, opening, step)))
    ])
  )

const make = (schedule: Schedule.Schedule<unknown, number>): Effect.Effect<OpenDuration> =>
  withCaller((caller) => OpenDurations.make(schedule, "openDuration", caller))

const after = (openDuration: OpenDuration, previous: Backoff | undefined, openings: number) =>
  withCaller((caller) => openDuration(previous, openings, caller))

describe("R3.2.12 a schedule's step", () => {
  it.effect("R3.2.12 is given the number of its opening", () =>
    Effect.gen(function* () {
      const openDuration = yield* make(scheduleBy((_, opening) => opening * 1_000))
      const first = yield* after(openDuration, undefined, 1)
      assert.deepInclude(first, { openings: 1, millis: 1_000 })
      assert.deepInclude(yield* after(openDuration, first, 2), { openings: 2, millis: 2_000 })
      assert.deepInclude(yield* after(openDuration, first, 4), { openings: 4, millis: 4_000 })
    })
  )

  it.effect("R3.2.12 is the first one again when the count of openings starts over", () =>
    Effect.gen(function* () {
      let drawn = 0
      const openDuration = yield* make(scheduleBy((_, __, step) => step * 1_000 + ++drawn))
      drawn = 0
      const first = yield* after(openDuration, undefined, 1)
      const second = yield* after(openDuration, first, 2)
      const anew = yield* after(openDuration, second, 1)
      const again = yield* after(openDuration, anew, 1)
      assert.deepStrictEqual(
        [first, second, anew, again].map(({ millis }) => millis),
        [1_001, 2_002, 1_003, 1_004]
      )
    })
  )
})

describe("R3.5 a schedule is checked when the breaker is made", () => {
  it.effect("R3.5 for a hundred steps, at the times at which they would be taken", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      yield* make(
        scheduleBy((now) => {
          times.push(now)
          return 1_000
        })
      )
      assert.deepStrictEqual(
        times,
        Array.from({ length: 100 }, (_, i) => i * 1_000)
      )
    })
  )

  it.effect("R3.5 but for no step that begins later than a day from now", () =>
    Effect.gen(function* () {
      const day = 86_400_000
      const stepsWith = (millis: number) => {
        let steps = 0
        return Effect.map(make(scheduleBy(() => (steps++, millis))), () => steps)
      }
      assert.strictEqual(yield* stepsWith(day / 2), 3)
      assert.strictEqual(yield* stepsWith(day), 2)
      assert.strictEqual(yield* stepsWith(day + 1), 1)
    })
  )

  it.effect("R3.5 and refused if the hundredth step does not delay; the next one is not checked", () =>
    Effect.gen(function* () {
      const failingAt = (bad: number) =>
        Effect.exit(make(scheduleBy((_, __, step) => (step === bad ? 0 : 1_000))))
      assert.strictEqual((yield* failingAt(100))._tag, "Failure")
      assert.strictEqual((yield* failingAt(101))._tag, "Success")
    })
  )
})
