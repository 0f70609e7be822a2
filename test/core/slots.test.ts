/** The slots of a half-open circuit: the same as in a plain array, at a cost that does not grow with their number. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Slots from "../../src/internal/core/slots.ts"
import { check } from "./check.ts"
import { frozen } from "./circuits.ts"

type Step =
  | { readonly _tag: "Take"; readonly count: number; readonly after: number }
  | { readonly _tag: "GiveBack"; readonly pick: number }
  | { readonly _tag: "Expire"; readonly age: number }

/** Long runs of slots, so that there are several rows, some of them full of holes. */
const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    fc.record({
      _tag: fc.constant("Take" as const),
      count: fc.integer({ min: 1, max: 90 }),
      after: fc.nat(3)
    }),
    fc.record({ _tag: fc.constant("GiveBack" as const), pick: fc.nat(400) }),
    fc.record({ _tag: fc.constant("GiveBack" as const), pick: fc.nat(400) }),
    fc.record({ _tag: fc.constant("Expire" as const), age: fc.nat(20) })
  ),
  { maxLength: 40 }
)

const slotsUpTo = (count: number): Slots.Slots =>
  Slots.from(Array.from({ length: count }, (_, i) => ({ id: i + 1, takenAt: i })))

/** The number of entries that were copied from one version to the next. */
const copiedBetween = (before: Slots.Slots, after: Slots.Slots): number =>
  after.rows.length +
  after.rows.filter((row) => !before.rows.includes(row)).reduce((sum, row) => sum + row.length, 0)

describe("slots", () => {
  it("R3.2.3 are those that an array would hold, in every version", () => {
    check(
      fc.property(steps, (history) => {
        let slots = Slots.none
        let expected: ReadonlyArray<Slots.Slot> = []
        const taken: Array<Slots.Slot> = []
        let nextId = 1
        let now = 0
        const versions: Array<readonly [Slots.Slots, ReadonlyArray<Slots.Slot>]> = [[slots, expected]]
        for (const step of history) {
          switch (step._tag) {
            case "Take":
              for (let i = 0; i < step.count; i++) {
                now += step.after
                taken.push({ id: nextId++, takenAt: now })
                slots = Slots.take(frozen(slots), taken.at(-1)!)
              }
              expected = expected.concat(taken.splice(0))
              break
            case "GiveBack": {
              const id = expected[step.pick % expected.length]?.id ?? nextId
              slots = Slots.giveBack(frozen(slots), id)
              expected = expected.filter((slot) => slot.id !== id)
              assert.isFalse(Slots.holds(slots, id))
              break
            }
            case "Expire":
              slots = Slots.takenAfter(frozen(slots), now - step.age)
              expected = expected.filter(({ takenAt }) => takenAt > now - step.age)
          }
          versions.push([slots, expected])
        }
        for (const [slots, expected] of versions) {
          assert.deepStrictEqual(Slots.toArray(slots), expected)
          assert.strictEqual(slots.count, expected.length)
          assert.strictEqual(Slots.oldest(slots), expected[0])
          assert.isTrue(slots.rows.every((row) => row.length > 0 && row.length <= 64))
          const held = new Set(expected.map(({ id }) => id))
          for (let id = 0; id <= nextId; id++) assert.strictEqual(Slots.holds(slots, id), held.has(id))
        }
      }),
      150
    )
  })

  it("are none at first", () => {
    assert.strictEqual(Slots.none.count, 0)
    assert.isUndefined(Slots.oldest(Slots.none))
    assert.deepStrictEqual(Slots.toArray(Slots.none), [])
    assert.isFalse(Slots.holds(Slots.none, 1))
    assert.strictEqual(Slots.giveBack(Slots.none, 1), Slots.none)
    assert.strictEqual(Slots.takenAfter(Slots.none, 1e9), Slots.none)
  })

  it("come from an array as if they had been taken one after the other", () => {
    const slots = slotsUpTo(130)
    assert.deepStrictEqual(Slots.from(Slots.toArray(slots)), slots)
    assert.deepStrictEqual(
      slots.rows.map((row) => row.length),
      [64, 64, 2]
    )
  })

  it("stay the same object if none is given back and none has expired", () => {
    const slots = frozen(slotsUpTo(130))
    for (const id of [0, 131, -1]) assert.strictEqual(Slots.giveBack(slots, id), slots)
    assert.strictEqual(Slots.takenAfter(slots, -1), slots)
    const without = frozen(Slots.giveBack(slots, 70))
    assert.strictEqual(Slots.giveBack(without, 70), without)
  })

  it("R3.2.5 expire at exactly the given time, and no earlier", () => {
    const slots = frozen(slotsUpTo(130))
    assert.strictEqual(Slots.takenAfter(slots, 0).count, 129)
    assert.strictEqual(Slots.takenAfter(slots, 0.001).count, 129)
    assert.strictEqual(Slots.takenAfter(slots, 63).count, 66)
    assert.strictEqual(Slots.takenAfter(slots, 64).count, 65)
    assert.deepStrictEqual(Slots.toArray(Slots.takenAfter(slots, 128)), [{ id: 130, takenAt: 129 }])
    assert.deepStrictEqual(Slots.takenAfter(slots, 129), Slots.none)
  })

  it("share every row but the one that has changed", () => {
    const slots = frozen(slotsUpTo(640))
    const kept = (after: Slots.Slots) => after.rows.filter((row) => slots.rows.includes(row)).length
    assert.strictEqual(slots.rows.length, 10)
    assert.strictEqual(kept(Slots.take(slots, { id: 641, takenAt: 641 })), 10)
    assert.strictEqual(kept(Slots.giveBack(slots, 321)), 9)
    assert.strictEqual(kept(Slots.takenAfter(slots, 100)), 8)
    assert.strictEqual(kept(Slots.take(Slots.giveBack(slots, 640), { id: 641, takenAt: 641 })), 9)
  })
})

describe("E15 10,000 probes", () => {
  const most = 10_000
  const rowLength = 64

  it("E15 copy a row of at most 64 and the list of rows for each slot that is taken or given back", () => {
    const bound = rowLength + Math.ceil(most / rowLength)
    let slots = Slots.none
    let copied = 0
    const to = (next: Slots.Slots) => {
      const entries = copiedBetween(slots, next)
      assert.isAtMost(entries, bound)
      copied += entries
      slots = next
    }
    for (let id = 1; id <= most; id++) to(Slots.take(slots, { id, takenAt: id }))
    assert.strictEqual(slots.count, most)
    // in an order that is neither that of taking nor its reverse
    for (let i = 0; i < most; i++) to(Slots.giveBack(slots, ((i * 7_919) % most) + 1))
    assert.deepStrictEqual(slots, Slots.none)
    // copied as a whole each time, it would be a hundred million
    assert.isAtMost(copied, 2 * most * bound)
    assert.isBelow(copied, 3_000_000)
  })

  it("E15 that expire together are dropped row by row, each row once", () => {
    const slots = slotsUpTo(most)
    const half = Slots.takenAfter(slots, most / 2 - 1)
    assert.strictEqual(half.count, most / 2)
    assert.isAtMost(copiedBetween(slots, half), rowLength + Math.ceil(most / rowLength))
    assert.deepStrictEqual(Slots.takenAfter(slots, most), Slots.none)
  })
})
