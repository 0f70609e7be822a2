/** Several policies that decide together. */
import { assert, describe, it } from "@effect/vitest"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
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
  ownPolicy,
  record,
  slowCallRate,
  tripsAfter
} from "./fixtures.ts"

describe("R3.2.1 anyOf", () => {
  const policy = anyOf([consecutive(3), failureCount(4, 1000)])

  it("trips when one of its policies does, each with a window of its own", () => {
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
    const mixed = anyOf([
      slowCallRate({ threshold: 1, minimumCalls: 9, window: lastCalls(2) }),
      failureCount(9, Infinity),
      consecutive(9)
    ])
    const calls = [failure(), failure(), failure(), success(0, 100), success(0, 100)]
    assert.deepStrictEqual(countsAfter(mixed, calls), { calls: 3, failures: 3, slow: 2 })
    assert.deepStrictEqual(countsAfter(mixed, [success(0, 100), success(0, 100)]), {
      calls: 2,
      failures: 0,
      slow: 2
    })
  })

  it("of one policy is that policy", () => {
    const one = anyOf([consecutive(2)])
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

  it("needs what any of them needs", () => {
    assert.deepStrictEqual(needs(policy), nothing)
    const withRate = (rate: Policy<unknown>) => needs(anyOf([consecutive(3), rate]))
    assert.deepStrictEqual(withRate(failureRate({ window: overTime(1000) })), {
      ...nothing,
      timesSuccesses: true
    })
    assert.deepStrictEqual(withRate(failureRate({ window: lastCalls(5) })), nothing)
    assert.deepStrictEqual(withRate(slowCallRate({ window: overTime(1000) })), everything)
  })
})

describe("R3.2.1 allOf", () => {
  const streakAndCount = allOf([consecutive(2), failureCount(3, 1000)])

  it("trips when each of its policies does, each with a window of its own", () => {
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
    const one = allOf([consecutive(2)])
    assert.isFalse(tripsAfter(one, [failure()]))
    assert.isTrue(tripsAfter(one, [failure(), failure()]))
    const either = anyOf([allOf([consecutive(1), failureRate({ threshold: 1 })]), failureCount(2, Infinity)])
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

  it("a success can complete one policy while the failures of another still count", () => {
    const policy = allOf([failureRate({ minimumCalls: 4, window: lastCalls(4) }), failureCount(2, 1000)])
    const calls = [failure(0), failure(0), success(10)]
    assert.isFalse(tripsAfter(policy, calls))
    assert.isTrue(tripsAfter(policy, [...calls, success(999)]))
    assert.isFalse(tripsAfter(policy, [...calls, success(1000)]))
    // it could not without its time, which a success has only if the policy asks for it
    assert.isTrue(policy.timesSuccesses)
    assert.isFalse(tripsAfter(policy, [...calls, success(NaN)]))
  })

  it("needs the time of successes, and what any of them needs", () => {
    const timed = { ...nothing, timesSuccesses: true }
    assert.deepStrictEqual(needs(streakAndCount), timed)
    const withRate = (rate: Policy<unknown>) => needs(allOf([consecutive(3), rate]))
    assert.deepStrictEqual(withRate(failureRate({ window: lastCalls(5) })), timed)
    assert.deepStrictEqual(withRate(slowCallRate()), everything)
  })
})

const slowerThan = (slowerThanMillis: number) => slowCallRate({ slowerThanMillis })

describe("R3.2.11 the duration from which a probe is slow", () => {
  const [streak, count, own] = [consecutive(3), failureCount(3, 1000), custom(ownPolicy)]

  it("is defined by a slow-call policy only", () => {
    for (const policy of [streak, count, failureRate(), own]) {
      assert.strictEqual(policy.slowerThanMillis, Infinity)
    }
    assert.strictEqual(slowerThan(70).slowerThanMillis, 70)
    const timed = slowCallRate({ slowerThanMillis: 70, window: overTime(1000) })
    assert.strictEqual(timed.slowerThanMillis, 70)
  })

  it("is the shortest of several under anyOf, and the longest under allOf", () => {
    const policies = [streak, slowerThan(70), slowerThan(50), own, slowerThan(60)]
    assert.strictEqual(anyOf(policies).slowerThanMillis, 50)
    assert.strictEqual(allOf(policies).slowerThanMillis, 70)
    assert.strictEqual(allOf([streak, anyOf(policies)]).slowerThanMillis, 50)
    for (const combine of [anyOf, allOf]) {
      assert.strictEqual(combine([streak, count]).slowerThanMillis, Infinity)
    }
  })
})

describe("a policy is entirely this library's own", () => {
  const own = custom(ownPolicy)
  const builtIn = [
    consecutive(3),
    failureCount(3, 1000),
    failureRate(),
    slowCallRate({ window: overTime(1000) })
  ]

  it("unless it is a program's own policy, or contains one", () => {
    for (const policy of builtIn) {
      assert.isTrue(policy.isBuiltIn)
      assert.isTrue(share(policy.data)?.isBuiltIn)
    }
    assert.isFalse(own.isBuiltIn)
    for (const combine of [anyOf, allOf]) {
      assert.isTrue(combine(builtIn).isBuiltIn)
      assert.isTrue(share(combine(builtIn).data)?.isBuiltIn)
      assert.isFalse(combine([...builtIn, own]).isBuiltIn)
      assert.isFalse(combine([combine([own])]).isBuiltIn)
    }
  })
})
