/** 12.1: the counts of a window beside each threshold of its policy. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Call, Figure, Policy } from "../../../src/internal/core/policies/policy.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import { failure, frozen, success } from "../circuits.ts"
import { failureRate, lastCalls, overTime, ownPolicy, record, slowCallRate, times } from "./fixtures.ts"

/** The figures after these calls, which are the same alone and shared. */
const figuresAfter = (policy: Policy<unknown>, calls: ReadonlyArray<Call>): ReadonlyArray<Figure> => {
  const now = calls.at(-1)?.at ?? 0
  const [alone, shared] = [policy, share(policy.data)].map((policy) =>
    policy?.figures(frozen(record(policy, calls)), now)
  )
  if (shared !== undefined) assert.deepStrictEqual(shared, alone)
  return alone!
}

/** Two failures, one of them slow, and three successes. */
const calls = [...times(3, success(100)), failure(100), failure(100, 2_000)]

const leaves: Record<string, Policy<unknown>> = {
  consecutive: consecutive(3),
  failureCount: failureCount(3, 1_000),
  "failureCount without end": failureCount(3, Infinity),
  "failureRate over time": failureRate({ minimumCalls: 4, window: overTime(1_000) }),
  "failureRate of the latest calls": failureRate({ minimumCalls: 3, minimumFailures: 2 }),
  slowCallRate: slowCallRate({ minimumCalls: 2 })
}

describe("the figures of a policy", () => {
  for (const [name, policy, figures] of [
    ["consecutive", consecutive(3), [{ what: "failures in a row", value: 2, threshold: 3, unit: "Count" }]],
    [
      "failureCount",
      failureCount(4, 60_000),
      [{ what: "failures in 60 s", value: 2, threshold: 4, unit: "Count" }]
    ],
    [
      "failureCount without end",
      failureCount(4, Infinity),
      [{ what: "failures since the circuit last closed", value: 2, threshold: 4, unit: "Count" }]
    ],
    [
      "failureRate",
      failureRate({ window: overTime(30_000), minimumCalls: 10 }),
      [
        { what: "share of failures in 30 s", value: 0.4, threshold: 0.5, unit: "Share" },
        { what: "calls in 30 s", value: 5, threshold: 10, unit: "Count" }
      ]
    ],
    [
      "failureRate with a minimum of failures",
      failureRate({ window: lastCalls(20), minimumFailures: 3 }),
      [
        { what: "share of failures among the last 20", value: 0.4, threshold: 0.5, unit: "Share" },
        { what: "calls among the last 20", value: 5, threshold: 1, unit: "Count" },
        { what: "failures among the last 20", value: 2, threshold: 3, unit: "Count" }
      ]
    ],
    [
      "slowCallRate",
      slowCallRate({ slowerThanMillis: 2_000, window: lastCalls(20) }),
      [
        { what: "share of slow calls among the last 20", value: 0.2, threshold: 0.5, unit: "Share" },
        { what: "calls among the last 20", value: 5, threshold: 1, unit: "Count" }
      ]
    ],
    ["a combination, which leaves them to its policies", anyOf([consecutive(3)]), []],
    ["a policy of the program's own", custom(ownPolicy), []]
  ] as const) {
    it(`12.1 of ${name}`, () => {
      assert.deepStrictEqual<unknown>(figuresAfter(policy, calls), figures)
    })
  }

  it("12.1 of a window without calls have no share", () => {
    const [share] = failureRate({}).figures(failureRate({}).initial, 0)

    assert.strictEqual(share?.value, 0)
  })

  for (const [name, policy] of Object.entries(leaves)) {
    it(`12.1 have all reached their thresholds exactly where the policy trips: ${name}`, () => {
      const call = fc.record({ fails: fc.boolean(), after: fc.nat(400), elapsed: fc.constantFrom(0, 200) })
      fc.assert(
        fc.property(fc.array(call, { maxLength: 12 }), (random) => {
          let at = 0
          const calls = random.map(({ after, elapsed, fails }) => {
            at += after
            return fails ? failure(at, elapsed) : success(at, elapsed)
          })
          const window = record(policy, calls)
          const reached = policy.figures(window, at).every(({ threshold, value }) => value >= threshold)
          assert.strictEqual(reached, policy.trips(window, at))
        })
      )
    })
  }

  it("12.1 of a combination are those of its parts, with their names", () => {
    const parts = [consecutive(3), failureCount(3, 1_000)]

    assert.deepStrictEqual(
      [anyOf(parts), allOf(parts)].map((policy) => [policy.parts?.needed, policy.parts?.policies]),
      [
        ["any", parts],
        ["all", parts]
      ]
    )
  })
})
