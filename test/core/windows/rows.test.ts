import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Rows from "../../../src/internal/core/windows/rows.ts"
import { check } from "../check.ts"
import { frozen } from "../circuits.ts"

const writes = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 9 })), { maxLength: 40 })

const filled = (length: number): Rows.Rows => {
  let rows = Rows.empty
  for (let index = 0; index < length; index++) rows = Rows.set(rows, index, index + 1)
  return rows
}

describe("rows", () => {
  it("read like an array, and every version keeps its content", () => {
    check(
      fc.property(writes, (history) => {
        const expected = new Map<number, number>()
        const versions = [{ rows: Rows.empty, expected: new Map(expected) }]
        for (const [index, value] of history) {
          expected.set(index, value)
          const rows = Rows.set(frozen(versions.at(-1)!.rows), index, value)
          versions.push({ rows, expected: new Map(expected) })
        }
        const indices = history.flatMap(([index]) => [Math.max(0, index - 1), index, index + 1, index + 64])
        for (const { rows, expected } of versions) {
          assert.deepStrictEqual(
            indices.map((index) => Rows.get(rows, index)),
            indices.map((index) => expected.get(index) ?? 0)
          )
        }
      }),
      100
    )
  })

  it("read as 0 if nothing was written, also beyond the end", () => {
    const rows = Rows.set(Rows.empty, 200, 7)
    assert.strictEqual(Rows.get(Rows.empty, 0), 0)
    assert.strictEqual(Rows.get(rows, 199), 0)
    assert.strictEqual(Rows.get(rows, 3), 0)
    assert.strictEqual(Rows.get(rows, 201), 0)
    assert.strictEqual(Rows.get(rows, 10_000), 0)
    assert.strictEqual(Rows.get(rows, 200), 7)
  })

  it("share all but the row that was written", () => {
    const before = filled(640)
    const after = Rows.set(before, 321, -1)
    assert.strictEqual(after.length, before.length)
    assert.strictEqual(after.filter((row, i) => row === before[i]).length, before.length - 1)
  })

  it("hold 64 entries each and no holes, which would make them slow", () => {
    const sparse = [300, 64, 5, 127].reduce((rows, index) => Rows.set(rows, index, 1), Rows.empty)
    for (const rows of [sparse, filled(129)]) {
      for (const row of rows) {
        assert.isAtMost(row.length, 64)
        assert.strictEqual(Object.keys(row).length, row.length)
      }
    }
    assert.deepStrictEqual(
      sparse.map((row) => row.length),
      [6, 64, 0, 0, 45]
    )
    assert.deepStrictEqual(
      filled(129).map((row) => row.length),
      [64, 64, 1]
    )
  })

  it("of an array are the same as after writing its elements", () => {
    for (const length of [0, 1, 63, 64, 65, 128, 200]) {
      const values = Array.from({ length }, (_, i) => i + 1)
      assert.deepStrictEqual(Rows.from(values), filled(length))
    }
  })
})
