/** R3.4: the policy that has tripped and its figures, as in the log line of an opening. */
import { assert, describe, it } from "@effect/vitest"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Call, Policy } from "../../../src/internal/core/policies/policy.ts"
import type { RateWindow } from "../../../src/internal/core/policies/rate.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import { failure, frozen, success } from "../circuits.ts"
import { failureRate, lastCalls, overTime, ownPolicy, record, slowCallRate, times } from "./fixtures.ts"

/** The policy's description after these calls, which is the same alone and shared. */
const describedAs = (
  policy: Policy<unknown>,
  calls: ReadonlyArray<Call>,
  now = calls.at(-1)?.at ?? 0
): string => {
  const [alone, shared] = [policy, share(policy.data)].map((policy) =>
    policy?.describe(frozen(record(policy, calls)), now)
  )
  if (shared !== undefined) assert.strictEqual(shared, alone)
  return alone!
}

const count = (withinMillis: number) => failureCount(4, withinMillis)

const slower = (window: RateWindow) => slowCallRate({ slowerThanMillis: 2_000, window })

/** Six failures, the last of them now, and four successes. */
const sixOfTen = [...times(4, success(100)), ...times(6, failure(100))]

/** Six calls that took two seconds, and four that did not. */
const sixSlow = [
  ...times(4, success(100, 1_999)),
  ...times(3, success(100, 2_000)),
  ...times(3, failure(100, 9_000))
]

describe("R3.4 the figures of a policy", () => {
  it("of a streak", () => {
    assert.strictEqual(describedAs(consecutive(3), sixOfTen.slice(0, 7)), "consecutive: 3 failures in a row")
    assert.strictEqual(describedAs(consecutive(1), [failure()]), "consecutive: 1 failure in a row")
  })

  it("of a count", () => {
    assert.strictEqual(describedAs(count(60_000), sixOfTen), "failureCount: 4 failures in 60 s")
    assert.strictEqual(describedAs(count(60_000), [failure()]), "failureCount: 1 failure in 60 s")
    assert.strictEqual(
      describedAs(count(Infinity), sixOfTen),
      "failureCount: 4 failures since the circuit last closed"
    )
    // those that count at the given time
    assert.strictEqual(
      describedAs(count(60_000), [failure(0), failure(100)], 60_000),
      "failureCount: 1 failure in 60 s"
    )
  })

  it("of a rate over time", () => {
    const policy = failureRate({ window: overTime(30_000) })
    assert.strictEqual(describedAs(policy, sixOfTen), "failureRate: 6 of 10 calls in 30 s")
    assert.strictEqual(
      describedAs(policy, [...times(5, failure(0)), success(3_000), failure(3_000)], 30_000),
      "failureRate: 1 of 2 calls in 30 s"
    )
  })

  it("of a rate over the latest calls", () => {
    const policy = failureRate({ window: lastCalls(20) })
    assert.strictEqual(describedAs(policy, sixOfTen), "failureRate: 6 of 10 calls")
  })

  it("of a rate of slow calls", () => {
    assert.strictEqual(
      describedAs(slower(overTime(30_000)), sixSlow),
      "slowCallRate: 6 of 10 calls in 30 s took 2 s or longer"
    )
    assert.strictEqual(
      describedAs(slower(lastCalls(20)), sixSlow),
      "slowCallRate: 6 of 10 calls took 2 s or longer"
    )
  })

  it("of any of several: the first that trips", () => {
    const policies = [consecutive(6), count(60_000), failureRate({ window: lastCalls(4) })]
    const policy = anyOf(policies)
    assert.strictEqual(describedAs(policy, sixOfTen), "consecutive: 6 failures in a row")
    const twoInARow = [...sixOfTen, success(100), failure(100)]
    assert.strictEqual(describedAs(policy, twoInARow), "failureCount: 4 failures in 60 s")
    assert.strictEqual(describedAs(policy, twoInARow.slice(-4)), "failureRate: 3 of 4 calls")
  })

  it("of any of several, none of which trips: none", () => {
    assert.strictEqual(describedAs(anyOf([consecutive(6), count(60_000)]), [failure()]), "")
  })

  it("of all of several: each of them", () => {
    const policies = [consecutive(6), failureRate({ window: overTime(30_000) })]
    assert.strictEqual(
      describedAs(allOf(policies), sixOfTen),
      "consecutive: 6 failures in a row and failureRate: 6 of 10 calls in 30 s"
    )
  })

  it("of a program's own policy: that it is one", () => {
    assert.strictEqual(describedAs(custom(ownPolicy), [failure()]), "a policy of the program's own")
  })

  const spans: ReadonlyArray<readonly [millis: number, text: string]> = [
    [0.5, "0.5 ms"],
    [1.999, "2 ms"],
    [250, "250 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [1_500, "1.5 s"],
    [90_000, "90 s"],
    [599_000, "599 s"],
    [600_000, "10 min"],
    [700_000, "11.67 min"],
    [7_140_000, "119 min"],
    [7_200_000, "2 h"],
    [86_400_000, "24 h"]
  ]
  for (const [millis, text] of spans) {
    it(`a span of ${millis} milliseconds reads ${text}`, () => {
      assert.strictEqual(describedAs(count(millis), [failure()]), `failureCount: 1 failure in ${text}`)
    })
  }
})
