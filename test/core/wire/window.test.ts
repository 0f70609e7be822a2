/** Windows in a store's answers: whatever they contain, only valid parts reach a policy. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Wire from "../../../src/internal/core/wire/window.ts"
import { check } from "../check.ts"
import { inLongRun } from "../../kit/runLength.ts"

const now = 1_000_000

const decodeWindow = (value: unknown) => Wire.decodeWindow(value, now)

const window = {
  epoch: 3,
  latestReport: 7,
  exchanges: 40,
  sections: [
    {
      floor: 5,
      rows: [
        [6, 10, 3, 1],
        [9, 1, 1, 0]
      ]
    },
    { floor: 0, rows: [] }
  ],
  failing: ["one", "two"]
}

const rowsIn = (rows: unknown) =>
  decodeWindow({ ...window, sections: [{ floor: 0, rows }] })?.sections[0]?.rows

describe("F4 the window in a store's answer", () => {
  it("F4 is decoded unchanged if it is valid", () => {
    assert.deepStrictEqual<unknown>(decodeWindow(window), window)
    const before = { floor: 0, rows: [[-2, 1, 0, 0]] }
    assert.deepStrictEqual<unknown>(decodeWindow({ ...window, sections: [before] })?.sections, [before])
  })

  const wrong: ReadonlyArray<unknown> = [NaN, Infinity, -1, 0.5, 2 ** 53, "1", null, undefined, [], {}]

  it("F4 is rejected without an epoch, or without the numbers of reports", () => {
    for (const value of wrong) {
      assert.isUndefined(decodeWindow({ ...window, latestReport: value }))
      assert.isUndefined(decodeWindow({ ...window, exchanges: value }))
    }
    for (const epoch of [NaN, Infinity, "1", null, undefined, now + 2 ** 48 + 1]) {
      assert.isUndefined(decodeWindow({ ...window, epoch }))
    }
    for (const value of [undefined, null, 5, "window", [], () => window]) {
      assert.isUndefined(decodeWindow(value))
    }
  })

  it("F4 loses invalid rows, and keeps the others", () => {
    const good = [8, 2, 1, 0]
    const row: ReadonlyArray<unknown> = [7, 9, 9, 9]
    for (const value of wrong) {
      for (const place of [1, 2, 3]) {
        assert.deepStrictEqual<unknown>(rowsIn([row.with(place, value), good]), [good])
      }
      if (value !== -1) assert.deepStrictEqual<unknown>(rowsIn([[value, 1, 0, 0], good]), [good])
    }
    const others = [
      [7, 0, 0, 0],
      [7, 1, 2, 0],
      [7, 1, 0, 2],
      [7, 1, 0],
      [7, 1, 0, 0, 0],
      7,
      null,
      "7,1,0,0",
      {}
    ]
    for (const other of others) assert.deepStrictEqual<unknown>(rowsIn([other, good]), [good])
    assert.deepStrictEqual<unknown>(rowsIn("rows"), [])
  })

  it("F4 has each index once, in order", () => {
    const [a, b, c] = [
      [1, 1, 0, 0],
      [2, 1, 0, 0],
      [3, 1, 0, 0]
    ]
    assert.deepStrictEqual<unknown>(rowsIn([a, c, b, c, a]), [a, c])
  })

  it("F4 keeps each section in its place, without an invalid floor", () => {
    for (const floor of [NaN, -1, Infinity, -Infinity, "5", null]) {
      const sections = [5, { floor, rows: [[1, 1, 1, 1]] }, null]
      assert.deepStrictEqual<unknown>(decodeWindow({ ...window, sections })?.sections, [
        { floor: 0, rows: [] },
        { floor: 0, rows: [[1, 1, 1, 1]] },
        { floor: 0, rows: [] }
      ])
    }
    assert.deepStrictEqual<unknown>(decodeWindow({ ...window, sections: "none" })?.sections, [])
    assert.deepStrictEqual<unknown>(decodeWindow({ ...window, failing: ["a", 5, null, "b"] })?.failing, [
      "a",
      "b"
    ])
    assert.deepStrictEqual<unknown>(decodeWindow({ ...window, failing: undefined })?.failing, [])
  })

  it("F4 is no longer than any store may answer", () => {
    const rows = Array.from({ length: 150_000 }, (_, i) => [i, 1, 0, 0])
    assert.strictEqual(rowsIn(rows)?.length, 100_000)
    const sections = Array.from({ length: 1_000 }, () => ({ floor: 0, rows: [] }))
    assert.strictEqual(decodeWindow({ ...window, sections })?.sections.length, 256)
    const failing = Array.from({ length: 20_000 }, String)
    assert.strictEqual(decodeWindow({ ...window, failing })?.failing.length, 10_000)
  })

  it("F4 is decoded without an error, whatever it contains, and decoded again to the same", () => {
    const value = fc.oneof(
      fc.anything(),
      fc.record({
        epoch: fc.double(),
        latestReport: fc.nat(),
        exchanges: fc.nat(),
        failing: fc.anything(),
        sections: fc.array(
          fc.oneof(
            fc.anything(),
            fc.record({ floor: fc.double(), rows: fc.array(fc.oneof(fc.anything(), fc.array(fc.integer()))) })
          )
        )
      })
    )
    check(
      fc.property(value, (it) => {
        const decoded = decodeWindow(it)
        assert.deepStrictEqual<unknown>(decodeWindow(decoded), decoded)
      }),
      inLongRun(2_000, 600)
    )
  })
})
