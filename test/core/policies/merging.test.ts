/** The merged window of several processes has the counts of a single window, even if messages are lost. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { allOf } from "../../../src/internal/core/policies/allOf.ts"
import { anyOf } from "../../../src/internal/core/policies/anyOf.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import type { Section } from "../../../src/internal/core/windows/section.ts"
import { check } from "../check.ts"
import { failure, ignored, success } from "../circuits.ts"
import { countsOf, gapsFor } from "../windows/Recording.ts"
import { lastCalls, overTime, slowCallRate } from "./fixtures.ts"
import type { Fate } from "./Reporting.ts"
import { beginning, Reporting } from "./Reporting.ts"
import { inLongRun } from "../../kit/runLength.ts"

interface Step {
  /** Time that passes before it, in milliseconds. */
  readonly gap: number
  readonly process: number
  readonly what:
    | "failure"
    | "success"
    | "untimed success"
    | "ignored"
    | "slow failure"
    | "slow success"
    | Fate
}

const isFate = (what: Step["what"]): what is Fate => what === "arrives" || what.startsWith("its")

const hows = {
  failure,
  success,
  "untimed success": () => success(NaN),
  ignored,
  "slow failure": failure,
  "slow success": success
}

/** Steps of three processes: about as many calls as reports, at quarters of a millisecond. */
const stepsOf = (
  calls: ReadonlyArray<keyof typeof hows>,
  within: number,
  maxLength = 60
): fc.Arbitrary<ReadonlyArray<Step>> =>
  fc.array(
    fc.record({
      gap: fc
        .tuple(fc.oneof(fc.constant(0), gapsFor(within, 10)), fc.constantFrom(0, 0, 0.25, 0.5, 0.75))
        .map(([whole, part]) => whole + part),
      process: fc.nat(2),
      what: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom<Step["what"]>(...calls) },
        {
          weight: 2,
          arbitrary: fc.constantFrom<Step["what"]>(
            "arrives",
            "arrives",
            "its request is lost",
            "its answer is lost"
          )
        }
      )
    }),
    { maxLength }
  )

/** The clock offsets of three processes, which have just started. */
const aheads = fc.array(
  fc.nat(20_000).map((quarters) => beginning - quarters / 4),
  { minLength: 3, maxLength: 3 }
)

/** Takes a step, and returns the report. No section grows beyond its bound. */
const take = (reporting: Reporting, { gap, process, what }: Step): ReadonlyArray<Section> | undefined => {
  reporting.now += gap
  if (!isFate(what)) {
    reporting.record(process, hows[what], what.startsWith("slow") ? 100 : 99)
    return undefined
  }
  const sent = reporting.report(process, what)
  reporting.sections.forEach(({ rows }, i) => {
    const { enough, parts, span } = reporting.layouts[i]!
    assert.isAtMost(rows.length, Math.min(span, enough, 2 * parts - 1))
  })
  return sent
}

const countsNow = ({ now, policy }: Reporting, window: unknown, later = 0) =>
  policy.counts(window, now + later)

describe("failures within a time, merged", () => {
  const shapes = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(3, 10, 100.5, 1000, Infinity))
    .chain(([limit, within]) =>
      fc.record({
        limit: fc.constant(limit),
        within: fc.constant(within),
        steps: stepsOf(["failure", "failure", "success", "ignored"], Math.floor(Math.min(within, 1000)))
      })
    )

  it("are those of a single window, to the millisecond of the store's clock", () => {
    check(
      fc.property(shapes, aheads, ({ limit, steps, within }, aheads) => {
        const alone = failureCount(limit, within)
        const reporting = new Reporting(alone, aheads)
        let expected = alone.initial
        for (const step of steps) {
          take(reporting, step)
          const { now, policy } = reporting
          if (step.what === "failure") expected = alone.record(expected, failure(Math.floor(now)))
          const whole = reporting.whole()
          for (const later of [0, 0.25, 1, within - 0.25, within].filter(Number.isFinite)) {
            assert.deepStrictEqual(countsNow(reporting, whole, later), alone.counts(expected, now + later))
            assert.strictEqual(policy.trips(whole, now + later), alone.trips(expected, now + later))
          }
        }
      }),
      inLongRun(500, 200)
    )
  })
})

