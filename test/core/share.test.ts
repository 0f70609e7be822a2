/** Windows that are spread over several nodes: together they count what a single one would. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Call, PolicyData } from "../../src/internal/core/policy.ts"
import { compile } from "../../src/internal/core/policy.ts"
import type { SharedPolicy } from "../../src/internal/core/share.ts"
import { share } from "../../src/internal/core/share.ts"
import { check } from "./check.ts"
import { failure, frozen, ignored, interrupted, success } from "./circuits.ts"
import type { RateData } from "./policies.ts"
import { asks, everything, lastCalls, none, nothing, overTime, record } from "./policies.ts"

/** A node, whose clock the shared one is ahead of by so much; its calls are timed by its own. */
interface Node {
  readonly ahead: number
  readonly calls: ReadonlyArray<Call>
}

const shared = (data: PolicyData): SharedPolicy<unknown> => {
  const policy = share(data)
  if (policy === undefined) throw new Error("not to be shared")
  return policy
}

/** The window of the first node at `now` by its clock, with what the others contribute at that moment. */
const merged = (policy: SharedPolicy<unknown>, nodes: ReadonlyArray<Node>, now: number): unknown => {
  const [first, ...others] = nodes as [Node, ...Array<Node>]
  const contributions = others.map(({ ahead, calls }) =>
    policy.contribution(frozen(record(policy, calls)), now + first.ahead - ahead, ahead)
  )
  // as text, like everything that is sent
  return policy.merge(
    frozen(record(policy, first.calls)),
    frozen(JSON.parse(JSON.stringify(contributions))),
    now,
    first.ahead
  )
}

const countsOf = (data: PolicyData, nodes: ReadonlyArray<Node>, now: number) => {
  const policy = shared(data)
  return policy.counts(merged(policy, nodes, now), now)
}

const trips = (data: PolicyData, nodes: ReadonlyArray<Node>, now: number): boolean => {
  const policy = shared(data)
  return policy.trips(merged(policy, nodes, now), now)
}

const on = (...calls: ReadonlyArray<Call>): Node => ({ ahead: 0, calls })

const ahead = (ahead: number, ...calls: ReadonlyArray<Call>): Node => ({ ahead, calls })

const streak: PolicyData = { _tag: "Consecutive", failures: 3 }
const count: PolicyData = { _tag: "FailureCount", failures: 3, withinMillis: 1000 }
const rate = (window: RateData["window"], _tag: RateData["_tag"] = "FailureRate"): RateData => ({
  _tag,
  threshold: 0.5,
  minimumCalls: 4,
  minimumFailures: 1,
  slowerThanMillis: _tag === "SlowCallRate" ? 100 : Infinity,
  window
})

describe("a shared policy", () => {
  const policies: Record<string, PolicyData> = {
    streak,
    count,
    "rate over time": rate(overTime(1000)),
    "rate over the latest calls": rate(lastCalls(4)),
    "slow-call rate over time": rate(overTime(1000), "SlowCallRate"),
    "any of them": { _tag: "AnyOf", policies: [streak, count, rate(overTime(1000))] },
    "all of them": { _tag: "AllOf", policies: [count, rate(overTime(1000)), rate(lastCalls(4))] }
  }
  const calls = fc.array(
    fc.tuple(fc.constantFrom(success, failure, failure, ignored, interrupted), fc.nat(200), fc.nat(150)),
    { maxLength: 12 }
  )
  for (const [name, data] of Object.entries(policies)) {
    it(`of a single node is the policy itself: ${name}`, () => {
      const [policy, alone] = [shared(data), compile(data)]
      assert.deepStrictEqual(asks(policy), asks(alone))
      assert.strictEqual(policy.slowerThanMillis, alone.slowerThanMillis)
      check(
        fc.property(calls, (history) => {
          let [window, expected, now] = [policy.initial, alone.initial, 0]
          for (const [how, gap, elapsed] of history) {
            now += gap
            const call = how(now, elapsed)
            window = policy.record(frozen(window), call)
            expected = alone.record(expected, call)
            const together = policy.merge(window, [], now, 5)
            for (const it of [window, together]) {
              assert.strictEqual(policy.trips(it, now), alone.trips(expected, now))
              const { failures } = alone.counts(expected, now)
              // a shared streak goes on no further than it has to
              assert.strictEqual(
                policy.counts(it, now).failures,
                Math.min(failures, data === streak ? 3 : Infinity)
              )
            }
          }
        }),
        100
      )
    })
  }

  it("there is none of a program's own policy, alone or among others", () => {
    const custom: PolicyData = { _tag: "Custom", initial: 0, record: () => 0, trips: () => false }
    assert.isUndefined(share(custom))
    assert.isUndefined(share({ _tag: "AnyOf", policies: [streak, custom] }))
    assert.isUndefined(share({ _tag: "AllOf", policies: [custom, streak] }))
    assert.isUndefined(share({ _tag: "AnyOf", policies: [{ _tag: "AllOf", policies: [custom] }] }))
  })
})

