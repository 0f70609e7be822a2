/** The functions on a shared circuit, before it is written and after it is read. */
import { assert, describe, it } from "@effect/vitest"
import { withHolds, shift, asWritten, withoutExpired } from "../../../src/internal/core/replica/shared.ts"
import * as Slots from "../../../src/internal/core/slots.ts"
import {
  admitted,
  closed,
  disabled,
  everyState,
  everyStateDisabled,
  frozen,
  halfOpen,
  inState,
  isolated,
  openMillis,
  opened,
  recovering,
  recovery
} from "../circuits.ts"
import { inGeneration, leaseMillis, settingsWith, sharedWith } from "./fixtures.ts"

const settings = settingsWith({ rules: { probes: 3, recovery } })
const { rules } = settings

/** HalfOpen with this number of slots taken. */
const probing = (count: number) => {
  let circuit = halfOpen(rules) as ReturnType<typeof halfOpen>
  for (let i = 0; i < count; i++) circuit = inState(admitted(circuit, rules, openMillis)[1], "HalfOpen")
  return circuit
}

describe("a shared circuit as it is written", () => {
  it("S14 takes its generation from the time if it is the first", () => {
    const first = asWritten(sharedWith(settings, opened(rules)), true, 5_000_000.7)
    assert.strictEqual(first.circuit.generation, 5_000_001)
    const later = asWritten(sharedWith(settings, opened(rules)), false, 5_000_000.7)
    assert.strictEqual(later.circuit.generation, 1)
  })

  it("S14 keeps a generation that was taken from the time", () => {
    const generationOf = (generation: number) =>
      asWritten(sharedWith(settings, inGeneration(opened(rules), generation)), true, 5_000_000).circuit
        .generation
    assert.deepStrictEqual([generationOf(999_999), generationOf(1_000_000)], [5_999_999, 1_000_000])
  })

  it("S14 has only numbers that JSON can hold", () => {
    const shared = sharedWith(settings, { ...opened(rules), openMillis: Infinity })
    assert.strictEqual(asWritten(shared, false, 0).circuit.openMillis, Number.MAX_VALUE)
  })

  it("S11 leaves out the nodes of slots that no longer exist", () => {
    const probers = { "1": "a", "2": "b", "7": "c" }
    const written = (circuit: Parameters<typeof sharedWith>[1]) =>
      asWritten(sharedWith(settings, circuit, { probers }), false, 0).probers
    assert.deepStrictEqual(written(probing(2)), { "1": "a", "2": "b" })
    assert.deepStrictEqual(written(probing(3)), { "1": "a", "2": "b" })
    assert.deepStrictEqual(written(opened(rules)), {})
  })
})

describe("nodes whose leases have expired", () => {
  const now = 50_000
  const lost = (
    circuit: Parameters<typeof sharedWith>[1],
    over: Parameters<typeof sharedWith>[2],
    leases: ReadonlyArray<{ readonly node: string; readonly at: number }>
  ) => {
    const shared = frozen(sharedWith(settings, circuit, over))
    return [shared, withoutExpired(shared, rules, { leases, now }, leaseMillis)] as const
  }

  it("S11 lose their slots exactly at the end of their lease", () => {
    const probers = { "1": "a", "2": "b" }
    const leases = [
      { node: "a", at: now - leaseMillis },
      { node: "b", at: now - leaseMillis + 1 }
    ]
    const [, after] = lost(probing(2), { probers }, leases)
    assert.deepStrictEqual(
      Slots.toArray(inState(after.circuit, "HalfOpen").slots).map(({ id }) => id),
      [2]
    )
  })

  it("S11 a slot without a node is freed", () => {
    const [, after] = lost(probing(1), {}, [])
    assert.strictEqual(inState(after.circuit, "HalfOpen").slots.count, 0)
  })

  it("S15 lose their holds, and the circuit is in the state that the remaining holds require", () => {
    const leases = [{ node: "b", at: now }]
    const both = isolated(disabled(closed(rules)))
    const [, isolatedByB] = lost({ ...both, holders: 3 }, { isolators: { a: 2, b: 1 } }, leases)
    assert.deepStrictEqual(isolatedByB.isolators, { b: 1 })
    assert.strictEqual(inState(isolatedByB.circuit, "Isolated").holders, 1)
    const [, disabledByB] = lost(both, { isolators: { a: 1 }, disablers: { b: 1 } }, leases)
    assert.strictEqual(inState(disabledByB.circuit, "Disabled").disablers, 1)
    const [, closedAgain] = lost(disabled(closed(rules)), { disablers: { a: 1 } }, leases)
    assert.strictEqual(inState(closedAgain.circuit, "Closed").closedAt, now)
    assert.deepStrictEqual(closedAgain.disablers, {})
  })

  it("S11 S15 a node with a valid lease keeps its slots and holds", () => {
    const leases = [{ node: "a", at: now }]
    const held = inState(isolated(closed(rules)), "Isolated")
    for (const [circuit, over] of [
      [probing(1), { probers: { "1": "a" } }],
      [held, { isolators: { a: 1 } }],
      [disabled(closed(rules)), { disablers: { a: 1 } }]
    ] as const) {
      const [before, after] = lost(circuit, over, leases)
      assert.strictEqual(after, before)
    }
  })

  it("S11 a circuit in a state without holders is unchanged", () => {
    for (const circuit of [closed(rules), opened(rules), recovering(rules)]) {
      const [before, after] = lost(circuit, {}, [])
      assert.strictEqual(after, before)
    }
  })

  it("S14 every node has a lease after the circuit was restored", () => {
    const over = (restoredAt: number) => ({ probers: { "1": "a" }, restoredAt })
    const [before, after] = lost(probing(1), over(now - leaseMillis + 1), [])
    assert.strictEqual(after, before)
    const [, late] = lost(probing(1), over(now - leaseMillis), [])
    assert.strictEqual(inState(late.circuit, "HalfOpen").slots.count, 0)
  })
})