describe("a streak, merged", () => {
  /** The failures in a row, counted from all outcomes that the processes have recorded. */
  const streakOf = (recorded: ReadonlyArray<{ process: number; at: number; how: string }>): number => {
    const successAt = Math.max(-1, ...recorded.filter(({ how }) => how === "success").map(({ at }) => at))
    return recorded.filter(
      ({ at, how, process }, i) =>
        how === "failure" &&
        at >= successAt &&
        !recorded.slice(i).some((later) => later.process === process && later.how.endsWith("success"))
    ).length
  }

  const run = (limit: number, steps: ReadonlyArray<Step>, aheads: ReadonlyArray<number>, ends: boolean) => {
    const reporting = new Reporting(consecutive(limit), aheads)
    const recorded: Array<{ process: number; at: number; how: string }> = []
    for (const step of steps) {
      take(reporting, step)
      const { process, what } = step
      if (!isFate(what)) recorded.push({ process, at: Math.floor(reporting.now), how: what })
      const expected = streakOf(recorded)
      const whole = reporting.whole()
      const counted = countsNow(reporting, whole).failures
      // A success clears nothing before its report arrives: until then the store may hold too many failures.
      if (ends && [0, 1, 2].some((i) => reporting.policy.trips(reporting.seenBy(i), reporting.now))) return
      assert.strictEqual(counted, Math.min(expected, limit))
      assert.strictEqual(reporting.policy.trips(whole, reporting.now), expected >= limit)
    }
  }

  it("is that of all processes since the latest success of any, to the millisecond", () => {
    check(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        stepsOf(["failure", "failure", "failure", "success", "ignored"], 20),
        aheads,
        (limit, steps, aheads) => run(limit, oncePerMillisecond(steps), aheads, false)
      ),
      inLongRun(500, 200)
    )
  })

  it("is, until it trips, without the failures that a success without a time has cleared", () => {
    check(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        stepsOf(["failure", "failure", "failure", "success", "untimed success"], 20),
        aheads,
        (limit, steps, aheads) => run(limit, steps, aheads, true)
      ),
      inLongRun(500, 200)
    )
  })

  /** If one process has more failures in a millisecond than a ring holds, not all of them can be cleared. */
  const oncePerMillisecond = (steps: ReadonlyArray<Step>): ReadonlyArray<Step> =>
    steps.map((step) => (step.what === "failure" ? { ...step, gap: step.gap + 1 } : step))
})

