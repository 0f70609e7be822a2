/** The windows, each through the policy that uses it, against a naive count of everything that was recorded. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Policy, PolicyData } from "../../src/internal/core/policy.ts"
import { compile } from "../../src/internal/core/policy.ts"
import type { Counts } from "../../src/internal/core/window.ts"
import * as Window from "../../src/internal/core/window.ts"
import { check } from "./check.ts"
import { failure, frozen, success } from "./circuits.ts"

interface Recorded {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

const slowerThanMillis = 10

/** A window with what has been recorded in it. Every version stays as it was. */
class Recording {
  readonly window: unknown
  private readonly policy: Policy<unknown>

  constructor(policy: Policy<unknown>, window: unknown = policy.initial) {
    this.policy = policy
    this.window = frozen(window)
  }

  add({ at, failed, slow }: Recorded): Recording {
    const call = (failed ? failure : success)(at, slow ? slowerThanMillis : slowerThanMillis - 1)
    return new Recording(this.policy, this.policy.record(this.window, call))
  }

  counts(now: number): Counts {
    return this.policy.counts(this.window, now)
  }
}

const slowCallRate = (window: Extract<PolicyData, { readonly window: unknown }>["window"]) =>
  new Recording(
    compile({
      _tag: "SlowCallRate",
      threshold: 1,
      minimumCalls: 1,
      minimumFailures: 1,
      slowerThanMillis,
      window
    })
  )

const countsOf = (recorded: ReadonlyArray<Recorded>): Counts => ({
  calls: recorded.length,
  failures: recorded.filter((call) => call.failed).length,
  slow: recorded.filter((call) => call.slow).length
})

const none: Counts = { calls: 0, failures: 0, slow: 0 }

/** The sum of all gaps up to each. */
const timesFrom = (gaps: ReadonlyArray<number>): ReadonlyArray<number> => {
  let now = 0
  return gaps.map((gap) => (now += gap))
}

/** Gaps between calls in a window of `within`: none, a millisecond, about a slice, about the whole, and idle ones. */
const gapsFor = (within: number, buckets: number): fc.Arbitrary<number> => {
  const slice = Math.max(1, Math.floor(within / buckets))
  const near = [slice, within - slice, within, 2 * within, 1_000 * within, 3 * within - slice]
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 0, 1) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 * slice }) },
    { weight: 2, arbitrary: fc.constantFrom(...near.flatMap((gap) => [Math.max(0, gap - 1), gap, gap + 1])) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * within }) }
  )
}

