/** The addition of reports to the sections of a shared window. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Layout, Row, Section } from "../../../src/internal/core/windows/section.ts"
import { add, areEmpty, empty, shift } from "../../../src/internal/core/windows/section.ts"
import { check } from "../check.ts"
import { frozen } from "../circuits.ts"

const layoutOf = (over: Partial<Layout> = {}): Layout => ({
  unitMillis: 1,
  span: Infinity,
  enough: Infinity,
  freshMillis: 0,
  parts: Infinity,
  ...over
})

const sectionOf = (rows: ReadonlyArray<Row>, floor = 0): Section => ({ floor, rows })

/** A row of calls that all failed. */
const failed = (index: number, calls = 1): Row => [index, calls, calls, 0]

const added = (section: Section, report: Section, over: Partial<Layout> = {}, now = 100): Section =>
  add(frozen(section), frozen(report), layoutOf(over), now)

const rowsOf = (...given: Parameters<typeof added>) => added(...given).rows

const callsOf = ({ rows }: Section): number => rows.reduce((calls, row) => calls + row[1], 0)

describe("a report is added to a section", () => {
  it("rows of equal indices are added up, and all rows are in the order of their indices", () => {
    const held = sectionOf([
      [10, 4, 2, 1],
      [30, 1, 0, 0]
    ])
    const report = sectionOf([
      [40, 1, 1, 1],
      [20, 2, 0, 1],
      [10, 3, 2, 1]
    ])
    assert.deepStrictEqual(rowsOf(held, report), [
      [10, 7, 4, 2],
      [20, 2, 0, 1],
      [30, 1, 0, 0],
      [40, 1, 1, 1]
    ])
    assert.deepStrictEqual(rowsOf(empty, sectionOf([failed(20), failed(20, 2)])), [failed(20, 3)])
  })

  it("an index is rounded down to a whole one, and an index ahead of the clock is moved back to its time", () => {
    const report = sectionOf([failed(20.75), failed(99), failed(101), failed(1e300)])
    assert.deepStrictEqual(rowsOf(empty, report, {}, 100.5), [failed(20), failed(99), failed(100, 2)])
    assert.deepStrictEqual(rowsOf(empty, report, { unitMillis: 25 }, 100), [failed(4, 4)])
  })

  it("a negative row subtracts, but not below zero", () => {
    const held = sectionOf([[10, 3, 2, 1], failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -1, -1, 0]])), [[10, 2, 1, 1], failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -3, -2, -1]])), [failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -9, -9, -9]])), [failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -1, -9, -9]])), [[10, 2, 0, 0], failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[20, -1, -1, 0], failed(20, 4)])), [
      [10, 3, 2, 1],
      failed(20, 4)
    ])
  })

  it("a negative row without a row to subtract from is dropped", () => {
    const held = sectionOf([failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -1, -1, 0]])), [failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[200, -1, -1, 0]])), [failed(20)])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[10, -1, -1, 0], failed(10, 2)])), [
      failed(10, 2),
      failed(20)
    ])
    assert.deepStrictEqual(rowsOf(held, sectionOf([[30, 0, 0, 0]])), [failed(20)])
  })

  it("rows before the floor are dropped, and the later floor counts", () => {
    const held = sectionOf([failed(10), failed(20), failed(30)], 10)
    assert.deepStrictEqual(added(held, sectionOf([failed(15)], 20)), sectionOf([failed(20), failed(30)], 20))
    assert.deepStrictEqual(added(held, sectionOf([failed(9)], 5)), held)
    assert.deepStrictEqual(added(held, { floor: -Infinity, rows: [] }), held)
  })

  it("a floor ahead of the clock is moved back to its time, and later rows count", () => {
    const held = sectionOf([failed(10), failed(100)])
    assert.deepStrictEqual(added(held, sectionOf([], 1e300)), sectionOf([failed(100)], 100))
    const section = added(empty, sectionOf([], 100.5), { unitMillis: 10 }, 105)
    assert.strictEqual(section.floor, 10)
    assert.deepInclude(rowsOf(section, sectionOf([failed(11)]), { unitMillis: 10 }, 110), failed(11))
  })

  it("rows as old as the span are dropped", () => {
    const held = sectionOf([failed(4), failed(5), failed(9)])
    const over = { span: 6, unitMillis: 10 }
    assert.deepStrictEqual(rowsOf(held, empty, over, 99), held.rows)
    assert.deepStrictEqual(rowsOf(held, empty, over, 100), held.rows.slice(1))
    assert.deepStrictEqual(rowsOf(empty, held, over, 110), held.rows.slice(2))
    assert.deepStrictEqual(rowsOf(held, empty, over, 150), [])
    assert.deepStrictEqual(rowsOf(held, empty, { ...over, span: 1 }, 99), held.rows.slice(2))
  })

  it("the oldest rows are dropped while newer ones hold enough calls", () => {
    const held = sectionOf([failed(10, 2), failed(20, 2), failed(30, 2)])
    assert.deepStrictEqual(rowsOf(held, empty, { enough: 5 }), held.rows)
    assert.deepStrictEqual(rowsOf(held, empty, { enough: 4 }), held.rows.slice(1))
    assert.deepStrictEqual(rowsOf(held, empty, { enough: 3 }), held.rows.slice(1))
    assert.deepStrictEqual(rowsOf(held, sectionOf([failed(40, 9)]), { enough: 3 }), [failed(40, 9)])
  })

  it("a fresh row is never dropped, whatever newer rows hold", () => {
    const held = sectionOf([failed(10, 9), failed(20, 9), failed(30, 9)])
    const over = { enough: 1, freshMillis: 80 }
    assert.deepStrictEqual(rowsOf(held, empty, over, 90), held.rows)
    assert.deepStrictEqual(rowsOf(held, empty, over, 91), held.rows.slice(1))
    assert.deepStrictEqual(rowsOf(held, empty, over, 101), held.rows.slice(2))
    assert.deepStrictEqual(rowsOf(held, empty, over, 1000), held.rows.slice(2))
    // a row of a longer unit is fresh until its end is no longer fresh
    const units = sectionOf([failed(1), failed(9)])
    assert.deepStrictEqual(rowsOf(units, empty, { ...over, unitMillis: 10 }, 99), units.rows)
    assert.deepStrictEqual(rowsOf(units, empty, { ...over, unitMillis: 10 }, 100), units.rows.slice(1))
  })

  it("neighbours are joined at the index of the newer one if together they are at most one of `parts` parts", () => {
    const rows = [failed(10, 5), failed(11), failed(12), failed(13), failed(14), failed(15, 3)]
    assert.deepStrictEqual(rowsOf(sectionOf(rows), empty, { parts: 4 }), [
      failed(10, 5),
      failed(13, 3),
      failed(14),
      failed(15, 3)
    ])
    assert.deepStrictEqual(rowsOf(sectionOf(rows), empty, { parts: 6 }), rows)
    assert.deepStrictEqual(rowsOf(sectionOf(rows), empty), rows)
  })
})

