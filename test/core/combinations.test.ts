/** Several policies that decide together. */
import { assert, describe, it } from "@effect/vitest"
import type { PolicyData } from "../../src/internal/core/policy.ts"
import { compile } from "../../src/internal/core/policy.ts"
import { share } from "../../src/internal/core/share.ts"
import { failure, ignored, interrupted, success } from "./circuits.ts"
import type { RateData } from "./policies.ts"
import {
  asks,
  countsAfter,
  everything,
  lastCalls,
  none,
  nothing,
  overTime,
  record,
  tripsAfter
} from "./policies.ts"

const rate = (over: Partial<RateData>): RateData => ({
  _tag: "FailureRate",
  threshold: 0.5,
  minimumCalls: 1,
  minimumFailures: 1,
  slowerThanMillis: Infinity,
  window: lastCalls(10),
  ...over
})

const slowRate = (slowerThanMillis: number): RateData => rate({ _tag: "SlowCallRate", slowerThanMillis })

describe("anyOf", () => {
  const policy = compile({
    _tag: "AnyOf",
    policies: [
      { _tag: "Consecutive", failures: 3 },
      { _tag: "FailureCount", failures: 4, withinMillis: 1000 }
    ]
  })

  it("trips when one of them does, each on a window of its own", () => {
    assert.isFalse(tripsAfter(policy, []))
    assert.isFalse(tripsAfter(policy, [failure(0), failure(0)]))
    assert.isTrue(tripsAfter(policy, [failure(0), failure(0), failure(0)]))
    const interleaved = [failure(0), success(0), failure(0), success(0), failure(0), success(0), failure(0)]
    assert.isTrue(tripsAfter(policy, interleaved))
    assert.isFalse(tripsAfter(policy, interleaved, 1000))
    assert.isFalse(tripsAfter(policy, interleaved.slice(0, -1)))
  })

  it("shows the largest figures, field by field", () => {
    assert.deepStrictEqual(countsAfter(policy, []), none)
    assert.deepStrictEqual(countsAfter(policy, [failure(0), failure(0), success(0), failure(0)]), {
      calls: 3,
      failures: 3,
      slow: 0
    })
    const mixed = compile({
      _tag: "AnyOf",
      policies: [
        {
          _tag: "SlowCallRate",
          threshold: 1,
          minimumCalls: 9,
          minimumFailures: 1,
          slowerThanMillis: 100,
          window: lastCalls(2)
        },
        { _tag: "FailureCount", failures: 9, withinMillis: Infinity },
        { _tag: "Consecutive", failures: 9 }
      ]
    })
    const calls = [failure(), failure(), failure(), success(0, 100), success(0, 100)]
    assert.deepStrictEqual(countsAfter(mixed, calls), { calls: 3, failures: 3, slow: 2 })
    assert.deepStrictEqual(countsAfter(mixed, [success(0, 100), success(0, 100)]), {
      calls: 2,
      failures: 0,
      slow: 2
    })
  })

  it("of one policy is that policy", () => {
    const one = compile({ _tag: "AnyOf", policies: [{ _tag: "Consecutive", failures: 2 }] })
    assert.isFalse(tripsAfter(one, [failure()]))
    assert.isTrue(tripsAfter(one, [failure(), failure()]))
    assert.deepStrictEqual(countsAfter(one, [failure()]), { calls: 1, failures: 1, slow: 0 })
  })

  it("a call that changes none of the windows changes nothing", () => {
    const window = record(policy, [failure(0), success(1)])
    assert.strictEqual(policy.record(window, success(2)), window)
    assert.strictEqual(policy.record(window, interrupted(2)), window)
    // changes the streak, not the count
    const streak = record(policy, [failure(0)])
    assert.notStrictEqual(policy.record(streak, success(1)), streak)
  })

  it("asks what any of them asks", () => {
    assert.deepStrictEqual(asks(policy), nothing)
    const withRate = (data: RateData) =>
      compile({ _tag: "AnyOf", policies: [{ _tag: "Consecutive", failures: 3 }, data] })
    const rate: RateData = {
      _tag: "FailureRate",
      threshold: 0.5,
      minimumCalls: 1,
      minimumFailures: 1,
      slowerThanMillis: 1,
      window: overTime(1000)
    }
    assert.deepStrictEqual(asks(withRate(rate)), { ...nothing, timesSuccesses: true })
    assert.deepStrictEqual(asks(withRate({ ...rate, window: lastCalls(5) })), nothing)
    assert.deepStrictEqual(asks(withRate({ ...rate, _tag: "SlowCallRate" })), everything)
  })
})

