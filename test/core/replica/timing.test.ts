/** When a circuit is exchanged: once per interval, earlier on request, and limited by a token bucket. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Timings from "../../../src/internal/core/replica/timing.ts"
import { check } from "../check.ts"

const interval = 1_000

const exchanged = (times: number, now: number, timing = Timings.startingAt(0)): Timings.Timing =>
  Array.from({ length: times }).reduce<Timings.Timing>(
    (timing) => Timings.exchanged(timing, now, interval),
    timing
  )

const due = (timing: Timings.Timing): number => Timings.dueAt(timing, interval)

describe("the timing of exchanges", () => {
  it("has the first exchange at the given time", () => {
    assert.strictEqual(due(Timings.startingAt(70)), 70)
    assert.strictEqual(due(Timings.startingAt(-Infinity)), -Infinity)
  })

  it("has one exchange per interval without a request", () => {
    assert.strictEqual(due(exchanged(1, 500)), 500 + interval)
  })

  it("has an exchange at the time of the earliest request", () => {
    const quiet = exchanged(1, 0)
    const later = Timings.request(quiet, 300)
    assert.strictEqual(due(later), 300)
    assert.strictEqual(due(Timings.request(later, 200)), 200)
    assert.strictEqual(Timings.request(later, 300), later)
    assert.strictEqual(Timings.request(later, 400), later)
  })

  it("waits no longer than an interval for a request", () => {
    assert.strictEqual(due(Timings.request(exchanged(1, 0), 5_000)), interval)
  })

  it("drops a request after an exchange", () => {
    assert.strictEqual(due(exchanged(1, 100, Timings.request(exchanged(1, 0), 100))), 100 + interval)
  })

  it("allows a burst of ten exchanges, and the eleventh a tenth of an interval later", () => {
    const nine = Timings.request(exchanged(9, 5_000), -Infinity)
    const ten = Timings.request(exchanged(10, 5_000), -Infinity)
    assert.deepStrictEqual([due(nine), due(ten)], [5_000, 5_100])
  })

  it("refills the token bucket over time, up to ten exchanges", () => {
    const spent = exchanged(10, 0)
    const rested = exchanged(1, 10_000, spent)
    assert.strictEqual(due(Timings.request(rested, -Infinity)), 10_000 + 100 - 900)
  })

  it("allows about ten exchanges per interval in the long run, however many requests there are", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 })
    check(
      fc.property(gaps, (gaps) => {
        let timing = Timings.startingAt(0)
        let now = 0
        let exchanges = 0
        for (const gap of gaps) {
          now += gap
          if (due(timing) <= now) {
            exchanges++
            timing = Timings.exchanged(timing, now, interval)
          }
          timing = Timings.request(timing, now)
        }
        assert.isAtMost(exchanges, 10 + (10 * now) / interval)
      }),
      200
    )
  })
})