describe("a section to which many processes report", () => {
  const rows = fc.array(
    fc.tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: -3, max: 9 }), fc.nat(9), fc.nat(9)),
    { maxLength: 8 }
  )
  const reports = fc.array(
    fc.record({ gap: fc.nat(4), floor: fc.constantFrom(-Infinity, -Infinity, 5, 30), rows }),
    { maxLength: 30 }
  )
  const layouts = fc.record({
    unitMillis: fc.constantFrom(0.5, 1, 3),
    span: fc.constantFrom(1, 7, Infinity),
    enough: fc.constantFrom(1, 12, Infinity),
    freshMillis: fc.constantFrom(0, 5),
    parts: fc.constantFrom(1, 2, 10, Infinity)
  })

  it("stays small and in order, whatever they report", () => {
    check(
      fc.property(layouts, reports, (layout, reports) => {
        let section = empty
        let now = 0
        for (const { gap, ...report } of reports) {
          now += gap
          const before = section
          section = add(frozen(section), frozen(report), layout, now)
          const indices = section.rows.map(([index]) => index)
          assert.deepStrictEqual(
            indices,
            [...new Set(indices)].toSorted((a, b) => a - b)
          )
          const latest = Math.floor(now / layout.unitMillis)
          for (const [index, calls, failures, slow] of section.rows) {
            assert.isTrue(Number.isInteger(index))
            assert.isAtLeast(index, section.floor)
            assert.isAtMost(index, latest)
            assert.isAtLeast(index, latest - layout.span + 1)
            assert.isAbove(calls, 0)
            assert.isAtLeast(Math.min(failures, slow), 0)
          }
          assert.isAtLeast(section.floor, before.floor)
          const fresh = Math.ceil(layout.freshMillis / layout.unitMillis) + 1
          assert.isAtMost(
            section.rows.length,
            Math.min(layout.span, Math.max(layout.enough, fresh), 2 * layout.parts - 1)
          )
        }
      }),
      500
    )
  })

  it("holds every call once, in any order of the reports, if none is too old", () => {
    const calls = fc.array(
      fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.nat(9)), { maxLength: 6 }),
      { maxLength: 8 }
    )
    check(
      fc.property(calls, (reports) => {
        const all = (reports: ReadonlyArray<ReadonlyArray<Row>>) =>
          reports.reduce((section, rows) => added(section, sectionOf(rows)), empty)
        assert.deepStrictEqual(all(reports), all(reports.toReversed()))
        assert.deepStrictEqual(all(reports), added(empty, sectionOf(reports.flat())))
        assert.strictEqual(callsOf(all(reports)), callsOf(sectionOf(reports.flat())))
      }),
      200
    )
  })

  it("holds enough calls if as many were reported, and joining loses none", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 })
    check(
      fc.property(sizes, fc.constantFrom(1, 20, 100), (sizes, enough) => {
        let section = empty
        let all = 0
        for (const [i, calls] of sizes.entries()) {
          all += calls
          const before = callsOf(section)
          section = added(section, sectionOf([failed(i, calls)]), { enough, parts: 10 }, i)
          assert.isAtLeast(callsOf(section), Math.min(all, enough))
          if (before + calls <= enough) assert.strictEqual(callsOf(section), before + calls)
        }
      }),
      200
    )
  })
})

