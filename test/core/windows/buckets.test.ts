import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { check } from "../check.ts"
import { none } from "../policies/fixtures.ts"
import type { Recorded } from "./Recording.ts"
import { countsOf, gapsFor, ofSlowCalls, timesFrom } from "./Recording.ts"

describe("Buckets", () => {
  type Shape = readonly [within: number, buckets: number]
  const shapes: ReadonlyArray<Shape> = [
    [1000, 10],
    [1000, 1],
    [100, 3],
    [7, 10],
    [10, 10],
    [1, 1],
    [60_000, 6],
    [120_000, 7],
    [999, 1000]
  ]

  const overTime = (withinMillis: number, buckets: number) =>
    ofSlowCalls({ _tag: "Time", withinMillis, buckets })

  /** In whole numbers, which are not rounded. */
  const bucketOf = (at: number, within: number, buckets: number): bigint =>
    (BigInt(at) * BigInt(buckets)) / BigInt(within)

  const naive = (recorded: ReadonlyArray<Recorded>, within: number, buckets: number, now: number) =>
    countsOf(
      recorded.filter(
        ({ at }) => bucketOf(at, within, buckets) > bucketOf(now, within, buckets) - BigInt(buckets)
      )
    )

  const histories = fc.constantFrom(...shapes).chain((shape) =>
    fc.record({
      shape: fc.constant<Shape>(shape),
      steps: fc.array(
        fc.record({
          gap: gapsFor(...shape),
          failed: fc.boolean(),
          slow: fc.boolean(),
          ahead: gapsFor(...shape)
        }),
        { maxLength: 80 }
      )
    })
  )

  it("are empty at first", () => {
    assert.deepStrictEqual(overTime(1000, 10).counts(0), none)
    assert.deepStrictEqual(overTime(1000, 10).counts(1e9), none)
  })

  it("count the same as a count of all outcomes in the latest buckets", () => {
    check(
      fc.property(histories, ({ shape, steps }) => {
        const recorded: Array<Recorded> = []
        let recording = overTime(...shape)
        let now = 0
        for (const { gap, failed, slow, ahead } of steps) {
          now += gap
          recorded.push({ at: now, failed, slow })
          recording = recording.add({ at: now, failed, slow })
          for (const later of [now, now + 1, now + ahead]) {
            assert.deepStrictEqual(recording.counts(later), naive(recorded, ...shape, later))
          }
        }
      }),
      300
    )
  })

  it("never count an outcome older than within, nor forget one a bucket younger, at fractions of a millisecond", () => {
    const nanos = fc.array(fc.integer({ min: 0, max: 400_000_000 }), { minLength: 1, maxLength: 40 })
    check(
      fc.property(fc.constantFrom(...shapes), nanos, fc.nat(2_000_000_000), (shape, gaps, ahead) => {
        const [within, buckets] = shape
        const times = timesFrom(gaps).map((nano) => nano / 1e6)
        const recording = times.reduce(
          (recording, at) => recording.add({ at, failed: true, slow: false }),
          overTime(...shape)
        )
        const now = times.at(-1)! + ahead / 1e6
        const { calls } = recording.counts(now)
        assert.isAtMost(calls, times.filter((at) => now - at < within).length)
        assert.isAtLeast(calls, times.filter((at) => now - at < within - within / buckets).length)
      }),
      300
    )
  })

  it("a time on a boundary falls into the later bucket", () => {
    // 10 buckets of 100 milliseconds: a call in [0, 100) is forgotten at 1000, a call at 100 is forgotten at 1100
    const before = overTime(1000, 10).add({ at: 99, failed: true, slow: false })
    assert.strictEqual(before.counts(999).calls, 1)
    assert.strictEqual(before.counts(1000).calls, 0)
    const on = overTime(1000, 10).add({ at: 100, failed: true, slow: false })
    assert.strictEqual(on.counts(1099).calls, 1)
    assert.strictEqual(on.counts(1100).calls, 0)
    // a slice of 100 / 3 milliseconds has no exact length, but its boundaries at whole milliseconds are exact
    const third = overTime(100, 3).add({ at: 200, failed: true, slow: false })
    assert.strictEqual(third.counts(299).calls, 1)
    assert.strictEqual(third.counts(300).calls, 0)
  })

  it("R3.2.10 an idle gap drops every expired bucket at once", () => {
    let recording = overTime(1000, 10)
    for (let at = 0; at < 1000; at += 10) recording = recording.add({ at, failed: true, slow: true })
    assert.deepStrictEqual(recording.counts(999), { calls: 100, failures: 100, slow: 100 })
    for (const idle of [1000, 5000, 1e9, 1e12]) {
      const now = 990 + idle
      assert.deepStrictEqual(recording.counts(now), none)
      const after = recording.add({ at: now, failed: false, slow: false })
      assert.deepStrictEqual(after.counts(now), { calls: 1, failures: 0, slow: 0 })
    }
  })

  it("reading at a later time loses nothing of the window", () => {
    const recording = overTime(1000, 10).add({ at: 50, failed: true, slow: true })
    assert.deepStrictEqual(recording.counts(50_000), none)
    assert.deepStrictEqual(recording.counts(50), { calls: 1, failures: 1, slow: 1 })
  })

  it("take no more room the longer they are used, and none for an empty bucket", () => {
    const roomAfter = (calls: number, from = 1e6, gap = 7): number => {
      let recording = overTime(1000, 10)
      for (let i = 0; i < calls; i++) {
        recording = recording.add({ at: from + i * gap, failed: i % 2 === 0, slow: false })
      }
      return JSON.stringify(recording.window).length
    }
    assert.isAtMost(roomAfter(5000), roomAfter(400) + 20)
    assert.isAtMost(roomAfter(1000, 1e6, 0), roomAfter(10, 1e6, 0) + 20)
    assert.strictEqual(roomAfter(1, 100), roomAfter(1, 0))
  })
})