describe("S15 a circuit with holds", () => {
  const by = (isolators: object, disablers: object) => ({
    isolators: isolators as Record<string, number>,
    disablers: disablers as Record<string, number>
  })

  it("S15 is Isolated if there is an isolation, with the sum of the holds of all nodes", () => {
    for (const circuit of [...everyState(1), ...everyStateDisabled(1)]) {
      const held = inState(withHolds(circuit, rules, by({ a: 2, b: 1 }, { a: 1, c: 4 }), 0), "Isolated")
      assert.deepStrictEqual([held.holders, held.disablers], [3, 5])
    }
  })

  it("S15 is Disabled if there is no isolation, with the sum of the holds of all nodes", () => {
    for (const circuit of [...everyState(1), ...everyStateDisabled(1)]) {
      const held = inState(withHolds(circuit, rules, by({}, { a: 1, c: 4 }), 0), "Disabled")
      assert.strictEqual(held.disablers, 5)
    }
  })

  it("S15 closes when the last hold ends, and is unchanged if there was none", () => {
    const now = 77
    for (const circuit of [isolated(closed(rules)), disabled(opened(rules))]) {
      assert.strictEqual(inState(withHolds(circuit, rules, by({}, {}), now), "Closed").closedAt, now)
    }
    for (const circuit of [opened(rules), probing(1), closed(rules), recovering(rules)]) {
      assert.strictEqual(withHolds(circuit, rules, by({}, {}), now), circuit)
    }
  })

  it("S15 is the same object if nothing changes", () => {
    const isolation = isolated(disabled(closed(rules)))
    assert.strictEqual(withHolds(isolation, rules, by({ a: 1 }, { b: 1 }), 0), isolation)
    const disabling = disabled(closed(rules))
    assert.strictEqual(withHolds(disabling, rules, by({}, { b: 1 }), 0), disabling)
  })
})

describe("S12 a circuit in the time of another clock", () => {
  const times = (circuit: Parameters<typeof shift>[0]): ReadonlyArray<number> => {
    switch (circuit._tag) {
      case "Closed":
        return [circuit.closedAt]
      case "Open":
        return [circuit.openedAt]
      case "HalfOpen":
        return Slots.toArray(circuit.slots).map(({ takenAt }) => takenAt)
      case "Recovering":
        return [circuit.startedAt]
      default:
        return []
    }
  }

  it("S12 has all its times shifted, and is otherwise the same", () => {
    for (const circuit of [...everyState(1), ...everyStateDisabled(1)]) {
      const shifted = shift(circuit, 70)
      assert.deepStrictEqual(
        times(shifted),
        times(circuit).map((at) => at + 70)
      )
      assert.deepStrictEqual(shift(shifted, -70), circuit)
    }
  })
})
