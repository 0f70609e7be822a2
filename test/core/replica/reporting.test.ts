/** The numbers that acknowledge a node's reports, and the merged counts of all nodes. */
import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/internal/core/circuit.ts"
import { failureRate } from "../../../src/internal/core/policies/failureRate.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import { slowCallRate } from "../../../src/internal/core/policies/slowCallRate.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import type { Reporting } from "../../../src/internal/core/replica/reporting.ts"
import * as Reports from "../../../src/internal/core/replica/reporting.ts"
import type { Report, WindowEntry } from "../../../src/internal/core/windows/stored.ts"
import type { AnyCircuit } from "../circuits.ts"
import { closed, failure, frozen, opened, success } from "../circuits.ts"
import { settingsWith } from "./fixtures.ts"

const settings = settingsWith()
const epoch = 7
const now = 1_000
const clockOffset = 5_000

const situationWith = (over: Partial<Parameters<typeof Reports.report>[2]> = {}) => ({
  settings,
  now,
  clockOffset,
  isTimeKnown: true,
  isListening: true,
  isFailing: false,
  answeringSince: -Infinity,
  revision: "next",
  ...over
})
const situation = situationWith()

/** A window with this number of failures, a millisecond apart. */
const windowOf = (failures: number): unknown =>
  Array.from({ length: failures }).reduce<unknown>(
    (window, _, i) => settings.policy.record(window, failure(i)),
    settings.policy.initial
  )

const begun = Reports.initial(epoch, clockOffset, settings.policy)

const reported = (before: Reporting, window: unknown, at = situation) =>
  Reports.report(frozen(before), { epoch, window, freshMillis: 100 }, at)

const entry = (latestReport: number, over: Partial<WindowEntry> = {}): WindowEntry => ({
  epoch,
  latestReport,
  exchanges: 1,
  sections: [],
  failing: [],
  ...over
})

const answered = (
  before: Reporting,
  answer: WindowEntry | undefined,
  { asked = before, window = windowOf(1) }: { readonly asked?: Reporting; readonly window?: unknown } = {}
): Reporting => Reports.answered(frozen(before), answer, { asked, epoch, window }, situation)

/** The reporting after this number of reports, each with one failure, all acknowledged. */
const acknowledged = (reports: number): Reporting => {
  let reporting = begun
  for (let number = 1; number <= reports; number++) {
    reporting = answered(reported(reporting, windowOf(number))[0], entry(number))
  }
  return reporting
}

