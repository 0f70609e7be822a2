import { assert, describe, it } from "@effect/vitest"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { failure, ignored, interrupted, success } from "../circuits.ts"
import { countsAfter, needs, none, nothing, times, tripsAfter } from "./fixtures.ts"

describe("R3.2.1 consecutive", () => {
  const policy = consecutive(3)

  it("trips on the n-th failure in a row", () => {
    assert.isFalse(tripsAfter(policy, []))
    assert.isFalse(tripsAfter(policy, times(2, failure())))
    assert.isTrue(tripsAfter(policy, times(3, failure())))
    assert.isTrue(tripsAfter(policy, times(4, failure())))
    assert.isTrue(tripsAfter(consecutive(1), [failure()]))
  })

  it("a success resets the count, an ignored or interrupted call does not", () => {
    const two = times(2, failure())
    assert.deepStrictEqual(countsAfter(policy, [...two, success()]), none)
    assert.isFalse(tripsAfter(policy, [...two, success(), ...two]))
    assert.isTrue(tripsAfter(policy, [...two, interrupted(), failure()]))
    assert.isTrue(tripsAfter(policy, [...two, ignored(), failure()]))
    assert.isFalse(tripsAfter(policy, [...two, interrupted()]))
  })

  it("counts the streak", () => {
    assert.deepStrictEqual(countsAfter(policy, []), none)
    assert.deepStrictEqual(countsAfter(policy, [success(), failure(), failure()]), {
      calls: 2,
      failures: 2,
      slow: 0
    })
  })

  it("a success of an empty streak changes nothing", () => {
    assert.strictEqual(policy.record(policy.initial, success()), policy.initial)
  })

  it("needs neither the time nor the duration of calls", () => assert.deepStrictEqual(needs(policy), nothing))
})