describe("FailureTimes", () => {
  const limits = [1, 2, 3, 5, 15, 16, 17, 33, 64, 65, 130, 1024, 1025]

  const failureCount = (failures: number, withinMillis: number) =>
    new Recording(compile({ _tag: "FailureCount", failures, withinMillis }))

  const failAt = (recording: Recording, times: ReadonlyArray<number>): Recording =>
    times.reduce((recording, at) => recording.add({ at, failed: true, slow: false }), recording)

  it("hold nothing at first", () => {
    assert.deepStrictEqual(failureCount(3, 1000).counts(0), none)
    assert.deepStrictEqual(failureCount(3, Infinity).counts(1e9), none)
  })

  it("count the latest failures younger than within, exact to the millisecond", () => {
    const runs = fc.constantFrom(1, 10, 100, 997, Infinity).chain((within) =>
      fc.record({
        within: fc.constant(within),
        limit: fc.constantFrom(...limits),
        gaps: fc.array(gapsFor(within === Infinity ? 1000 : within, 10), { maxLength: 150 })
      })
    )
    check(
      fc.property(runs, ({ within, limit, gaps }) => {
        const times = timesFrom(gaps)
        let recording = failureCount(limit, within)
        for (const [i, at] of times.entries()) {
          recording = failAt(recording, [at])
          const latest = times.slice(0, i + 1).slice(-limit)
          const border = latest[0]! + within
          for (const now of [at, at + 1, border - 1, border, border + 1].filter((now) => now >= at)) {
            const counted = latest.filter((at) => now - at < within).length
            assert.strictEqual(recording.counts(now).failures, counted)
          }
        }
      }),
      150
    )
  })

  it("an instant of exactly within is too old", () => {
    const recording = failAt(failureCount(4, 100), [5])
    assert.strictEqual(recording.counts(104).failures, 1)
    assert.strictEqual(recording.counts(104.999_999).failures, 1)
    assert.strictEqual(recording.counts(105).failures, 0)
    assert.strictEqual(recording.counts(1e12).failures, 0)
  })

  it("wrap round a ring of any size, up to 10,000 and further", () => {
    for (const limit of [...limits, 10_000]) {
      const times = Array.from({ length: 2 * limit + 3 }, (_, i) => i * 10)
      const { window } = failAt(failureCount(limit, Infinity), times)
      for (const younger of new Set([1, (limit >> 1) + 1, limit - 1, limit, limit + 1])) {
        const policy = compile({ _tag: "FailureCount", failures: limit, withinMillis: younger * 10 })
        const counted = new Recording(policy, window).counts(times.at(-1)!)
        assert.strictEqual(counted.failures, Math.min(younger, limit))
      }
    }
  })

  it("of the same instant all count or none", () => {
    const recording = failAt(
      failureCount(6, 10),
      Array.from({ length: 9 }, () => 42)
    )
    assert.strictEqual(recording.counts(51).failures, 6)
    assert.strictEqual(recording.counts(52).failures, 0)
  })

  it("leave older versions as they were", () => {
    const versions = [failureCount(70, 305)]
    for (let at = 10; at <= 2000; at += 10) versions.push(failAt(versions.at(-1)!, [at]))
    versions.forEach((recording, recorded) =>
      assert.strictEqual(recording.counts(recorded * 10).failures, Math.min(recorded, 31))
    )
  })
})