describe("allOf", () => {
  const streakAndCount = compile({
    _tag: "AllOf",
    policies: [
      { _tag: "Consecutive", failures: 2 },
      { _tag: "FailureCount", failures: 3, withinMillis: 1000 }
    ]
  })

  it("trips when each of them does, each on a window of its own", () => {
    assert.isFalse(tripsAfter(streakAndCount, []))
    assert.isFalse(tripsAfter(streakAndCount, [failure(0), failure(0)]))
    assert.isTrue(tripsAfter(streakAndCount, [failure(0), failure(0), failure(0)]))
    const broken = [failure(0), failure(0), success(0), failure(0)]
    assert.isFalse(tripsAfter(streakAndCount, broken))
    assert.isTrue(tripsAfter(streakAndCount, [...broken, failure(999)]))
    assert.isFalse(tripsAfter(streakAndCount, [failure(0), failure(0), failure(0)], 1000))
    assert.isFalse(tripsAfter(streakAndCount, [...broken, failure(1000)]))
  })

  it("of one policy is that policy, and within an anyOf it is one of them", () => {
    const one = compile({ _tag: "AllOf", policies: [{ _tag: "Consecutive", failures: 2 }] })
    assert.isFalse(tripsAfter(one, [failure()]))
    assert.isTrue(tripsAfter(one, [failure(), failure()]))
    const either = compile({
      _tag: "AnyOf",
      policies: [
        { _tag: "AllOf", policies: [{ _tag: "Consecutive", failures: 1 }, rate({ threshold: 1 })] },
        { _tag: "FailureCount", failures: 2, withinMillis: Infinity }
      ]
    })
    assert.isTrue(tripsAfter(either, [failure()]))
    assert.isFalse(tripsAfter(either, [success(), failure()]))
    assert.isTrue(tripsAfter(either, [success(), failure(), failure()]))
  })

  it("shows the largest figures, field by field", () => {
    assert.deepStrictEqual(countsAfter(streakAndCount, []), none)
    assert.deepStrictEqual(countsAfter(streakAndCount, [failure(0), failure(0), success(0), failure(0)]), {
      calls: 3,
      failures: 3,
      slow: 0
    })
  })

  it("a call that changes none of the windows changes nothing", () => {
    const window = record(streakAndCount, [failure(0), success(1)])
    for (const call of [success(2), ignored(2), interrupted(2, 1e9)]) {
      assert.strictEqual(streakAndCount.record(window, call), window)
    }
  })

  it("R3.2.1 a success can complete one of them while the failures of another still count", () => {
    const policy = compile({
      _tag: "AllOf",
      policies: [
        rate({ minimumCalls: 4, window: lastCalls(4) }),
        { _tag: "FailureCount", failures: 2, withinMillis: 1000 }
      ]
    })
    const calls = [failure(0), failure(0), success(10)]
    assert.isFalse(tripsAfter(policy, calls))
    assert.isTrue(tripsAfter(policy, [...calls, success(999)]))
    assert.isFalse(tripsAfter(policy, [...calls, success(1000)]))
    // without its time, which a success carries only if the policy asks for that, it could not
    assert.isTrue(policy.timesSuccesses)
    assert.isFalse(tripsAfter(policy, [...calls, success(NaN)]))
  })

  it("asks for the time of successes, and what any of them asks", () => {
    const timed = { ...nothing, timesSuccesses: true }
    assert.deepStrictEqual(asks(streakAndCount), timed)
    const withRate = (data: RateData) =>
      compile({ _tag: "AllOf", policies: [{ _tag: "Consecutive", failures: 3 }, data] })
    assert.deepStrictEqual(asks(withRate(rate({ window: lastCalls(5) }))), timed)
    assert.deepStrictEqual(asks(withRate(slowRate(1))), everything)
  })
})

describe("R3.2.11 from when on a probe is slow", () => {
  const streak: PolicyData = { _tag: "Consecutive", failures: 3 }
  const count: PolicyData = { _tag: "FailureCount", failures: 3, withinMillis: 1000 }
  const custom: PolicyData = { _tag: "Custom", initial: 0, record: () => 0, trips: () => false }
  const slowerThan = (data: PolicyData) => compile(data).slowerThanMillis

  it("only a slow-call policy says so", () => {
    for (const data of [streak, count, rate({}), custom]) assert.strictEqual(slowerThan(data), Infinity)
    assert.strictEqual(slowerThan(slowRate(70)), 70)
    assert.strictEqual(slowerThan({ ...slowRate(70), window: overTime(1000) }), 70)
  })

  it("the shortest time of any, the longest of all that look at it", () => {
    const policies = [streak, slowRate(70), slowRate(50), custom, slowRate(60)]
    assert.strictEqual(slowerThan({ _tag: "AnyOf", policies }), 50)
    assert.strictEqual(slowerThan({ _tag: "AllOf", policies }), 70)
    assert.strictEqual(slowerThan({ _tag: "AllOf", policies: [streak, { _tag: "AnyOf", policies }] }), 50)
    for (const _tag of ["AnyOf", "AllOf"] as const)
      assert.strictEqual(slowerThan({ _tag, policies: [streak, count] }), Infinity)
  })
})

describe("whether all of a policy is this library's own", () => {
  const custom: PolicyData = { _tag: "Custom", initial: 0, record: () => 0, trips: () => false }
  const own: ReadonlyArray<PolicyData> = [
    { _tag: "Consecutive", failures: 3 },
    { _tag: "FailureCount", failures: 3, withinMillis: 1000 },
    rate({}),
    { ...slowRate(70), window: overTime(1000) }
  ]

  it("it is, but for a program's own policy and what that is part of", () => {
    for (const data of own) {
      assert.isTrue(compile(data).isBuiltIn)
      assert.isTrue(share(data)?.isBuiltIn)
    }
    assert.isFalse(compile(custom).isBuiltIn)
    for (const _tag of ["AnyOf", "AllOf"] as const) {
      assert.isTrue(compile({ _tag, policies: own }).isBuiltIn)
      assert.isTrue(share({ _tag, policies: own })?.isBuiltIn)
      assert.isFalse(compile({ _tag, policies: [...own, custom] }).isBuiltIn)
      assert.isFalse(compile({ _tag, policies: [{ _tag, policies: [custom] }] }).isBuiltIn)
    }
  })
})