describe("a rate over time, merged", () => {
  const calls = ["failure", "success", "slow failure", "slow success", "ignored"] as const
  type Shape = readonly [within: number, buckets: number]

  interface Recorded {
    readonly at: number
    readonly slice: bigint
    readonly failed: boolean
    readonly slow: boolean
  }

  const recordedOf = (what: string, at: number, slice: bigint): ReadonlyArray<Recorded> =>
    what === "ignored" || isFate(what as Step["what"])
      ? []
      : [{ at, slice, failed: what.endsWith("failure"), slow: what.startsWith("slow") }]

  const runs = (shapes: ReadonlyArray<Shape>) =>
    fc
      .constantFrom(...shapes)
      .chain((shape) => fc.record({ shape: fc.constant(shape), steps: stepsOf(calls, shape[0]) }))

  it("is that of a single window with the store's slices, where a call is in the slice in which its own slice begins", () => {
    const shapes: ReadonlyArray<Shape> = [
      [1000, 10],
      [1000, 1],
      [60_000, 6],
      [7, 7],
      [10, 4]
    ]
    check(
      fc.property(runs(shapes), aheads, ({ shape: [within, buckets], steps }, aheads) => {
        const reporting = new Reporting(slowCallRate({ window: overTime(within, buckets) }), aheads)
        // In quarters of a millisecond, as whole numbers, which are not rounded.
        const unit = BigInt((4 * within) / buckets)
        const quarters = (millis: number) => BigInt(4 * millis)
        const sliceOf = (at: number, ahead: number) =>
          (((quarters(at) - quarters(ahead)) / unit) * unit + quarters(ahead)) / unit
        // Clocks that differ by less have the same slices, which another test checks.
        const tolerance = within > buckets ? quarters(Math.min(20, within / buckets / 5)) : 0n
        fc.pre(aheads.every((ahead) => (quarters(ahead) % unit) + tolerance < unit))
        const recorded: Array<Recorded> = []
        for (const step of steps) {
          take(reporting, step)
          const { now } = reporting
          recorded.push(...recordedOf(step.what, now, sliceOf(now, aheads[step.process]!)))
          const whole = reporting.whole()
          for (const later of [0, 0.25, within / buckets, within]) {
            const first = quarters(now + later) / unit - BigInt(buckets)
            assert.deepStrictEqual(
              countsNow(reporting, whole, later),
              countsOf(recorded.filter(({ slice }) => slice > first))
            )
          }
        }
      }),
      inLongRun(500, 200)
    )
  })

  const keeps = (
    { shape: [within, buckets], steps }: { readonly shape: Shape; readonly steps: ReadonlyArray<Step> },
    aheads: ReadonlyArray<number>,
    slices: number
  ) => {
    const unit = within / buckets
    const reporting = new Reporting(slowCallRate({ window: overTime(within, buckets) }), aheads)
    const recorded: Array<Recorded> = []
    for (const step of steps) {
      take(reporting, step)
      const { now } = reporting
      recorded.push(...recordedOf(step.what, now, 0n))
      const whole = reporting.whole()
      for (const later of [0, 0.25, unit, within - unit, within]) {
        const counted = countsNow(reporting, whole, later).calls
        const younger = (than: number) => recorded.filter(({ at }) => now + later - at < than).length
        // Times of this size are exact to a quarter of a microsecond.
        assert.isAtMost(counted, younger(within + 0.001))
        assert.isAtLeast(counted, younger(within - slices * unit - 0.001))
      }
    }
  }

  it("counts no call older than within, and every call that is younger by two slices", () => {
    const shapes: ReadonlyArray<Shape> = [
      [1000, 10],
      [100, 3],
      [120_000, 7],
      [999, 1000],
      [10, 4]
    ]
    check(
      fc.property(runs(shapes), aheads, (run, aheads) => keeps(run, aheads, 2)),
      inLongRun(300, 120)
    )
  })

  it("counts every call that is younger than within by one slice, if clocks are whole slices apart", () => {
    const shapes: ReadonlyArray<Shape> = [
      [1000, 10],
      [60_000, 6],
      [10, 4]
    ]
    const apart = fc.array(fc.nat(50), { minLength: 3, maxLength: 3 })
    check(
      fc.property(runs(shapes), apart, (run, apart) =>
        keeps(
          run,
          apart.map((slices) => beginning - slices * (run.shape[0] / run.shape[1])),
          1
        )
      ),
      inLongRun(300, 120)
    )
  })
})

