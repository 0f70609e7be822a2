/** Windows that are spread over several processes: together they count what a single one would. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { custom } from "../../../src/internal/core/policies/custom.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Call, Policy, SharedPolicy } from "../../../src/internal/core/policies/policy.ts"
import type { RateWindow } from "../../../src/internal/core/policies/rate.ts"
import { check } from "../check.ts"
import { failure, frozen, ignored, interrupted, success } from "../circuits.ts"
import {
  everything,
  failureRate,
  lastCalls,
  needs,
  none,
  nothing,
  overTime,
  ownPolicy,
  record,
  slowCallRate
} from "./fixtures.ts"

/** A process, and by how much the shared clock is ahead of its own, which times its calls. */
interface Process {
  readonly ahead: number
  readonly calls: ReadonlyArray<Call>
}

const shared = (policy: Policy<unknown>): SharedPolicy<unknown> => {
  const its = policy.share()
  if (its === undefined) throw new Error("not to be shared")
  return its
}

/** The window of the first process at `now` by its clock, with what the others contribute at that moment. */
const merged = (policy: SharedPolicy<unknown>, processes: ReadonlyArray<Process>, now: number): unknown => {
  const [first, ...others] = processes as [Process, ...Array<Process>]
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

const countsOf = (alone: Policy<unknown>, processes: ReadonlyArray<Process>, now: number) => {
  const policy = shared(alone)
  return policy.counts(merged(policy, processes, now), now)
}

const trips = (alone: Policy<unknown>, processes: ReadonlyArray<Process>, now: number): boolean => {
  const policy = shared(alone)
  return policy.trips(merged(policy, processes, now), now)
}

const on = (...calls: ReadonlyArray<Call>): Process => ({ ahead: 0, calls })

const ahead = (ahead: number, ...calls: ReadonlyArray<Call>): Process => ({ ahead, calls })

const streak = consecutive(3)
const count = failureCount(3, 1000)
const rate = (window: RateWindow) => failureRate({ minimumCalls: 4, window })
const slowRate = (window: RateWindow) => slowCallRate({ minimumCalls: 4, window })

describe("a shared policy", () => {
  const policies: Record<string, Policy<unknown>> = {
    streak,
    count,
    "rate over time": rate(overTime(1000)),
    "rate over the latest calls": rate(lastCalls(4)),
    "slow-call rate over time": slowRate(overTime(1000)),
    "any of them": anyOf([streak, count, rate(overTime(1000))]),
    "all of them": allOf([count, rate(overTime(1000)), rate(lastCalls(4))])
  }
  const calls = fc.array(
    fc.tuple(fc.constantFrom(success, failure, failure, ignored, interrupted), fc.nat(200), fc.nat(150)),
    { maxLength: 12 }
  )
  for (const [name, alone] of Object.entries(policies)) {
    it(`of a single process is the policy itself: ${name}`, () => {
      const policy = shared(alone)
      assert.deepStrictEqual(needs(policy), needs(alone))
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
                Math.min(failures, alone === streak ? 3 : Infinity)
              )
            }
          }
        }),
        100
      )
    })
  }

  it("there is none of a program's own policy, alone or among others", () => {
    const own = custom(ownPolicy)
    for (const policy of [own, anyOf([streak, own]), allOf([own, streak]), anyOf([allOf([own])])]) {
      assert.isUndefined(policy.share())
    }
  })
})

describe("a shared streak", () => {
  it("is that of all processes since the latest success of any", () => {
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
    const processes = [
      ahead(100, failure(10)),
      ahead(-10, success(115)),
      ahead(4, failure(100), failure(116))
    ]
    assert.deepStrictEqual(countsOf(streak, processes, 20), { calls: 2, failures: 2, slow: 0 })
    assert.deepStrictEqual(countsOf(streak, processes.slice(0, 2), 20), { calls: 1, failures: 1, slow: 0 })
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
    assert.deepStrictEqual(needs(policy), nothing)
  })
})

