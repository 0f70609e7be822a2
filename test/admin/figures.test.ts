/** The nearness of a window to tripping its policy. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { figuresOf, nearnessOf, policyText } from "../../src/internal/admin/figures.ts"
import { allOf } from "../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../src/internal/core/policies/failureCount.ts"
import type { Call, Policy } from "../../src/internal/core/policies/policy.ts"
import { failure, success } from "../core/circuits.ts"
import { failureRate, ownPolicy, record, times } from "../core/policies/fixtures.ts"

const nearnessAfter = (policy: Policy<unknown>, calls: ReadonlyArray<Call>) =>
  nearnessOf(policy, { window: record(policy, calls), at: calls.at(-1)?.at ?? 0 })

const own = custom(ownPolicy)
const calls = [...times(3, success(100)), failure(100), failure(100)]

describe("the nearness of a window to tripping", () => {
  for (const [what, policy, nearness] of [
    ["is the share of the threshold that is reached", consecutive(4), 0.5],
    ["is that of the figure that is farthest from its threshold", failureRate({ minimumCalls: 20 }), 0.25],
    ["is at most 1", failureCount(1, 1_000), 1],
    ["of anyOf is that of the nearest", anyOf([consecutive(4), failureCount(10, 1_000)]), 0.5],
    ["of allOf is that of the farthest", allOf([consecutive(4), failureCount(10, 1_000)]), 0.2],
    ["of a policy of the program's own is not known", own, null],
    ["of anyOf with such a policy is that of the others", anyOf([own, consecutive(4)]), 0.5],
    ["of anyOf with only such policies is not known", anyOf([own]), null],
    ["of allOf with such a policy is not known", allOf([own, consecutive(4)]), null],
    ["of combinations within combinations", anyOf([allOf([consecutive(4), consecutive(8)])]), 0.25]
  ] as const) {
    it(`12.1 ${what}`, () => {
      assert.strictEqual(nearnessAfter(policy, calls), nearness)
    })
  }

  it("12.1 is 0 of a window without failures, and not known of one of the program's own policy", () => {
    assert.strictEqual(nearnessAfter(failureRate(), []), 0)
    assert.strictEqual(nearnessAfter(failureRate(), [success(0)]), 0)
    assert.strictEqual(nearnessAfter(own, []), null)
  })

  it("12.1 is 1 exactly where the policy trips", () => {
    const leaf = fc.constantFrom(consecutive(3), failureCount(2, 500), failureRate({ minimumCalls: 3 }))
    const policy = fc.oneof(
      leaf,
      fc.array(leaf, { minLength: 1, maxLength: 3 }).map(anyOf),
      fc.array(leaf, { minLength: 1, maxLength: 3 }).map(allOf)
    )
    const call = fc.record({ fails: fc.boolean(), after: fc.nat(400) })
    fc.assert(
      fc.property(policy, fc.array(call, { maxLength: 12 }), (policy: Policy<unknown>, random) => {
        let at = 0
        const calls = random.map(({ after, fails }) => {
          at += after
          return fails ? failure(at) : success(at)
        })
        const window = record(policy, calls)
        assert.strictEqual(nearnessOf(policy, { window, at }) === 1, policy.trips(window, at))
      })
    )
  })
})

describe("a policy in words", () => {
  const policy = anyOf([consecutive(4), allOf([failureCount(3, 1_000), own])])

  it("12.1 is its name with its thresholds, and those of its parts", () => {
    assert.strictEqual(
      policyText(policy),
      "anyOf(consecutive(failures in a row: at least 4), allOf(failureCount(failures in 1 s: at least 3), custom))"
    )
  })

  it("12.1 has the figures of all of its parts, with their names", () => {
    assert.deepStrictEqual(
      figuresOf(policy, record(policy, calls), 100).map(({ policy, value }) => [policy, value]),
      [
        ["consecutive", 2],
        ["failureCount", 2]
      ]
    )
  })
})