describe("Buckets", () => {
  type Shape = readonly [within: number, buckets: number]
  const shapes: ReadonlyArray<Shape> = [
    [1000, 10],
    [1000, 1],
    [100, 3],
    [7, 10],
    [10, 10],
    [1, 1],
    [60_000, 6],
    [120_000, 7],
    [999, 1000]
  ]

  const overTime = (withinMillis: number, buckets: number) =>
    slowCallRate({ _tag: "Time", withinMillis, buckets })

  /** In whole numbers, which know no rounding. */
  const bucketOf = (at: number, within: number, buckets: number): bigint =>
    (BigInt(at) * BigInt(buckets)) / BigInt(within)

  const naive = (recorded: ReadonlyArray<Recorded>, within: number, buckets: number, now: number) =>
    countsOf(
      recorded.filter(
        ({ at }) => bucketOf(at, within, buckets) > bucketOf(now, within, buckets) - BigInt(buckets)
      )
    )

  const histories = fc.constantFrom(...shapes).chain((shape) =>
    fc.record({
      shape: fc.constant<Shape>(shape),
      steps: fc.array(
        fc.record({
          gap: gapsFor(...shape),
          failed: fc.boolean(),
          slow: fc.boolean(),
          ahead: gapsFor(...shape)
        }),
        { maxLength: 80 }
      )
    })
  )

  it("hold nothing at first", () => {
    assert.deepStrictEqual(overTime(1000, 10).counts(0), none)
    assert.deepStrictEqual(overTime(1000, 10).counts(1e9), none)
  })

  it("count what the latest buckets hold, as counted anew from all outcomes", () => {
    check(
      fc.property(histories, ({ shape, steps }) => {
        const recorded: Array<Recorded> = []
        let recording = overTime(...shape)
        let now = 0
        for (const { gap, failed, slow, ahead } of steps) {
          now += gap
          recorded.push({ at: now, failed, slow })
          recording = recording.add({ at: now, failed, slow })
          for (const later of [now, now + 1, now + ahead]) {
            assert.deepStrictEqual(recording.counts(later), naive(recorded, ...shape, later))
          }
        }
      }),
      300
    )
  })

  it("never count an outcome older than within, nor forget one a bucket younger, at fractions of a millisecond", () => {
    const nanos = fc.array(fc.integer({ min: 0, max: 400_000_000 }), { minLength: 1, maxLength: 40 })
    check(
      fc.property(fc.constantFrom(...shapes), nanos, fc.nat(2_000_000_000), (shape, gaps, ahead) => {
        const [within, buckets] = shape
        const times = timesFrom(gaps).map((nano) => nano / 1e6)
        const recording = times.reduce(
          (recording, at) => recording.add({ at, failed: true, slow: false }),
          overTime(...shape)
        )
        const now = times.at(-1)! + ahead / 1e6
        const { calls } = recording.counts(now)
        assert.isAtMost(calls, times.filter((at) => now - at < within).length)
        assert.isAtLeast(calls, times.filter((at) => now - at < within - within / buckets).length)
      }),
      300
    )
  })

  it("an instant on a border falls into the later bucket", () => {
    // 10 buckets of 100 milliseconds: what falls into [0, 100) is forgotten at 1000, what falls on 100 at 1100
    const before = overTime(1000, 10).add({ at: 99, failed: true, slow: false })
    assert.strictEqual(before.counts(999).calls, 1)
    assert.strictEqual(before.counts(1000).calls, 0)
    const on = overTime(1000, 10).add({ at: 100, failed: true, slow: false })
    assert.strictEqual(on.counts(1099).calls, 1)
    assert.strictEqual(on.counts(1100).calls, 0)
    // a slice of 100 / 3 milliseconds has no exact length, its borders at whole milliseconds are exact all the same
    const third = overTime(100, 3).add({ at: 200, failed: true, slow: false })
    assert.strictEqual(third.counts(299).calls, 1)
    assert.strictEqual(third.counts(300).calls, 0)
  })

  it("R3.2.10 an idle gap drops every expired bucket at once", () => {
    let recording = overTime(1000, 10)
    for (let at = 0; at < 1000; at += 10) recording = recording.add({ at, failed: true, slow: true })
    assert.deepStrictEqual(recording.counts(999), { calls: 100, failures: 100, slow: 100 })
    for (const idle of [1000, 5000, 1e9, 1e12]) {
      const now = 990 + idle
      assert.deepStrictEqual(recording.counts(now), none)
      const after = recording.add({ at: now, failed: false, slow: false })
      assert.deepStrictEqual(after.counts(now), { calls: 1, failures: 0, slow: 0 })
    }
  })

  it("reading at a later time loses nothing of the window", () => {
    const recording = overTime(1000, 10).add({ at: 50, failed: true, slow: true })
    assert.deepStrictEqual(recording.counts(50_000), none)
    assert.deepStrictEqual(recording.counts(50), { calls: 1, failures: 1, slow: 1 })
  })

  it("take no more room the longer they are used, and none for an empty bucket", () => {
    const roomAfter = (calls: number, from = 1e6, gap = 7): number => {
      let recording = overTime(1000, 10)
      for (let i = 0; i < calls; i++) {
        recording = recording.add({ at: from + i * gap, failed: i % 2 === 0, slow: false })
      }
      return JSON.stringify(recording.window).length
    }
    assert.isAtMost(roomAfter(5000), roomAfter(400) + 20)
    assert.isAtMost(roomAfter(1000, 1e6, 0), roomAfter(10, 1e6, 0) + 20)
    assert.strictEqual(roomAfter(1, 100), roomAfter(1, 0))
  })
})

