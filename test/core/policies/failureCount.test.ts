import { assert, describe, it } from "@effect/vitest"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import { failure, ignored, interrupted, success } from "../circuits.ts"
import { countsAfter, needs, none, nothing, record, times, tripsAfter } from "./fixtures.ts"

describe("R3.2.1 failureCount", () => {
  const policy = failureCount(3, 1000)

  it("trips on the n-th failure within the time", () => {
    assert.isFalse(tripsAfter(policy, []))
    assert.isFalse(tripsAfter(policy, [failure(0), failure(0)]))
    assert.isTrue(tripsAfter(policy, [failure(0), failure(0), failure(999)]))
    assert.isFalse(tripsAfter(policy, [failure(0), failure(0), failure(1000)]))
    assert.isTrue(tripsAfter(policy, [failure(0), failure(1), failure(1000), failure(1000)]))
  })

  it("successes, ignored and interrupted calls change nothing", () => {
    const window = record(policy, [failure(0), failure(0)])
    for (const call of [success(1), ignored(1), interrupted(1)]) {
      assert.strictEqual(policy.record(window, call), window)
    }
    assert.isTrue(tripsAfter(policy, [failure(0), success(1), failure(2), success(3), failure(4)]))
  })

  it("counts at the given time", () => {
    const three = times(3, failure(0))
    assert.isTrue(tripsAfter(policy, three, 999))
    assert.isFalse(tripsAfter(policy, three, 1000))
  })

  it("counts failures only, at most as many as its limit", () => {
    assert.deepStrictEqual(countsAfter(policy, []), none)
    assert.deepStrictEqual(countsAfter(policy, [success(0), failure(0), failure(500)]), {
      calls: 2,
      failures: 2,
      slow: 0
    })
    assert.deepStrictEqual(countsAfter(policy, times(5, failure(0))), { calls: 3, failures: 3, slow: 0 })
    assert.deepStrictEqual(countsAfter(policy, times(5, failure(0)), 1000), none)
  })

  it("with an infinite within, it forgets nothing", () => {
    const total = failureCount(3, Infinity)
    assert.isTrue(tripsAfter(total, [failure(0), success(1e6), failure(1e9), failure(1e12)]))
  })

  it("needs neither the time nor the duration of calls", () => assert.deepStrictEqual(needs(policy), nothing))
})
