import { assert, describe, it } from "@effect/vitest"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import type { Call } from "../../../src/internal/core/policies/policy.ts"
import { failure, ignored, interrupted, success } from "../circuits.ts"
import { countsAfter, everything, needs, none, record, tripsAfter } from "./fixtures.ts"

describe("R3.2.1 a custom policy", () => {
  const seen: Array<unknown> = []
  const policy = custom({
    initial: { failures: 0 },
    record(state, call) {
      seen.push(call)
      return { failures: (state as { failures: number }).failures + 1 }
    },
    trips: (state, now) => (state as { failures: number }).failures >= 2 && now === 7
  })

  it("is called with its own window, the call and the time", () => {
    seen.length = 0
    const calls = [success(5, 1), failure(7, 2)]
    const window = record(policy, calls)
    assert.deepStrictEqual(seen, calls)
    assert.isTrue(policy.trips(window, 7))
    assert.isFalse(policy.trips(window, 8))
    assert.isFalse(policy.trips(policy.initial, 7))
  })

  it("is never given an Ignored call", () => {
    seen.length = 0
    for (const call of [ignored(1, 1e9), interrupted(1, 1e9)]) {
      assert.strictEqual(policy.record(policy.initial, call), policy.initial)
    }
    assert.deepStrictEqual(seen, [])
  })

  it("shows no counts, and needs the time and the duration of calls", () => {
    assert.deepStrictEqual(countsAfter(policy, [failure()]), none)
    assert.deepStrictEqual(needs(policy), { ...everything, countsInterrupted: false })
  })

  it("is called as a method of the given object", () => {
    class Streak {
      readonly initial = 0
      readonly limit = 1
      record(state: unknown, call: Call): unknown {
        return call.outcome._tag === "Failure" ? Number(state) + this.limit : 0
      }
      trips(state: unknown): boolean {
        return Number(state) >= this.limit
      }
    }
    assert.isTrue(tripsAfter(custom(new Streak()), [failure()]))
    assert.isFalse(tripsAfter(custom(new Streak()), [failure(), success()]))
  })
})