describe("a section of a process, in the time of the store", () => {
  it("is shifted by whole indices", () => {
    const section = { floor: 20, rows: [failed(30), [40, 3, -2, 1] as const] }
    assert.deepStrictEqual(shift(section, layoutOf(), 5), { floor: 25, rows: [failed(35), [45, 3, -2, 1]] })
    assert.deepStrictEqual(shift(section, layoutOf(), -5), { floor: 15, rows: [failed(25), [35, 3, -2, 1]] })
  })

  it("a row that begins in one unit and ends in the next counts in the earlier one", () => {
    const rowsAt = (index: number, ahead: number, unitMillis = 10) =>
      shift(sectionOf([failed(index)]), layoutOf({ unitMillis }), ahead).rows
    assert.deepStrictEqual(rowsAt(7, 27), [failed(9)])
    assert.deepStrictEqual(rowsAt(7, 30), [failed(10)])
    assert.deepStrictEqual(rowsAt(7, -3), [failed(6)])
    assert.deepStrictEqual(rowsAt(7.5, 2.75), [failed(7)])
    assert.deepStrictEqual(rowsAt(7.5, 3), [failed(8)])
    assert.deepStrictEqual(rowsAt(30.4, 0.75, 1), [failed(31)])
    assert.deepStrictEqual(rowsAt(3, 1_680_000_000_000, 100 / 3), [failed(50_400_000_003)])
  })

  it("clocks that differ by no more than 20 ms, or a fifth of a unit, have the same units", () => {
    const indexAt = (ahead: number, unitMillis: number) =>
      shift(sectionOf([failed(7)]), layoutOf({ unitMillis }), ahead).rows[0]![0]
    assert.strictEqual(indexAt(-20, 1_000), 7)
    assert.strictEqual(indexAt(-21, 1_000), 6)
    assert.strictEqual(indexAt(979, 1_000), 7)
    assert.strictEqual(indexAt(-2, 10), 7)
    assert.strictEqual(indexAt(-3, 10), 6)
    assert.strictEqual(indexAt(-0.25, 1), 6)
  })

  it("has no floor below 0, because 0 is none", () => {
    const floorAt = (floor: number, ahead: number) => shift({ floor, rows: [] }, layoutOf(), ahead).floor
    assert.strictEqual(floorAt(-Infinity, 1e12), 0)
    assert.strictEqual(floorAt(20, -30), 0)
    assert.strictEqual(floorAt(20.5, 0.25), 20)
    assert.strictEqual(floorAt(20.5, 0.5), 21)
  })

  it("is not reported without a row and a floor", () => {
    assert.isTrue(areEmpty([]))
    assert.isTrue(areEmpty([{ floor: -Infinity, rows: [] }]))
    assert.isFalse(
      areEmpty([
        { floor: -Infinity, rows: [] },
        { floor: 5, rows: [] }
      ])
    )
    assert.isFalse(
      areEmpty([
        { floor: -Infinity, rows: [failed(1)] },
        { floor: -Infinity, rows: [] }
      ])
    )
  })
})