describe("a shared count of failures", () => {
  it("is that of all processes, within the time", () => {
    const three = [on(failure(0)), on(failure(500)), on(failure(999))]
    assert.isTrue(trips(count, three, 999))
    assert.isFalse(trips(count, three, 1000))
    assert.deepStrictEqual(countsOf(count, three, 1000), { calls: 2, failures: 2, slow: 0 })
    assert.isFalse(trips(count, three.slice(1), 999))
    assert.isTrue(trips(count, [on(), on(failure(0), failure(10), failure(20))], 20))
  })

  it("goes by the shared clock", () => {
    // on the shared clock: failures at 1100, 1090 and 900
    const processes = [ahead(100, failure(1000)), ahead(-10, failure(1100)), ahead(0, failure(900))]
    assert.isTrue(trips(count, processes, 1799))
    assert.isFalse(trips(count, processes, 1800))
    assert.isTrue(trips(count, [ahead(100, failure(1700)), ...processes], 1900 + 89))
    assert.isFalse(trips(count, [ahead(100, failure(1700)), ...processes], 1900 + 90))
  })

  it("contributes only what still counts, the latest", () => {
    const policy = shared(count)
    const window = record(policy, [failure(0), failure(100), failure(200), failure(300)])
    assert.deepStrictEqual(policy.contribution(window, 300, 5), [105, 205, 305])
    assert.deepStrictEqual(policy.contribution(window, 1099.5, 5), [105, 205, 305])
    assert.deepStrictEqual(policy.contribution(window, 1100, 5), [205, 305])
    assert.deepStrictEqual(policy.contribution(policy.initial, 0, 5), [])
  })

  it("counts as one window would, whichever processes the calls are of", () => {
    check(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.nat(400), fc.boolean()), { maxLength: 12 }),
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 3 }),
        (history, offsets) => {
          let now = 100
          const all: Array<Call> = []
          const processes = offsets.map((ahead) => ({ ahead, calls: new Array<Call>() }))
          for (const [process, gap, fails] of history) {
            now += gap
            all.push((fails ? failure : success)(now))
            processes[process]!.calls.push((fails ? failure : success)(now - offsets[process]!))
          }
          assert.deepStrictEqual(
            countsOf(count, processes, now - offsets[0]!),
            count.counts(record(count, all), now)
          )
        }
      ),
      200
    )
  })
})