describe("LastCalls", () => {
  const sizes = [1, 2, 15, 16, 17, 31, 32, 33, 48, 1024, 1025, 10_000]

  const ofLatest = (calls: number) => slowCallRate({ _tag: "Calls", calls })

  /** Counts of the latest `size` calls, by sums over all of them rather than by a ring. */
  class Sums {
    private readonly failures = [0]
    private readonly slow = [0]

    add({ failed, slow }: Recorded): void {
      this.failures.push(this.failures.at(-1)! + Number(failed))
      this.slow.push(this.slow.at(-1)! + Number(slow))
    }

    latest(size: number): Counts {
      const end = this.failures.length - 1
      const start = Math.max(0, end - size)
      return {
        calls: end - start,
        failures: this.failures[end]! - this.failures[start]!,
        slow: this.slow[end]! - this.slow[start]!
      }
    }
  }

  it("hold nothing at first", () => assert.deepStrictEqual(ofLatest(3).counts(0), none))

  it("count the latest calls, as counted anew from all of them", () => {
    const batches = fc.array(
      fc.record({ failed: fc.boolean(), slow: fc.boolean(), times: fc.integer({ min: 1, max: 20 }) }),
      { maxLength: 30 }
    )
    check(
      fc.property(fc.constantFrom(1, 2, 15, 16, 17, 31, 32, 33, 48), batches, (size, history) => {
        const sums = new Sums()
        let recording = ofLatest(size)
        for (const { failed, slow, times } of history) {
          for (let i = 0; i < times; i++) {
            recording = recording.add({ at: 0, failed, slow })
            sums.add({ at: 0, failed, slow })
            assert.deepStrictEqual(recording.counts(0), sums.latest(size))
          }
        }
      }),
      150
    )
  })

  it("wrap round a ring of any size, up to 10,000", () => {
    for (const size of sizes) {
      const sums = new Sums()
      let recording = ofLatest(size)
      for (let i = 0; i < 2 * size + 40; i++) {
        const call = { at: i, failed: i % 3 === 0, slow: i % 7 < 2 }
        recording = recording.add(call)
        sums.add(call)
        if (i % 97 < 2 || i % size < 2 || size - (i % size) < 2) {
          assert.deepStrictEqual(recording.counts(i), sums.latest(size))
        }
      }
      assert.deepStrictEqual(recording.counts(0), sums.latest(size))
    }
  })

  it("of a full ring without a mark, a plain success changes nothing", () => {
    const plain = { at: 0, failed: false, slow: false }
    for (const size of [1, 16, 17, 100]) {
      let recording = ofLatest(size)
      for (let i = 0; i < size; i++) {
        const next = recording.add(plain)
        assert.notStrictEqual(next.window, recording.window)
        recording = next
      }
      assert.strictEqual(recording.add(plain).window, recording.window)
      for (const mark of [{ failed: true }, { slow: true }]) {
        const marked = recording.add({ ...plain, ...mark })
        assert.deepStrictEqual(marked.counts(0), {
          calls: size,
          failures: Number("failed" in mark),
          slow: Number("slow" in mark)
        })
        assert.notStrictEqual(marked.add(plain).window, marked.window)
      }
    }
  })

  it("leave older versions as they were, and each evicts what it itself held", () => {
    const size = 1030
    const sums = new Sums()
    const versions = [ofLatest(size)]
    for (let i = 0; i < 3 * size; i++) {
      versions.push(versions.at(-1)!.add({ at: i, failed: i % 2 === 0, slow: i % 5 === 0 }))
    }
    versions.forEach((recording, i) => {
      assert.deepStrictEqual(recording.counts(0), sums.latest(size))
      sums.add({ at: i, failed: i % 2 === 0, slow: i % 5 === 0 })
    })
    for (const i of [1, 17, 1029, 1030, 1031, 2500]) {
      let recording = versions[i]!
      for (let more = 0; more < size; more++) recording = recording.add({ at: 0, failed: true, slow: true })
      assert.deepStrictEqual(recording.counts(0), { calls: size, failures: size, slow: size })
    }
  })

  it("take two bits a call", () => {
    let recording = ofLatest(1600)
    for (let i = 0; i < 3200; i++) recording = recording.add({ at: i, failed: i % 3 === 0, slow: false })
    const words = JSON.stringify(recording.window).match(/-?\d+/g)!
    assert.isAtMost(words.length, 100 + 10)
  })

  it("copy nothing of the marks where none changes", () => {
    let window = Window.noCalls
    for (let i = 0; i < 500; i++) window = Window.recordLastCall(window, 500, i === 499, false)
    const next = Window.recordLastCall(window, 500, false, false)
    assert.notStrictEqual(next, window)
    assert.strictEqual(next.marks, window.marks)
  })
})