describe("S4 a report", () => {
  it("S4 holds the rows in the store's time, with the layout for the store", () => {
    const [reporting, report] = reported(begun, windowOf(2))
    assert.deepStrictEqual(report, {
      number: 1,
      base: 0,
      failing: true,
      listed: 0,
      sections: [
        {
          floor: 0,
          rows: [
            [5_000, 1, 1, 0],
            [5_001, 1, 1, 0]
          ],
          unitMillis: 1,
          span: Infinity,
          enough: 2,
          freshMillis: 0,
          parts: Infinity
        }
      ]
    } satisfies Report)
    assert.strictEqual(reporting.lastNumber, 1)
    assert.deepStrictEqual(reporting.inDoubt?.sections, report.sections)
  })

  it("S4 tells the store how long to keep fresh rows", () => {
    const alone = failureRate({
      threshold: 1,
      minimumCalls: 1,
      minimumFailures: 1,
      window: { _tag: "Calls", calls: 10 }
    })
    const policy = share(alone.data)!
    const window = policy.record(policy.initial, failure(1))
    const at = situationWith({ settings: { ...settings, policy } })
    const before = Reports.initial(epoch, clockOffset, policy)
    const [, report] = Reports.report(before, { epoch, window, freshMillis: 4_321 }, at)
    assert.strictEqual(report.sections[0]?.freshMillis, policy.layouts(4_321)[0]?.freshMillis)
    assert.notStrictEqual(report.sections[0]?.freshMillis, policy.layouts(0)[0]?.freshMillis)
  })

  it("S4 continues the numbers of the last one", () => {
    const [, report] = reported(acknowledged(3), windowOf(4))
    assert.deepStrictEqual([report.number, report.base], [4, 3])
  })

  it("S4 of another generation starts from nothing", () => {
    const before = acknowledged(3)
    const [reporting, report] = Reports.report(
      before,
      { epoch: epoch + 1, window: windowOf(1), freshMillis: 0 },
      situation
    )
    assert.deepStrictEqual([report.number, report.base, report.sections[0]?.rows.length], [1, 0, 1])
    assert.deepStrictEqual([reporting.epoch, reporting.earlier], [epoch + 1, []])
    assert.isUndefined(reporting.answer)
  })

  it("S4 asks the store to list as many failing nodes as the quorum, if that is more than one", () => {
    const listed = (quorum: number) =>
      reported(begun, windowOf(1), situationWith({ settings: { ...settings, quorum } }))[1].listed
    assert.deepStrictEqual([listed(1), listed(2), listed(5)], [0, 2, 5])
  })

  it("S4 keeps the clock offset of the first report", () => {
    const offsets = (reporting: Reporting, by: number) =>
      reported(reporting, windowOf(2), situationWith({ clockOffset: clockOffset + by }))[0].clockOffset -
      clockOffset
    assert.deepStrictEqual(
      [offsets(begun, 3), offsets(acknowledged(1), 999), offsets(acknowledged(1), -999)],
      [3, 0, 0]
    )
  })

  it("S4 takes a new clock offset after a clock was set", () => {
    const offsets = (by: number) =>
      reported(acknowledged(1), windowOf(2), situationWith({ clockOffset: clockOffset + by }))[0]
        .clockOffset - clockOffset
    assert.deepStrictEqual([offsets(1_000), offsets(-1_000)], [1_000, -1_000])
  })
})

