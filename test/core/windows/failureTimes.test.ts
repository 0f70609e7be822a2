import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { failureCount as policy } from "../../../src/internal/core/policies/failureCount.ts"
import { check } from "../check.ts"
import { none } from "../policies/fixtures.ts"
import { gapsFor, Recording, timesFrom } from "./Recording.ts"

describe("FailureTimes", () => {
  const limits = [1, 2, 3, 5, 15, 16, 17, 33, 64, 65, 130, 1024, 1025]

  const failureCount = (failures: number, withinMillis: number) =>
    new Recording(policy(failures, withinMillis))

  const failAt = (recording: Recording, times: ReadonlyArray<number>): Recording =>
    times.reduce((recording, at) => recording.add({ at, failed: true, slow: false }), recording)

  it("are empty at first", () => {
    assert.deepStrictEqual(failureCount(3, 1000).counts(0), none)
    assert.deepStrictEqual(failureCount(3, Infinity).counts(1e9), none)
  })

  it("count the latest failures younger than within, exact to the millisecond", () => {
    const runs = fc.constantFrom(1, 10, 100, 997, Infinity).chain((within) =>
      fc.record({
        within: fc.constant(within),
        limit: fc.constantFrom(...limits),
        gaps: fc.array(gapsFor(within === Infinity ? 1000 : within, 10), { maxLength: 150 })
      })
    )
    check(
      fc.property(runs, ({ within, limit, gaps }) => {
        const times = timesFrom(gaps)
        let recording = failureCount(limit, within)
        for (const [i, at] of times.entries()) {
          recording = failAt(recording, [at])
          const latest = times.slice(0, i + 1).slice(-limit)
          const border = latest[0]! + within
          for (const now of [at, at + 1, border - 1, border, border + 1].filter((now) => now >= at)) {
            const counted = latest.filter((at) => now - at < within).length
            assert.strictEqual(recording.counts(now).failures, counted)
          }
        }
      }),
      150
    )
  })

  it("a failure that is exactly `within` old no longer counts", () => {
    const recording = failAt(failureCount(4, 100), [5])
    assert.strictEqual(recording.counts(104).failures, 1)
    assert.strictEqual(recording.counts(104.999_999).failures, 1)
    assert.strictEqual(recording.counts(105).failures, 0)
    assert.strictEqual(recording.counts(1e12).failures, 0)
  })

  it("wrap round a ring of any size, up to 10,000 and further", () => {
    for (const limit of [...limits, 10_000]) {
      const times = Array.from({ length: 2 * limit + 3 }, (_, i) => i * 10)
      const { window } = failAt(failureCount(limit, Infinity), times)
      for (const younger of new Set([1, (limit >> 1) + 1, limit - 1, limit, limit + 1])) {
        const counted = new Recording(policy(limit, younger * 10), window).counts(times.at(-1)!)
        assert.strictEqual(counted.failures, Math.min(younger, limit))
      }
    }
  })

  it("of the same time all count, or none", () => {
    const recording = failAt(
      failureCount(6, 10),
      Array.from({ length: 9 }, () => 42)
    )
    assert.strictEqual(recording.counts(51).failures, 6)
    assert.strictEqual(recording.counts(52).failures, 0)
  })

  it("leave older versions as they were", () => {
    const versions = [failureCount(70, 305)]
    for (let at = 10; at <= 2000; at += 10) versions.push(failAt(versions.at(-1)!, [at]))
    versions.forEach((recording, recorded) =>
      assert.strictEqual(recording.counts(recorded * 10).failures, Math.min(recorded, 31))
    )
  })
})
