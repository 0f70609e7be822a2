/** The reports of each kind of window, and their merged windows. */
import { assert, describe, it } from "@effect/vitest"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { RateWindow } from "../../../src/internal/core/policies/rate.ts"
import type { Row } from "../../../src/internal/core/windows/section.ts"
import { failure, frozen, ignored, interrupted, success } from "../circuits.ts"
import {
  everything,
  failureRate,
  lastCalls,
  needs,
  none,
  nothing,
  overTime,
  record,
  slowCallRate,
  times
} from "./fixtures.ts"
import { beginning, countsOf, difference, reported, Reporting, rowsOf, shared } from "./Reporting.ts"

const streak = consecutive(3)
const count = failureCount(3, 1000)
const rate = (window: RateWindow) => failureRate({ minimumCalls: 4, window })
const slowRate = (window: RateWindow) => slowCallRate({ minimumCalls: 4, window })

describe("a shared streak", () => {
  it("is that of all processes since the latest success of any", () => {
    const three = [[failure(10)], [failure(20)], [failure(30)]]
    assert.isTrue(reported(streak, three).trips(30))
    assert.strictEqual(reported(streak, three).describe(30), "consecutive: 3 failures in a row")
    assert.isFalse(reported(streak, three.slice(1)).trips(30))
    assert.isFalse(reported(streak, [...three, [success(15)]]).trips(30))
    assert.deepStrictEqual(reported(streak, [...three, [success(15)]]).counts(30), {
      calls: 2,
      failures: 2,
      slow: 0
    })
    assert.isFalse(reported(streak, [[failure(10), success(15)], [failure(20)], [failure(30)]]).trips(30))
    assert.isTrue(reported(streak, [...three, [success(5)]]).trips(30))
  })

  it("a failure in the same millisecond as a success of another process counts", () => {
    const three = [[failure(10)], [failure(20)], [failure(30)]]
    assert.isTrue(reported(streak, [...three, [success(10)]]).trips(30))
    assert.isTrue(reported(streak, [...three, [success(10.75)]]).trips(30))
    assert.isFalse(reported(streak, [...three, [success(11)]]).trips(30))
  })

  it("a failure in the same millisecond as a later success of its own process does not", () => {
    const calls = [failure(10), success(10.5), failure(10.75)]
    assert.deepStrictEqual(difference(streak, calls, 1), [
      {
        floor: 10.5,
        rows: [
          [10, -1, -1, 0],
          [10.75, 1, 1, 0]
        ]
      }
    ])
    // in the store's time, the success may be in the next millisecond
    const older = [failure(9), failure(9.75), success(10.5)]
    assert.deepStrictEqual(difference(streak, older, 2), [{ floor: 10.5, rows: [[9.75, -1, -1, 0]] }])
  })

  it("reports the failures, and the time of the latest success if that is new and has a time", () => {
    assert.deepStrictEqual(difference(streak, [failure(20), failure(20), failure(30)]), [
      {
        floor: -Infinity,
        rows: [
          [20, 2, 2, 0],
          [30, 1, 1, 0]
        ]
      }
    ])
    const calls = [success(10), failure(20), failure(30)]
    assert.deepStrictEqual(difference(streak, calls), [
      {
        floor: 10,
        rows: [
          [20, 1, 1, 0],
          [30, 1, 1, 0]
        ]
      }
    ])
    assert.deepStrictEqual(difference(streak, calls, 2), [{ floor: -Infinity, rows: [[30, 1, 1, 0]] }])
  })

  it("retracts the failures that a success without a time has cleared", () => {
    const calls = [failure(20), failure(30), success(NaN), failure(40)]
    assert.deepStrictEqual(rowsOf(difference(streak, calls, 2)), [
      [20, -1, -1, 0],
      [30, -1, -1, 0],
      [40, 1, 1, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(streak, calls)), [[40, 1, 1, 0]])
    assert.deepStrictEqual(rowsOf(difference(streak, [success(10), ...calls.slice(0, 3)], 2)), [
      [20, -1, -1, 0]
    ])
  })

  it("does not retract failures that later ones have replaced", () => {
    const calls = [failure(10), failure(20), failure(30), failure(40), failure(50)]
    assert.deepStrictEqual(rowsOf(difference(streak, calls, 3)), [
      [40, 1, 1, 0],
      [50, 1, 1, 0]
    ])
    // also at the time of the oldest one that is kept
    const atOnce = [failure(10), failure(10), failure(10), failure(20)]
    assert.deepStrictEqual(rowsOf(difference(streak, atOnce, 3)), [[20, 1, 1, 0]])
  })

  it("keeps the latest failures since the floor, as many as it needs", () => {
    const layout = { unitMillis: 1, span: Infinity, enough: 3, freshMillis: 0, parts: Infinity }
    assert.deepStrictEqual(shared(streak).layouts(5000), [layout])
    const rows = [
      [40, 1, 1, 0],
      [10, 5, 5, 0],
      [30, 1, 1, 0]
    ] as const
    assert.strictEqual(countsOf(streak, [{ floor: 0, rows }], 40).failures, 3)
    assert.strictEqual(countsOf(streak, [{ floor: 0, rows: rows.slice(2) }], 40).failures, 1)
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
    const three = [[failure(0)], [failure(500)], [failure(999)]]
    assert.isTrue(reported(count, three).trips(999))
    assert.isFalse(reported(count, three).trips(1000))
    assert.deepStrictEqual(reported(count, three).counts(1000), { calls: 2, failures: 2, slow: 0 })
    assert.isFalse(reported(count, three.slice(1)).trips(999))
  })

  it("reports the failures that still count", () => {
    const calls = [failure(0), failure(100), failure(200), success(250), failure(300), failure(300)]
    assert.deepStrictEqual(rowsOf(difference(count, calls.slice(0, 3), 1, 200)), [
      [100, 1, 1, 0],
      [200, 1, 1, 0]
    ])
    // the latest three
    assert.deepStrictEqual(rowsOf(difference(count, calls, 0, 300)), [
      [200, 1, 1, 0],
      [300, 2, 2, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(count, calls, 3, 300)), [[300, 2, 2, 0]])
    assert.deepStrictEqual(rowsOf(difference(count, calls, 0, 1199.5)), [
      [200, 1, 1, 0],
      [300, 2, 2, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(count, calls, 0, 1200)), [[300, 2, 2, 0]])
    assert.deepStrictEqual(rowsOf(difference(count, calls, 3, 1300)), [])
  })

  it("is kept for the whole of its time, even if that is a fraction", () => {
    const policy = failureCount(3, 100.5)
    assert.strictEqual(shared(policy).layouts(0)[0]!.span, 101)
    assert.strictEqual(reported(policy, [[failure(0)], [success(100.25)]]).counts(100.25).failures, 1)
    assert.strictEqual(reported(policy, [[failure(0), failure(100)]]).counts(100.25).failures, 2)
    assert.strictEqual(reported(policy, [[failure(0), failure(100)]]).counts(100.5).failures, 1)
    assert.strictEqual(shared(failureCount(3, Infinity)).layouts(0)[0]!.span, Infinity)
  })

  it("holds the latest failures, as many as it needs", () => {
    const rows = [
      [30, 2, 2, 0],
      [10, 1e9, 1e9, 0],
      [40, 0, 0, 0]
    ] as const
    assert.strictEqual(countsOf(count, [{ floor: 0, rows }], 1009).failures, 3)
    assert.strictEqual(countsOf(count, [{ floor: 0, rows }], 1010).failures, 2)
    const many = Array.from({ length: 300 }, (_, i) => [i, 1, 1, 0] as const)
    for (const younger of [1, 64, 65, 129, 130]) {
      const policy = failureCount(130, younger)
      assert.strictEqual(countsOf(policy, [{ floor: 0, rows: many }], 299).failures, younger)
    }
  })

  it("keeps old failures until newer ones are enough", () => {
    const layout = { unitMillis: 1, span: 1000, enough: 3, freshMillis: 0, parts: Infinity }
    assert.deepStrictEqual(shared(count).layouts(5000), [layout])
  })

  it("continues from the merged window", () => {
    const policy = shared(count)
    const merged = policy.gather([{ floor: 0, rows: [[500, 3, 3, 0]] }])
    const countAt = (now: number) => policy.counts(policy.record(frozen(merged), failure(2000)), now).failures
    assert.strictEqual(countAt(1499), 3)
    assert.strictEqual(countAt(2000), 1)
  })
})

describe("a shared rate over time", () => {
  const data = rate(overTime(1000))

  it("is that of all processes", () => {
    const processes = [[success(0)], [failure(100), failure(250)], [success(950)]]
    assert.deepStrictEqual(reported(data, processes).counts(999), { calls: 4, failures: 2, slow: 0 })
    assert.isTrue(reported(data, processes).trips(999))
    assert.strictEqual(reported(data, processes).describe(999), "failureRate: 2 of 4 calls in 1 s")
    assert.isFalse(reported(data, processes).trips(1000))
    assert.deepStrictEqual(reported(data, processes).counts(1000), { calls: 3, failures: 2, slow: 0 })
    assert.isFalse(reported(data, processes.slice(0, 2)).trips(999))
    const slowly = [[success(0, 99)], [success(100, 100)], [failure(150, 100)], [failure(150, 99)]]
    assert.deepStrictEqual(reported(slowRate(overTime(1000)), slowly).counts(999), {
      calls: 4,
      failures: 2,
      slow: 2
    })
    assert.deepStrictEqual(needs(shared(slowRate(overTime(1000)))), everything)
  })

  it("reports the new counts of each slice that still counts", () => {
    const calls = [failure(0), success(10), success(250), failure(300), success(310), failure(320)]
    assert.deepStrictEqual(rowsOf(difference(data, calls, 0, 320)), [
      [0, 2, 1, 0],
      [2, 1, 0, 0],
      [3, 3, 2, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 1, 320)), [
      [0, 1, 0, 0],
      [2, 1, 0, 0],
      [3, 3, 2, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 4, 999)), [[3, 2, 1, 0]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 1, 1000)), [
      [2, 1, 0, 0],
      [3, 3, 2, 0]
    ])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 4, 1300)), [])
    const slow = [success(0, 100), failure(0, 100), success(0, 99)]
    assert.deepStrictEqual(rowsOf(difference(slowRate(overTime(1000)), slow)), [[0, 3, 1, 2]])
  })

  it("a slice counts with the store's slice in which it begins, never too long", () => {
    const reporting = new Reporting(data, [beginning - 50, beginning - 50])
    // from 350 to 450 in the store's time
    reporting.now += 430
    reporting.record(0, failure)
    reporting.report(0)
    const countsAt = (at: number) => reporting.policy.counts(reporting.whole(), beginning + at)
    assert.deepStrictEqual(countsAt(1299), { calls: 1, failures: 1, slow: 0 })
    assert.deepStrictEqual(countsAt(1300), none)
  })

  it("is the sum of the rows that lie within the time of the latest", () => {
    const rows = [
      [20, 1, 1, 0],
      [11, 1, 0, 1],
      [10, 8, 8, 8],
      [20, 2, 0, 0]
    ] as const
    assert.deepStrictEqual(countsOf(data, [{ floor: 0, rows }], 2000), { calls: 4, failures: 1, slow: 1 })
    assert.deepStrictEqual(countsOf(data, [{ floor: 0, rows }], 2100), { calls: 3, failures: 1, slow: 0 })
    assert.deepStrictEqual(countsOf(data, [{ floor: 0, rows }], 3000), none)
    assert.deepStrictEqual(shared(data).layouts(5000), [
      { unitMillis: 100, span: 10, enough: Infinity, freshMillis: 0, parts: Infinity }
    ])
  })
})