describe("S4 the number of the latest report in the store", () => {
  it("S4 Known: it is that of the latest acknowledged report", () => {
    const before = acknowledged(2)
    const answer = entry(2, { exchanges: 9 })
    assert.deepStrictEqual(answered(before, answer), { ...before, answer })
  })

  it("S4 Known: the store has no window, and the node has reported nothing", () => {
    assert.deepStrictEqual(answered(begun, undefined), { ...begun, confirmedAt: now })
  })

  it("S4 Acknowledged: it is that of the report in doubt", () => {
    const window = windowOf(3)
    const [before] = reported(acknowledged(2), window)
    const answer = entry(3)
    const after = answered(before, answer)
    assert.deepStrictEqual(after.acknowledged, { number: 3, window })
    assert.deepStrictEqual(
      after.earlier.map(({ number }) => number),
      [0, 1, 2]
    )
    assert.isUndefined(after.inDoubt)
    assert.strictEqual(after.answer, answer)
  })

  it("S4 Acknowledged: the node remembers eight earlier reports", () => {
    const { acknowledged: latest, earlier } = acknowledged(20)
    assert.strictEqual(latest.number, 20)
    assert.deepStrictEqual(
      earlier.map(({ number }) => number),
      [12, 13, 14, 15, 16, 17, 18, 19]
    )
  })

  it("S4 Overtaken: it was acknowledged or in doubt when the request was asked", () => {
    const [asked] = reported(acknowledged(1), windowOf(2))
    const [before] = reported(answered(asked, entry(2)), windowOf(3))
    for (const latestReport of [1, 2]) {
      const after = answered(before, entry(latestReport, { exchanges: 9 }), { asked })
      if (latestReport === 1) assert.strictEqual(after, before)
      else assert.deepStrictEqual(after.acknowledged, before.acknowledged)
    }
    const later = answered(before, entry(3))
    assert.strictEqual(answered(later, entry(2), { asked }), later)
  })

  it("S4 Overtaken: the request was about another window", () => {
    const before = acknowledged(2)
    const asked = { ...begun, epoch: epoch - 1 }
    for (const latestReport of [0, 1, 2, 9])
      assert.strictEqual(answered(before, entry(latestReport), { asked }), before)
  })

  it("S5 the answer to a request about another window is used if the store and the node have no report", () => {
    const asked = { ...begun, epoch: epoch - 1 }
    const answer = entry(0)
    assert.deepStrictEqual(answered(begun, answer, { asked }), { ...begun, answer, confirmedAt: now })
  })

  it("S5 Lost: it is that of an earlier report that the node remembers", () => {
    const [before] = reported(acknowledged(4), windowOf(6))
    const answer = entry(2)
    const after = answered(before, answer, { window: windowOf(6) })
    assert.deepStrictEqual(after.acknowledged, { number: 2, window: windowOf(2) })
    assert.deepStrictEqual(
      after.earlier.map(({ number }) => number),
      [0, 1]
    )
    assert.isUndefined(after.inDoubt)
    assert.strictEqual(after.lastNumber, 5)
    assert.strictEqual(after.answer, answer)
    assert.deepStrictEqual(reported(after, windowOf(6))[1].number, 6)
  })

  it("S5 Lost: there is none, so the node reports everything again", () => {
    const after = answered(acknowledged(12), undefined, { window: windowOf(6) })
    assert.deepStrictEqual(after.acknowledged, { number: 0, window: settings.policy.initial })
    const [, report] = reported(after, windowOf(1))
    assert.deepStrictEqual([report.number, report.base], [13, 0])
  })

  it("S5 Lost: it has expired while the node was idle, so its earlier counts may still be in the window", () => {
    const before = acknowledged(2)
    const again = (waitedMillis: number) =>
      Reports.answered(
        frozen(before),
        entry(0),
        { asked: before, epoch, window: windowOf(3) },
        situationWith({ now: now + waitedMillis })
      ).acknowledged
    assert.deepStrictEqual(again(settings.idleMillis), { number: 0, window: windowOf(2) })
    assert.deepStrictEqual(again(settings.idleMillis - 1), { number: 0, window: settings.policy.initial })
  })

  it("S5 Lost: the answer does not renew the number, which may expire before the next report", () => {
    const { confirmedAt } = acknowledged(4)
    assert.strictEqual(answered(acknowledged(4), entry(2)).confirmedAt, confirmedAt)
  })

  it("S5 Lost: the node does not remember it, so everything counts as reported", () => {
    const window = windowOf(6)
    const after = answered({ ...acknowledged(4), earlier: [] }, entry(2), { window })
    assert.deepStrictEqual(after.acknowledged, { number: 2, window })
    assert.deepStrictEqual(reported(after, window)[1].sections, [])
  })

  it("S5 Lost: it is higher than any that the node has used, so the next report follows it", () => {
    const after = answered(begun, entry(70))
    assert.deepStrictEqual(after.acknowledged, { number: 70, window: settings.policy.initial })
    const [, report] = reported(after, windowOf(1))
    assert.deepStrictEqual([report.number, report.base, report.sections.length], [71, 70, 1])
  })

  it("S5 a loss is detected by an acknowledged number that falls", () => {
    const before = acknowledged(4)
    assert.isTrue(Reports.hasLost(before, answered(before, entry(2))))
    assert.isFalse(Reports.hasLost(before, answered(before, entry(4))))
    assert.isFalse(Reports.hasLost(before, { ...begun, epoch: epoch + 1 }))
  })

  it("S5 a window of another generation acknowledges nothing", () => {
    const before = acknowledged(2)
    const after = answered(before, entry(0, { epoch: epoch + 1 }))
    assert.deepStrictEqual(after, { ...before, answer: undefined })
  })
})

