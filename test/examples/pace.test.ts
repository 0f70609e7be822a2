import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as assert from "node:assert"
import { describe } from "vitest"
import { keep, Pace } from "../../examples/quickstart/Pace.ts"

/** Blocks the whole process, as a busy machine does. */
const pause = (millis: number) =>
  Effect.sync(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  })

describe("the clock of the demo", () => {
  it.live("T6 it does not count a pause of the process", () =>
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* pause(200)
      const after = yield* Clock.currentTimeMillis
      assert.ok(after - before <= 20, `${after - before} ms`)
    }).pipe(keep)
  )

  it.live("T6 a timeout does not fire because the process paused", () =>
    Effect.gen(function* () {
      const step = Effect.zipRight(pause(100), Effect.sleep("5 millis"))
      const answer = yield* Effect.repeatN(step, 3).pipe(Effect.as("answer"), Effect.timeout("300 millis"))
      assert.strictEqual(answer, "answer")
    }).pipe(keep)
  )

  it.live("T6 a timeout fires when its time has been counted", () =>
    Effect.gen(function* () {
      const error = yield* Effect.never.pipe(Effect.timeout("30 millis"), Effect.flip)
      assert.strictEqual(error._tag, "TimeoutException")
    }).pipe(keep)
  )

  it.live("T6 it measures how much slower the machine was", () =>
    Effect.gen(function* () {
      const { slownessOf } = yield* Pace
      const slowness = yield* slownessOf(pause(200))
      assert.ok(slowness > 5, `${slowness} times`)
    }).pipe(keep)
  )
})