describe("a rate over the latest calls, merged", () => {
  const runs = fc.constantFrom(3, 20, 40).chain((size) =>
    fc.record({
      size: fc.constant(size),
      steps: stepsOf(["failure", "success", "success", "slow failure", "slow success"], 20, 150)
    })
  )

  it("is that of all calls while they are fewer than its size, and of at least its size after that", () => {
    check(
      fc.property(runs, aheads, ({ size, steps }, aheads) => {
        const alone = slowCallRate({ window: lastCalls(10_000) })
        const reporting = new Reporting(slowCallRate({ window: lastCalls(size) }), aheads)
        let all = alone.initial
        const reports = new Set<ReadonlyArray<Section>>()
        for (const step of steps) {
          const { what } = step
          const sent = take(reporting, step)
          if (sent !== undefined) reports.add(sent)
          if (!isFate(what))
            all = alone.record(all, hows[what](reporting.now, what.startsWith("slow") ? 100 : 99))
          const made = alone.counts(all, 0)
          const counted = countsNow(reporting, reporting.whole())
          if (made.calls < size) assert.deepStrictEqual(counted, made)
          else assert.isAtLeast(counted.calls, size)
          // Calls of a millisecond count together, and so do neighbouring rows with a tenth of all calls.
          const { calls } = countsNow(reporting, reporting.policy.gather(reporting.sections))
          assert.isAtMost(calls, size - 1 + Math.max(calls / 10, mostAtOnce([...reports])))
        }
      }),
      inLongRun(300, 120)
    )
  })

  /** The most calls that were reported in one millisecond. */
  const mostAtOnce = (reports: ReadonlyArray<ReadonlyArray<Section>>): number => {
    const calls = new Map<number, number>()
    for (const [index, count] of reports.flatMap(([section]) => section!.rows)) {
      calls.set(index, (calls.get(index) ?? 0) + count)
    }
    return Math.max(0, ...calls.values())
  }

  it("holds the calls of the latest reports, as many as it needs", () => {
    const reports = fc.array(
      fc.record({ process: fc.nat(2), fails: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }) }),
      { minLength: 1, maxLength: 60 }
    )
    check(
      fc.property(fc.constantFrom(5, 20, 60), reports, aheads, (size, reports, aheads) => {
        const reporting = new Reporting(slowCallRate({ window: lastCalls(size) }), aheads)
        // The counts of the latest report, of the latest two, and so on.
        let sums: ReadonlyArray<{ readonly calls: number; readonly failures: number }> = []
        for (const { fails, process } of reports) {
          reporting.now += 1
          for (const failed of fails) reporting.record(process, failed ? failure : success)
          reporting.report(process)
          const latest = fails.slice(-size)
          const [calls, failures] = [latest.length, latest.filter(Boolean).length]
          sums = [{ calls: 0, failures: 0 }, ...sums].map((sum) => ({
            calls: sum.calls + calls,
            failures: sum.failures + failures
          }))
          const { slow: _, ...counted } = countsNow(reporting, reporting.policy.gather(reporting.sections))
          assert.deepInclude(sums, counted)
          assert.isAtLeast(counted.calls, Math.min(size, sums.at(-1)!.calls))
        }
      }),
      inLongRun(300, 120)
    )
  })
})

describe("several policies, merged", () => {
  const streak = consecutive(3)
  const count = failureCount(3, 100)
  const rate = slowCallRate({ window: overTime(100, 1) })
  const calls = slowCallRate({ window: lastCalls(1000) })
  const nested: Policy<unknown> = anyOf([streak, allOf([count, anyOf([rate])]), calls])

  it("count the same as each of them alone, however they are combined", () => {
    check(
      fc.property(stepsOf(["failure", "failure", "success", "slow success"], 20), aheads, (steps, aheads) => {
        const together = new Reporting(nested, aheads)
        const single = [streak, count, rate, calls].map((policy) => new Reporting(policy, aheads))
        for (const step of steps) {
          for (const reporting of [together, ...single]) take(reporting, step)
          const counts = single.map((it) => countsNow(it, it.whole()))
          assert.deepStrictEqual(countsNow(together, together.whole()), {
            calls: Math.max(...counts.map((it) => it.calls)),
            failures: Math.max(...counts.map((it) => it.failures)),
            slow: Math.max(...counts.map((it) => it.slow))
          })
        }
      }),
      inLongRun(200, 80)
    )
  })
})