describe("S6 the merged counts", () => {
  const { rules } = settings
  const here = (failures: number): AnyCircuit => ({ ...closed(rules), window: windowOf(failures) })
  const rows = (...times: ReadonlyArray<number>) => [
    { floor: 0, rows: times.map((at) => [at, 1, 1, 0] as const) }
  ]
  const failuresIn = (reporting: Reporting, circuit: AnyCircuit, at = situation, by = epoch) => {
    const { at: time, circuit: together } = Reports.merged(reporting, circuit, by, at)
    return Machine.counts(together, rules, time).failures
  }

  it("S6 are those of the store, and this node's unreported ones", () => {
    const reporting = answered(reported(begun, windowOf(1))[0], entry(1, { sections: rows(5_000) }))
    assert.deepStrictEqual([failuresIn(reporting, here(1)), failuresIn(reporting, here(2))], [1, 2])
    assert.strictEqual(Reports.merged(reporting, here(1), epoch, situation).at, now + clockOffset)
  })

  it("S6 are this node's own if those of the other nodes are unknown", () => {
    const circuit = here(1)
    const own = { circuit, at: now }
    const others = { ...begun, answer: entry(0, { sections: rows(5_100) }) }
    assert.strictEqual(failuresIn(others, circuit), 2)
    assert.deepStrictEqual(Reports.merged(begun, circuit, epoch, situation), own)
    assert.deepStrictEqual(Reports.merged(others, circuit, epoch + 1, situation), own)
    const open = opened(rules)
    assert.deepStrictEqual(Reports.merged(others, open, epoch, situation), { circuit: open, at: now })
  })

  it("S7 are this node's own if fewer nodes than the quorum see failures", () => {
    const at = situationWith({ settings: { ...settings, quorum: 2 } })
    const others = (...failing: ReadonlyArray<string>) => ({
      ...begun,
      answer: entry(0, { sections: rows(5_100), failing })
    })
    assert.strictEqual(failuresIn(others(), here(1), at), 1)
    assert.strictEqual(failuresIn(others("a"), here(1), at), 1)
    assert.strictEqual(failuresIn(others("b"), here(1), at), 2)
    assert.strictEqual(failuresIn(others("b"), here(0), at), 0)
    assert.strictEqual(failuresIn(others("b", "c"), here(0), at), 1)
  })

  it("S7 a trip concerns all nodes without a quorum, and with one if enough nodes see failures", () => {
    assert.isTrue(Reports.concernsAll(begun, closed(rules), situation))
    const at = situationWith({ settings: { ...settings, quorum: 2 } })
    const other = { ...begun, answer: entry(0, { failing: ["b"] }) }
    assert.isTrue(Reports.concernsAll(other, here(1), at))
    assert.isFalse(Reports.concernsAll(other, opened(rules), at))
    assert.isFalse(Reports.concernsAll(begun, here(1), at))
  })

  it("S3 show failures if any node has counted one", () => {
    const others = { ...begun, answer: entry(0, { sections: rows(5_100) }) }
    assert.isTrue(Reports.sees(others, here(0), epoch, situation))
    assert.isTrue(Reports.sees(begun, here(1), epoch, situation))
    assert.isFalse(Reports.sees(begun, here(0), epoch, situation))
  })

  it("S3 show failures if any node has counted a slow call", () => {
    const policy: Policy<unknown> = slowCallRate({
      threshold: 1,
      minimumCalls: 2,
      minimumFailures: 1,
      slowerThanMillis: 100,
      window: { _tag: "Calls", calls: 4 }
    })
    const slow = settingsWith({ policy })
    const window = slow.policy.record(slow.policy.initial, success(1, 100))
    const circuit: AnyCircuit = { ...closed(slow.rules), window }
    const reporting = Reports.initial(epoch, clockOffset, slow.policy)
    const at = situationWith({ settings: slow })
    assert.isTrue(Reports.sees(reporting, circuit, epoch, at))
    assert.isTrue(Reports.report(reporting, { epoch, window, freshMillis: 0 }, at)[1].failing)
  })
})

describe("S17 the number of nodes that exchange a circuit", () => {
  it("S17 is the number of exchanges between two answers", () => {
    const answer = (exchanges: number): Reporting => ({ ...begun, answer: entry(0, { exchanges }) })
    assert.strictEqual(Reports.exchangesBetween(answer(5), answer(12)), 7)
    assert.strictEqual(Reports.exchangesBetween(answer(5), answer(2)), 0)
    assert.isUndefined(Reports.exchangesBetween(begun, answer(2)))
    assert.isUndefined(Reports.exchangesBetween(answer(5), begun))
    assert.isUndefined(Reports.exchangesBetween({ ...answer(5), epoch: epoch - 1 }, answer(12)))
  })
})
