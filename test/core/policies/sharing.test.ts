/** The properties of every shared policy, and of several together. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import type { RateWindow } from "../../../src/internal/core/policies/rate.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import * as Section from "../../../src/internal/core/windows/section.ts"
import { check } from "../check.ts"
import { failure, frozen, ignored, interrupted, success } from "../circuits.ts"
import {
  failureRate,
  lastCalls,
  needs,
  none,
  overTime,
  ownPolicy,
  record,
  slowCallRate,
  times
} from "./fixtures.ts"
import { beginning, countsOf, difference, reported, Reporting, shared } from "./Reporting.ts"
import { inLongRun } from "../../kit/runLength.ts"

const streak = consecutive(3)
const count = failureCount(3, 1000)
const rate = (window: RateWindow) => failureRate({ minimumCalls: 4, window })
const slowRate = (window: RateWindow) => slowCallRate({ minimumCalls: 4, window })

const policies: Record<string, Policy<unknown>> = {
  streak,
  count,
  "rate over time": rate(overTime(1000)),
  "rate over the latest calls": rate(lastCalls(4)),
  "slow-call rate over time": slowRate(overTime(1000)),
  "slow-call rate over the latest calls": slowRate(lastCalls(4)),
  "any of them": anyOf([streak, count, rate(overTime(1000))]),
  "all of them": allOf([count, rate(overTime(1000)), rate(lastCalls(4))]),
  "some within others": anyOf([allOf([streak, anyOf([count])]), rate(lastCalls(4))])
}

describe("a shared policy", () => {
  const calls = fc.array(
    fc.tuple(fc.constantFrom(success, failure, failure, ignored, interrupted), fc.nat(200), fc.nat(150)),
    { maxLength: 12 }
  )
  for (const [name, alone] of Object.entries(policies)) {
    it(`of a single process is the policy itself, reported or not: ${name}`, () => {
      const policy = shared(alone)
      assert.deepStrictEqual(needs(policy), needs(alone))
      assert.strictEqual(policy.slowerThanMillis, alone.slowerThanMillis)
      assert.deepStrictEqual(policy.data, alone.data)
      assert.deepStrictEqual(policy.spans, alone.spans)
      const hasStreak = JSON.stringify(alone.data).includes("Consecutive")
      check(
        fc.property(calls, (history) => {
          const reporting = new Reporting(alone, [beginning])
          let [window, expected, now] = [policy.initial, alone.initial, 0]
          for (const [how, gap, elapsed] of history) {
            now += gap
            reporting.now += gap
            window = policy.record(frozen(window), how(now, elapsed))
            expected = alone.record(expected, how(now, elapsed))
            reporting.record(0, how, elapsed)
            assert.strictEqual(policy.trips(window, now), alone.trips(expected, now))
            assert.strictEqual(policy.trips(reporting.seenBy(0), reporting.now), alone.trips(expected, now))
            // A shared streak is counted no further than its limit.
            if (hasStreak) continue
            assert.deepStrictEqual(policy.counts(window, now), alone.counts(expected, now))
            assert.strictEqual(policy.describe(window, now), alone.describe(expected, now))
          }
        }),
        inLongRun(100, 40)
      )
    })

    it(`reports nothing if nothing is new: ${name}`, () => {
      const policy = shared(alone)
      for (const calls of [[], [failure(10), success(20, 100), failure(30)], times(9, success(10))]) {
        const window = record(policy, calls)
        const empty = policy.difference(window, window, 30)
        assert.strictEqual(empty.length, policy.layouts(0).length)
        assert.isTrue(Section.areEmpty(empty))
      }
      const window = record(policy, [failure(10)])
      assert.isFalse(Section.areEmpty(policy.difference(window, policy.initial, 10)))
    })

    it(`gathers any sections into a window: ${name}`, () => {
      const policy = shared(alone)
      const figure = fc.oneof(fc.nat(20), fc.double({ min: 0, max: 1e300, noNaN: true }))
      const index = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
      const sections = fc.array(
        fc.record({ floor: index, rows: fc.array(fc.tuple(index, figure, figure, figure)) }),
        { maxLength: 4 }
      )
      check(
        fc.property(sections, index, (sections, now) => {
          const window = policy.gather(frozen(sections))
          policy.trips(window, now)
          policy.describe(window, now)
          for (const it of Object.values(policy.counts(window, now))) assert.isAtLeast(it, 0)
        }),
        inLongRun(200, 80)
      )
      assert.deepStrictEqual(policy.counts(policy.gather([]), 10), none)
      assert.isFalse(policy.trips(policy.gather([]), 10))
    })
  }

  it("does not exist for a program's own policy, alone or among others", () => {
    const own = custom(ownPolicy)
    for (const policy of [own, anyOf([streak, own]), allOf([own, streak]), anyOf([allOf([own])])]) {
      assert.isUndefined(share(policy.data))
    }
  })

  it("gathers a hundred thousand rows into a window", () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => [i, 1, 1, 0] as const)
    for (const alone of Object.values(policies)) {
      const sections = shared(alone)
        .layouts(0)
        .map(() => ({ floor: 0, rows }))
      assert.isAtLeast(countsOf(alone, sections, 99_999).failures, 3)
    }
  })
})

describe("several shared policies", () => {
  const any = anyOf([streak, count])
  const all = allOf([streak, count])
  // four failures within the time, two of them after the latest success
  const four = [[failure(0), failure(100)], [success(150), failure(200)], [failure(300)]]
  const row = [[failure(0)], [failure(600)], [failure(1200)]]

  it("trip when any or when all of them do, each with its own sections", () => {
    assert.isTrue(reported(any, four).trips(300))
    assert.isFalse(reported(all, four).trips(300))
    assert.isTrue(reported(any, row).trips(1200))
    assert.isFalse(reported(all, row).trips(1200))
    assert.isTrue(reported(all, [...row, [failure(700)]]).trips(1200))
    assert.isFalse(reported(any, [[failure(0)], [failure(100)]]).trips(100))
  })

  it("have the sections of all of them, in their order", () => {
    const nested = anyOf([allOf([streak, anyOf([count, rate(overTime(1000))])]), slowRate(lastCalls(4))])
    const policy = shared(nested)
    assert.deepStrictEqual(
      policy.layouts(7),
      [streak, count, rate(overTime(1000)), slowRate(lastCalls(4))].flatMap((it) => shared(it).layouts(7))
    )
    assert.deepStrictEqual(difference(nested, [success(10, 100), failure(20)], 0, 20), [
      { floor: 10, rows: [[20, 1, 1, 0]] },
      { floor: -Infinity, rows: [[20, 1, 1, 0]] },
      { floor: -Infinity, rows: [[0, 2, 1, 0]] },
      { floor: -Infinity, rows: [[20, 2, 1, 1]] }
    ])
    const sections = [1, 2, 4, 8].map((calls) => ({ floor: 0, rows: [[0, calls, calls, 0]] as const }))
    const [[first, [second]], last] = policy.gather(sections) as [[unknown, [unknown]], unknown]
    assert.strictEqual(shared(streak).counts(first, 0).failures, 1)
    assert.strictEqual(shared(count).counts(second, 0).failures, 2)
    assert.strictEqual(shared(slowRate(lastCalls(4))).counts(last, 0).failures, 8)
  })
})
