/** The common behaviour of the two rates, and their differences. */
import { assert, describe, it } from "@effect/vitest"
import { failure, ignored, interrupted, success } from "../circuits.ts"
import {
  countsAfter,
  everything,
  failureRate,
  lastCalls,
  needs,
  none,
  nothing,
  overTime,
  record,
  slowCallRate,
  times,
  tripsAfter
} from "./fixtures.ts"

describe.each([
  ["over the last calls", lastCalls(10)],
  ["over time", overTime(1000)]
] as const)("R3.2.1 a rate %s", (_, window) => {
  it("trips at its threshold and above", () => {
    const policy = failureRate({ window, threshold: 0.3 })
    assert.isFalse(tripsAfter(policy, [...times(8, success()), ...times(2, failure())]))
    assert.isTrue(tripsAfter(policy, [...times(7, success()), ...times(3, failure())]))
    assert.isTrue(tripsAfter(policy, [...times(3, failure()), ...times(7, success())]))
    assert.isTrue(tripsAfter(policy, times(10, failure())))
    assert.isTrue(tripsAfter(failureRate({ window, threshold: 1 }), times(10, failure())))
    assert.isFalse(tripsAfter(failureRate({ window, threshold: 1 }), [success(), ...times(9, failure())]))
  })

  it("needs its minimum number of calls, which a success can complete", () => {
    const policy = failureRate({ window, minimumCalls: 4 })
    assert.isFalse(tripsAfter(policy, times(3, failure())))
    assert.isTrue(tripsAfter(policy, times(4, failure())))
    assert.isTrue(tripsAfter(policy, [...times(3, failure()), success()]))
    assert.isFalse(tripsAfter(policy, [...times(3, failure()), ignored()]))
  })

  it("needs its minimum number of failures", () => {
    const policy = failureRate({ window, minimumFailures: 3 })
    assert.isFalse(tripsAfter(policy, times(2, failure())))
    assert.isTrue(tripsAfter(policy, times(3, failure())))
  })

  it("never trips without a failure, whatever its thresholds", () => {
    const least = { window, threshold: 0, minimumCalls: 0, minimumFailures: 0 }
    assert.isFalse(tripsAfter(failureRate(least), []))
    assert.isFalse(tripsAfter(failureRate(least), times(10, success())))
    assert.isTrue(tripsAfter(failureRate(least), [...times(9, success()), failure()]))
    assert.isFalse(tripsAfter(slowCallRate(least), []))
    assert.isFalse(tripsAfter(slowCallRate(least), times(10, failure())))
    assert.isTrue(tripsAfter(slowCallRate(least), [...times(9, success()), success(0, 100)]))
  })

  it("of failures ignores the duration of calls", () => {
    const policy = failureRate({ window })
    assert.deepStrictEqual(countsAfter(policy, [failure(0, 1e9), success(0, Infinity)]), {
      calls: 2,
      failures: 1,
      slow: 0
    })
    const before = record(policy, [failure(), failure()])
    for (const call of [ignored(0, 1e9), interrupted(0, Infinity)]) {
      assert.strictEqual(policy.record(before, call), before)
    }
  })

  it("of slow calls counts from exactly slowerThan", () => {
    const policy = slowCallRate({ window })
    assert.deepStrictEqual(countsAfter(policy, [success(0, 99.999), success(0, 100), failure(0, 101)]), {
      calls: 3,
      failures: 1,
      slow: 2
    })
    assert.isFalse(tripsAfter(policy, [success(0, 99), failure(0, 99)]))
    assert.isFalse(tripsAfter(policy, [success(0, 99), success(0, 99), success(0, 100)]))
    assert.isTrue(tripsAfter(policy, [success(0, 99), success(0, 100)]))
  })

  it("R3.1.4 of slow calls counts an interrupted slow call, but not as a failure", () => {
    const policy = slowCallRate({ window })
    assert.deepStrictEqual(countsAfter(policy, [interrupted(0, 100), interrupted(0, 5000)]), {
      calls: 2,
      failures: 0,
      slow: 2
    })
    assert.isTrue(tripsAfter(policy, [interrupted(0, 100)]))
    const before = record(policy, [success()])
    assert.strictEqual(policy.record(before, interrupted(0, 99.999)), before)
  })

  it("of slow calls is the share of slow calls, not of failures", () => {
    const policy = slowCallRate({ window, minimumFailures: 2 })
    assert.isFalse(tripsAfter(policy, times(5, failure(0, 99))))
    assert.isFalse(tripsAfter(policy, [success(0, 100)]))
    assert.isTrue(tripsAfter(policy, times(2, success(0, 100))))
  })

  it("starts empty", () => {
    assert.deepStrictEqual(countsAfter(failureRate({ window }), []), none)
    assert.deepStrictEqual(countsAfter(slowCallRate({ window }), []), none)
  })
})