describe("a shared rate over the latest calls", () => {
  const data = slowRate(lastCalls(4))

  it("reports the calls since the latest report in one row, at the time of the report", () => {
    const calls = [success(0, 100), failure(0), failure(0, 100), success(0), success(0, 100)]
    assert.deepStrictEqual(rowsOf(difference(data, calls, 0, 77)), [[77, 4, 2, 2]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 1, 77)), [[77, 4, 2, 2]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 2, 77)), [[77, 3, 1, 2]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 3, 77)), [[77, 2, 0, 1]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 4, 77)), [[77, 1, 0, 1]])
    assert.deepStrictEqual(rowsOf(difference(data, [...calls, ignored(0)], 5, 77)), [])
    assert.deepStrictEqual(rowsOf(difference(data, [...calls, interrupted(0, 100)], 5, 77)), [[77, 1, 0, 1]])
  })

  it("also counts the successes that do not change a full ring without marks", () => {
    const calls = times(20, success(0))
    assert.deepStrictEqual(rowsOf(difference(data, calls, 4, 77)), [[77, 4, 0, 0]])
    assert.deepStrictEqual(rowsOf(difference(data, calls, 18, 77)), [[77, 2, 0, 0]])
    assert.deepStrictEqual(rowsOf(difference(data, [...calls, failure(0)], 18, 77)), [[77, 3, 1, 0]])
  })

  it("reads the marks of a ring that spans several words, wherever it begins", () => {
    const size = 40
    const calls = Array.from({ length: 100 }, (_, i) =>
      (i % 3 === 0 ? failure : success)(0, i % 7 < 2 ? 100 : 99)
    )
    for (let reported = 0; reported < 100; reported++) {
      const latest = calls.slice(reported).slice(-size)
      const expected: Row = [
        77,
        latest.length,
        latest.filter(({ outcome }) => outcome._tag === "Failure").length,
        latest.filter(({ elapsedMillis }) => elapsedMillis === 100).length
      ]
      assert.deepStrictEqual(rowsOf(difference(slowRate(lastCalls(size)), calls, reported, 77)), [expected])
    }
  })

  it("is the sum of all rows at any time", () => {
    const rows = [
      [20, 3, 1, 0],
      [10, 2, 0, 2]
    ] as const
    assert.deepStrictEqual(countsOf(data, [{ floor: 0, rows }], 1e9), { calls: 5, failures: 1, slow: 2 })
    const processes = [
      [success(0, 100), failure(0)],
      [success(1), success(1, 100)]
    ]
    assert.isTrue(reported(data, processes).trips(1e9))
    assert.isFalse(reported(data, processes.slice(1)).trips(1e9))
    assert.strictEqual(
      reported(data, processes).describe(0),
      "slowCallRate: 2 of 4 calls took 100 ms or longer"
    )
    assert.deepStrictEqual(shared(data).layouts(5000), [
      { unitMillis: 1, span: Infinity, enough: 4, freshMillis: 5000, parts: 10 }
    ])
  })
})