describe("a shared streak", () => {
  it("is that of all nodes since anybody's latest success", () => {
    const three = [on(failure(10)), on(failure(20)), on(failure(30))]
    assert.isTrue(trips(streak, three, 30))
    assert.isFalse(trips(streak, three.slice(1), 30))
    assert.isFalse(trips(streak, [...three, on(success(15))], 30))
    assert.deepStrictEqual(countsOf(streak, [...three, on(success(15))], 30), {
      calls: 2,
      failures: 2,
      slow: 0
    })
    assert.isFalse(trips(streak, [on(failure(10), success(15)), on(failure(20)), on(failure(30))], 30))
    assert.isTrue(trips(streak, [...three, on(success(5))], 30))
  })

  it("a failure in the same millisecond as a success counts", () => {
    assert.isTrue(trips(streak, [on(failure(10)), on(failure(20)), on(failure(30)), on(success(10))], 30))
  })

  it("goes by the shared clock", () => {
    // on the shared clock: a failure at 110, a success at 105, failures at 104 and 120
    const nodes = [ahead(100, failure(10)), ahead(-10, success(115)), ahead(4, failure(100), failure(116))]
    assert.deepStrictEqual(countsOf(streak, nodes, 20), { calls: 2, failures: 2, slow: 0 })
    assert.deepStrictEqual(countsOf(streak, nodes.slice(0, 2), 20), { calls: 1, failures: 1, slow: 0 })
  })

  it("holds no more failures than it needs, the latest", () => {
    const many = [on(failure(10), failure(20), failure(30), failure(40)), on(failure(15), failure(25))]
    assert.deepStrictEqual(countsOf(streak, many, 40), { calls: 3, failures: 3, slow: 0 })
    const policy = shared(streak)
    const window = merged(policy, many, 40)
    assert.deepStrictEqual(policy.contribution(window, 40, 0), [-1, 25, 30, 40])
  })

  it("contributes when its latest success was, if it was timed, and the failures since", () => {
    const policy = shared(streak)
    const contribution = (ahead: number, ...calls: ReadonlyArray<Call>) =>
      policy.contribution(record(policy, calls), 50, ahead)
    assert.deepStrictEqual(contribution(0), [-1])
    assert.deepStrictEqual(contribution(7, success(10), failure(20), failure(30)), [17, 27, 37])
    assert.deepStrictEqual(contribution(0, failure(20), success(NaN), failure(30)), [-1, 30])
    assert.deepStrictEqual(contribution(0, success(10), failure(20), success(NaN), failure(30)), [10, 30])
    // no number in JSON is infinite
    assert.deepStrictEqual(JSON.parse(JSON.stringify(contribution(1e9))), [-1])
  })

  it("an untimed success of an empty streak changes nothing, nor does an Ignored call", () => {
    const policy = shared(streak)
    for (const window of [policy.initial, record(policy, [success(10)])]) {
      for (const call of [success(NaN), ignored(20), interrupted(20)])
        assert.strictEqual(policy.record(window, call), window)
    }
    const failed = record(policy, [failure(10)])
    assert.strictEqual(policy.record(failed, ignored(20)), failed)
    assert.strictEqual(policy.counts(policy.record(failed, success(NaN)), 20).failures, 0)
    assert.deepStrictEqual(asks(policy), nothing)
  })
})