describe("R3.2.1 a rate over the last calls", () => {
  it("forgets by the number of calls, never by time", () => {
    const policy = failureRate({ window: lastCalls(4), threshold: 0.5, minimumCalls: 4 })
    const calls = [failure(0), failure(0), success(0), success(0)]
    assert.isTrue(tripsAfter(policy, calls, 1e12))
    assert.isFalse(tripsAfter(policy, [...calls, success(1)]))
    assert.deepStrictEqual(countsAfter(policy, [...calls, success(1)], 1e12), {
      calls: 4,
      failures: 1,
      slow: 0
    })
  })

  it("needs the time of successes only for their duration", () => {
    assert.deepStrictEqual(needs(failureRate({ window: lastCalls(4) })), nothing)
    assert.deepStrictEqual(needs(slowCallRate({ window: lastCalls(4) })), everything)
  })
})

describe("R3.2.1 a rate over time", () => {
  it("forgets by time", () => {
    const policy = failureRate({ window: overTime(1000), minimumCalls: 2 })
    assert.isTrue(tripsAfter(policy, [failure(0), failure(0)], 999))
    assert.isFalse(tripsAfter(policy, [failure(0), failure(0)], 1000))
    assert.isFalse(tripsAfter(policy, [failure(0), failure(1000)]))
    assert.deepStrictEqual(countsAfter(policy, [failure(0), failure(500), success(1000)]), {
      calls: 2,
      failures: 1,
      slow: 0
    })
    const slow = slowCallRate({ window: overTime(1000), minimumCalls: 2 })
    assert.isTrue(tripsAfter(slow, [success(0, 100), success(950)], 999))
    assert.isFalse(tripsAfter(slow, [success(0, 100), success(950), success(950)], 1000))
  })

  it("counts earlier buckets together with the current one", () => {
    const policy = failureRate({ window: overTime(1000), minimumCalls: 4, minimumFailures: 2 })
    assert.isTrue(tripsAfter(policy, [failure(0), failure(100), success(200), success(300)]))
    assert.isTrue(tripsAfter(policy, [success(0), success(100), failure(200), failure(300)]))
    assert.isTrue(tripsAfter(policy, [failure(0), success(100), success(100), failure(100)]))
    assert.isFalse(tripsAfter(policy, [failure(0), success(100), success(100), success(100)]))
  })

  it("needs the time of successes, and their duration if slow calls count", () => {
    assert.deepStrictEqual(needs(failureRate({ window: overTime(1000) })), {
      ...nothing,
      timesSuccesses: true
    })
    assert.deepStrictEqual(needs(slowCallRate({ window: overTime(1000) })), everything)
  })

  it("has the given number of buckets", () => {
    const coarse = failureRate({ window: overTime(1000, 2), minimumCalls: 2 })
    assert.isFalse(tripsAfter(coarse, times(2, failure(499)), 1000))
    assert.isTrue(tripsAfter(coarse, times(2, failure(500)), 1499))
    assert.isFalse(tripsAfter(coarse, times(2, failure(500)), 1500))
  })
})