describe("a shared rate over time", () => {
  const data = rate(overTime(1000))

  it("is that of all processes", () => {
    const processes = [on(success(0)), on(failure(100), failure(250)), on(success(950))]
    assert.deepStrictEqual(countsOf(data, processes, 999), { calls: 4, failures: 2, slow: 0 })
    assert.isTrue(trips(data, processes, 999))
    assert.isFalse(trips(data, processes, 1000))
    assert.deepStrictEqual(countsOf(data, processes, 1000), { calls: 3, failures: 2, slow: 0 })
    assert.isFalse(trips(data, processes.slice(0, 2), 999))
    const slow = slowRate(overTime(1000))
    const slowly = [on(success(0, 99)), on(success(100, 100)), on(failure(150, 100)), on(failure(150, 99))]
    assert.deepStrictEqual(countsOf(slow, slowly, 999), { calls: 4, failures: 2, slow: 2 })
    assert.deepStrictEqual(needs(shared(slow)), everything)
  })

  it("contributes the buckets in which there were calls, by the shared clock", () => {
    const policy = shared(data)
    const window = record(policy, [failure(0), success(10), success(250), failure(300)])
    assert.deepStrictEqual(policy.contribution(window, 300, 7), [7, 2, 1, 0, 207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 399, 7), [7, 2, 1, 0, 207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 1000, 7), [207, 1, 0, 0, 307, 1, 1, 0])
    assert.deepStrictEqual(policy.contribution(window, 1300, 7), [])
    assert.deepStrictEqual(policy.contribution(policy.initial, 50, 7), [])
  })

  it("a bucket of another process counts with the one of ours in which it begins, never too long", () => {
    // by our clock it reaches from 250 to 350, and so it is over when our bucket from 200 is
    const processes = [ahead(0), ahead(-50, failure(390))]
    assert.deepStrictEqual(countsOf(data, processes, 1199), { calls: 1, failures: 1, slow: 0 })
    assert.deepStrictEqual(countsOf(data, processes, 1200), none)
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

  it("a bucket of another process is placed by the clock of the one that merges", () => {
    const policy = shared(data)
    const countsAt = (now: number) =>
      policy.counts(policy.merge(policy.initial, [[650, 1, 1, 0]], now, 300), now)
    // it begins at 350 by that clock
    assert.deepStrictEqual(countsAt(1299), { calls: 1, failures: 1, slow: 0 })
    assert.deepStrictEqual(countsAt(1300), none)
  })

  it("buckets that are cut off count for nothing", () => {
    const policy = shared(data)
    const counts = (...contribution: ReadonlyArray<number>) =>
      policy.counts(policy.merge(record(policy, [success(0)]), [contribution], 0, 0), 0)
    assert.deepStrictEqual(counts(0, 2, 1, 0), { calls: 3, failures: 1, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1), { calls: 1, failures: 0, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1, 0, 0, 3, 1), { calls: 3, failures: 1, slow: 0 })
    assert.deepStrictEqual(counts(0, 2, 1, 0, 0, 3, 1, 1), { calls: 6, failures: 2, slow: 1 })
  })

  it("counts as one window would, whichever processes the calls are of", () => {
    check(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(250), fc.boolean()), { maxLength: 20 }), (history) => {
        let now = 0
        const all: Array<Call> = []
        const processes = [0, 1, 2].map(() => new Array<Call>())
        for (const [process, gap, fails] of history) {
          now += gap
          const call = (fails ? failure : success)(now)
          all.push(call)
          processes[process]!.push(call)
        }
        const together = processes.map((calls) => on(...calls))
        const window = record(data, all)
        assert.deepStrictEqual(countsOf(data, together, now), data.counts(window, now))
        assert.strictEqual(trips(data, together, now), data.trips(window, now))
      }),
      200
    )
  })
})

describe("a shared rate over the latest calls", () => {
  const data = slowRate(lastCalls(4))

  it("is the sum of the latest of each process", () => {
    const processes = [
      on(success(0, 100), failure(0), success(0)),
      on(success(0), success(0), success(0), success(0, 100), failure(0, 100)),
      on()
    ]
    assert.deepStrictEqual(countsOf(data, processes, 0), { calls: 7, failures: 2, slow: 3 })
    assert.isFalse(trips(data, processes, 0))
    assert.isTrue(trips(data, [...processes, on(success(0, 100))], 0))
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
  const any = anyOf(policies)
  const all = allOf(policies)
  // four failures within the time, two of them after the latest success
  const four = [on(failure(0), failure(100)), on(success(150), failure(200)), on(failure(300))]
  const row = [on(failure(0)), on(failure(600)), on(failure(1200))]

  it("trip when any or when all of them do, each with its own part of what the others contribute", () => {
    assert.isTrue(trips(any, four, 300))
    assert.isFalse(trips(all, four, 300))
    assert.isTrue(trips(any, row, 1200))
    assert.isFalse(trips(all, row, 1200))
    assert.isTrue(trips(all, [...row, on(failure(700))], 1200))
    assert.isFalse(trips(any, [on(failure(0)), on(failure(100))], 100))
  })

  it("contribute a part each", () => {
    const policy = shared(all)
    assert.deepStrictEqual(policy.contribution(record(policy, [success(10), failure(20)]), 20, 1), [
      [11, 21],
      [21]
    ])
  })
})
