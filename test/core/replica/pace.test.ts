/** When a circuit is exchanged: once an interval, sooner after news, within what the exchanges may cost. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Timings from "../../../src/internal/core/replica/timing.ts"
import { check } from "../check.ts"

const interval = 1_000

const exchanged = (times: number, now: number, pace = Timings.startingAt(0)): Timings.Timing =>
  Array.from({ length: times }).reduce<Timings.Timing>((pace) => Timings.exchanged(pace, now, interval), pace)

const due = (pace: Timings.Timing): number => Timings.dueAt(pace, interval)

describe("the pace of exchanges", () => {
  it("begins when it is told to", () => {
    assert.strictEqual(due(Timings.startingAt(70)), 70)
    assert.strictEqual(due(Timings.startingAt(-Infinity)), -Infinity)
  })

  it("is once an interval where there is no news", () => {
    assert.strictEqual(due(exchanged(1, 500)), 500 + interval)
  })

  it("has news exchanged at its time, and the earliest of them first", () => {
    const quiet = exchanged(1, 0)
    const later = Timings.request(quiet, 300)
    assert.strictEqual(due(later), 300)
    assert.strictEqual(due(Timings.request(later, 200)), 200)
    assert.strictEqual(Timings.request(later, 300), later)
    assert.strictEqual(Timings.request(later, 400), later)
  })

  it("does not wait longer than an interval for news", () => {
    assert.strictEqual(due(Timings.request(exchanged(1, 0), 5_000)), interval)
  })

  it("forgets the news that were exchanged", () => {
    assert.strictEqual(due(exchanged(1, 100, Timings.request(exchanged(1, 0), 100))), 100 + interval)
  })

  it("allows ten exchanges at once after a quiet time, and the eleventh a tenth of an interval later", () => {
    const nine = Timings.request(exchanged(9, 5_000), -Infinity)
    const ten = Timings.request(exchanged(10, 5_000), -Infinity)
    assert.deepStrictEqual([due(nine), due(ten)], [5_000, 5_100])
  })

  it("pays back a tenth of an interval for each exchange, and no more than was owed", () => {
    const spent = exchanged(10, 0)
    const rested = exchanged(1, 10_000, spent)
    assert.strictEqual(due(Timings.request(rested, -Infinity)), 10_000 + 100 - 900)
  })

  it("is ten times an interval at most in the long run, however much news there is", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 })
    check(
      fc.property(gaps, (gaps) => {
        let pace = Timings.startingAt(0)
        let now = 0
        let exchanges = 0
        for (const gap of gaps) {
          now += gap
          if (due(pace) <= now) {
            exchanges++
            pace = Timings.exchanged(pace, now, interval)
          }
          pace = Timings.request(pace, now)
        }
        assert.isAtMost(exchanges, 10 + (10 * now) / interval)
      }),
      200
    )
  })
})