describe("a shared count of failures", () => {
  it("is that of all nodes, within the time", () => {
    const three = [on(failure(0)), on(failure(500)), on(failure(999))]
    assert.isTrue(trips(count, three, 999))
    assert.isFalse(trips(count, three, 1000))
    assert.deepStrictEqual(countsOf(count, three, 1000), { calls: 2, failures: 2, slow: 0 })
    assert.isFalse(trips(count, three.slice(1), 999))
    assert.isTrue(trips(count, [on(), on(failure(0), failure(10), failure(20))], 20))
  })

  it("goes by the shared clock", () => {
    // on the shared clock: failures at 1100, 1090 and 900
    const nodes = [ahead(100, failure(1000)), ahead(-10, failure(1100)), ahead(0, failure(900))]
    assert.isTrue(trips(count, nodes, 1799))
    assert.isFalse(trips(count, nodes, 1800))
    assert.isTrue(trips(count, [ahead(100, failure(1700)), ...nodes], 1900 + 89))
    assert.isFalse(trips(count, [ahead(100, failure(1700)), ...nodes], 1900 + 90))
  })

  it("contributes only what still counts, the latest", () => {
    const policy = shared(count)
    const window = record(policy, [failure(0), failure(100), failure(200), failure(300)])
    assert.deepStrictEqual(policy.contribution(window, 300, 5), [105, 205, 305])
    assert.deepStrictEqual(policy.contribution(window, 1099.5, 5), [105, 205, 305])
    assert.deepStrictEqual(policy.contribution(window, 1100, 5), [205, 305])
    assert.deepStrictEqual(policy.contribution(policy.initial, 0, 5), [])
  })

  it("counts as one window would, whichever nodes the calls are of", () => {
    check(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.nat(400), fc.boolean()), { maxLength: 12 }),
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 3 }),
        (history, offsets) => {
          let now = 100
          const all: Array<Call> = []
          const nodes = offsets.map((ahead) => ({ ahead, calls: new Array<Call>() }))
          for (const [node, gap, fails] of history) {
            now += gap
            all.push((fails ? failure : success)(now))
            nodes[node]!.calls.push((fails ? failure : success)(now - offsets[node]!))
          }
          const alone = compile(count)
          assert.deepStrictEqual(
            countsOf(count, nodes, now - offsets[0]!),
            alone.counts(record(alone, all), now)
          )
        }
      ),
      200
    )
  })
})

describe("a shared rate over time", () => {
  const data = rate(overTime(1000))

  it("is that of all nodes", () => {
    const nodes = [on(success(0)), on(failure(100), failure(250)), on(success(950))]
    assert.deepStrictEqual(countsOf(data, nodes, 999), { calls: 4, failures: 2, slow: 0 })
    assert.isTrue(trips(data, nodes, 999))
    assert.isFalse(trips(data, nodes, 1000))
    assert.deepStrictEqual(countsOf(data, nodes, 1000), { calls: 3, failures: 2, slow: 0 })
    assert.isFalse(trips(data, nodes.slice(0, 2), 999))
    const slow = rate(overTime(1000), "SlowCallRate")
    const slowly = [on(success(0, 99)), on(success(100, 100)), on(failure(150, 100)), on(failure(150, 99))]
    assert.deepStrictEqual(countsOf(slow, slowly, 999), { calls: 4, failures: 2, slow: 2 })
    assert.deepStrictEqual(asks(shared(slow)), everything)
  })

  it("contributes the slices in which there were calls, by the shared clock", () => {
    const policy = shared(data)
    const window = record(policy, [failure(0), success(10), success(250), failure(300)])
    assert.deepStrictEqual(policy.contribution(window, 300, 7), [7, 2, 1, 0, 207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 399, 7), [7, 2, 1, 0, 207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 1000, 7), [207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 1300, 7), [])
    assert.deepStrictEqual(policy.contribution(policy.initial, 50, 7), [])
  })

  it("a slice of another node counts with the one of ours in which it begins, never too long", () => {
    // by our clock it reaches from 250 to 350, and so it is over when our slice from 200 is
    const nodes = [ahead(0), ahead(-50, failure(390))]
    assert.deepStrictEqual(countsOf(data, nodes, 1199), { calls: 1, failures: 1, slow: 0 })
    assert.deepStrictEqual(countsOf(data, nodes, 1200), none)
    // one that has only begun there counts with the latest of ours
    assert.deepStrictEqual(countsOf(data, [ahead(0, success(90)), ahead(50, failure(60))], 90), {
      calls: 2,
      failures: 1,
      slow: 0
    })
    assert.deepStrictEqual(countsOf(data, [ahead(0, success(90)), ahead(200, failure(60))], 90), {
      calls: 2,
      failures: 1,
      slow: 0
    })
  })

  it("slices that are cut off count for nothing", () => {
    const policy = shared(data)
    const counts = (...contribution: ReadonlyArray<number>) =>
      policy.counts(policy.merge(record(policy, [success(0)]), [contribution], 0, 0), 0)
    assert.deepStrictEqual(counts(0, 2, 1, 0), { calls: 3, failures: 1, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1), { calls: 1, failures: 0, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1, 0, 0, 3, 1), { calls: 3, failures: 1, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1, 0, 0, 3, 1, 1), { calls: 6, failures: 2, slow: 1 })
  })

  it("counts as one window would, whichever nodes the calls are of", () => {
    check(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(250), fc.boolean()), { maxLength: 20 }), (history) => {
        let now = 0
        const all: Array<Call> = []
        const nodes = [0, 1, 2].map(() => new Array<Call>())
        for (const [node, gap, fails] of history) {
          now += gap
          const call = (fails ? failure : success)(now)
          all.push(call)
          nodes[node]!.push(call)
        }
        const alone = compile(data)
        const together = nodes.map((calls) => on(...calls))
        const window = record(alone, all)
        assert.deepStrictEqual(countsOf(data, together, now), alone.counts(window, now))
        assert.strictEqual(trips(data, together, now), alone.trips(window, now))
      }),
      200
    )
  })
})

describe("a shared rate over the latest calls", () => {
  const data = rate(lastCalls(4), "SlowCallRate")

  it("is the sum of the latest of each node", () => {
    const nodes = [
      on(success(0, 100), failure(0), success(0)),
      on(success(0), success(0), success(0), success(0, 100), failure(0, 100)),
      on()
    ]
    assert.deepStrictEqual(countsOf(data, nodes, 0), { calls: 7, failures: 2, slow: 3 })
    assert.isFalse(trips(data, nodes, 0))
    assert.isTrue(trips(data, [...nodes, on(success(0, 100))], 0))
  })

  it("contributes the three figures, whatever the time", () => {
    const policy = shared(data)
    const window = record(policy, [success(0, 100), failure(0, 99), failure(0, 100)])
    assert.deepStrictEqual(policy.contribution(window, 1e9, 5), [3, 2, 2])
  })

  it("goes on from its own calls", () => {
    const policy = shared(data)
    const window = merged(policy, [on(failure(0)), on(failure(0))], 0) as { readonly next: number }
    assert.strictEqual(window.next, 1)
  })
})

describe("several shared policies", () => {
  const policies = [streak, count]
  const anyOf: PolicyData = { _tag: "AnyOf", policies }
  const allOf: PolicyData = { _tag: "AllOf", policies }
  // four failures within the time, two of them after the latest success
  const four = [on(failure(0), failure(100)), on(success(150), failure(200)), on(failure(300))]
  const row = [on(failure(0)), on(failure(600)), on(failure(1200))]

  it("trip when any or when all of them do, each with its own part of what the others contribute", () => {
    assert.isTrue(trips(anyOf, four, 300))
    assert.isFalse(trips(allOf, four, 300))
    assert.isTrue(trips(anyOf, row, 1200))
    assert.isFalse(trips(allOf, row, 1200))
    assert.isTrue(trips(allOf, [...row, on(failure(700))], 1200))
    assert.isFalse(trips(anyOf, [on(failure(0)), on(failure(100))], 100))
  })

  it("contribute a part each", () => {
    const policy = shared(allOf)
    assert.deepStrictEqual(policy.contribution(record(policy, [success(10), failure(20)]), 20, 1), [
      [11, 21],
      [21]
    ])
  })
})
