/** The application of each kind of change to a shared circuit. */
import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/internal/core/circuit.ts"
import type { Change, Restores } from "../../../src/internal/core/replica/changes.ts"
import { apply, takesPrecedence } from "../../../src/internal/core/replica/changes.ts"
import * as Slots from "../../../src/internal/core/slots.ts"
import type { SharedCircuit } from "../../../src/internal/core/wire/state.ts"
import { noHoldings } from "../../../src/internal/core/wire/state.ts"
import type { AnyCircuit } from "../circuits.ts"
import {
  admitted,
  closed,
  disabled,
  everyState,
  everyStateDisabled,
  failure,
  frozen,
  halfOpen,
  ignored,
  inState,
  isolated,
  opened,
  openMillis,
  probeTimeoutMillis,
  recovering,
  recovery,
  success
} from "../circuits.ts"
import { inGeneration, settingsWith, sharedWith } from "./fixtures.ts"

const settings = settingsWith({ rules: { recovery } })
const { rules } = settings

const applied = (change: Change, shared: SharedCircuit, now = openMillis) =>
  apply(change, frozen(shared), settings, now)

const after = (change: Change, shared: SharedCircuit, now?: number): SharedCircuit =>
  applied(change, shared, now).shared

const of = (circuit: AnyCircuit, over: Partial<SharedCircuit> = {}) => sharedWith(settings, circuit, over)

/** HalfOpen with slot 1 taken by `node`. */
const probedBy = (node: string) => {
  const [, circuit] = admitted(halfOpen(rules), rules, openMillis)
  return of(circuit, { probers: { "1": node } })
}

describe("S9 Opens", () => {
  const opens = { _tag: "Opens", generation: 3, openMillis: 700, openedAt: 900 } as const

  it("S9 opens a Closed or Recovering circuit in the generation of the failures, or in an earlier one", () => {
    for (const circuit of [closed(rules), recovering(rules)]) {
      for (const generation of [3, 2]) {
        const open = after(opens, of(inGeneration(circuit, generation)))
        assert.strictEqual(open.reason, "Tripped")
        assert.deepStrictEqual(open.circuit, {
          _tag: "Open",
          generation: generation + 1,
          openings: circuit.openings + 1,
          openMillis: 700,
          openedAt: 900
        })
      }
    }
  })

  it("S9 changes nothing in a later generation", () => {
    const shared = of(inGeneration(closed(rules), 4))
    assert.strictEqual(after(opens, shared), shared)
  })

  it("S9 does not change a circuit in any other state", () => {
    const others = [opened(rules), halfOpen(rules), isolated(closed(rules)), disabled(closed(rules))]
    for (const circuit of others) {
      const shared = of(inGeneration(circuit, 1))
      assert.strictEqual(after(opens, shared), shared)
    }
  })

  it("S9 never opens a circuit in the future", () => {
    const open = after({ ...opens, openedAt: 1_234 }, of(closed(rules)), 1_000)
    assert.strictEqual(inState(open.circuit, "Open").openedAt, 1_000)
  })

  it("S9 opens a circuit whose recovery has ended by then as a Closed one", () => {
    const start = recovering(rules)
    const now = openMillis + recovery.durationMillis + start.openMillis
    const open = after({ ...opens, openedAt: now }, of(start), now)
    assert.strictEqual(inState(open.circuit, "Open").openings, 1)
    assert.strictEqual(open.circuit.generation, start.generation + 2)
  })
})

describe("S10 TakesSlot", () => {
  const takes = { _tag: "TakesSlot", request: 5, firstSlot: 1 } as const

  it("S10 takes a slot for its node", () => {
    const { decision, shared } = applied(takes, of(halfOpen(rules)))
    assert.deepStrictEqual(decision, { _tag: "Admitted", ticket: { generation: 2, slot: 1 } })
    assert.deepStrictEqual(shared.probers, { "1": "a" })
    assert.strictEqual(inState(shared.circuit, "HalfOpen").slots.count, 1)
  })

  it("S10 takes a slot of an Open circuit whose open time has passed", () => {
    const { decision, shared } = applied(takes, of(opened(rules)))
    assert.strictEqual(decision?._tag, "Admitted")
    assert.strictEqual(shared.circuit._tag, "HalfOpen")
  })

  it("S10 takes a slot with a number that its node has not used during an outage", () => {
    for (const circuit of [halfOpen(rules), opened(rules)]) {
      const { decision, shared } = applied({ ...takes, firstSlot: 7 }, of(circuit))
      assert.deepStrictEqual(decision, { _tag: "Admitted", ticket: { generation: 2, slot: 7 } })
      assert.deepStrictEqual(shared.probers, { "7": "a" })
    }
  })

  it("S10 does not take a slot that another node holds", () => {
    const shared = probedBy("b")
    assert.deepStrictEqual(applied(takes, shared), {
      shared,
      decision: { _tag: "Rejected", retryAfterMillis: 0 }
    })
  })

  it("S10 takes a slot whose lease has expired", () => {
    const { decision, shared } = applied(takes, probedBy("b"), openMillis + probeTimeoutMillis)
    assert.deepStrictEqual(decision, { _tag: "Admitted", ticket: { generation: 2, slot: 2 } })
    assert.strictEqual(shared.probers["2"], "a")
  })

  it("S10 admits the call without a slot if the circuit is Closed by then", () => {
    const shared = of(closed(rules))
    const { decision, shared: same } = applied(takes, shared)
    assert.deepStrictEqual(decision, { _tag: "Admitted", ticket: { generation: 0, slot: 0 } })
    assert.strictEqual(same, shared)
  })

  it("S10 admits the call without a slot if a Recovering circuit admits every call", () => {
    const all = settingsWith({ rules: { recovery: { ...recovery, from: 1 } } })
    const { decision, shared } = apply(takes, of(recovering(rules)), all, openMillis)
    assert.strictEqual(decision?._tag, "Admitted")
    assert.deepStrictEqual(shared.probers, {})
  })

  it("S10 counts the call as an arrival if the circuit is Recovering by then", () => {
    const { decision, shared } = applied(takes, of(recovering(rules)))
    assert.strictEqual(decision?._tag, "Rejected")
    assert.strictEqual(inState(shared.circuit, "Recovering").arrivals, 1)
    assert.deepStrictEqual(shared.probers, {})
  })
})

describe("S10 SettlesProbe", () => {
  const settles = { _tag: "SettlesProbe", slot: 1, generation: 2, openMillis: 900 } as const
  const succeeds = { ...settles, call: success(openMillis + 5) }
  const fails = { ...settles, call: failure(openMillis + 5) }
  const now = openMillis + 10

  it("S10 a success starts the recovery at the time of the write", () => {
    const start = after(succeeds, probedBy("a"), now)
    assert.strictEqual(inState(start.circuit, "Recovering").startedAt, now)
  })

  it("S10 a failure reopens the circuit as of the time of the failure", () => {
    const open = after(fails, probedBy("a"), now)
    assert.strictEqual(open.reason, "ProbeFailed")
    assert.deepStrictEqual(open.circuit, {
      _tag: "Open",
      generation: 3,
      openings: 2,
      openMillis: 900,
      openedAt: openMillis + 5
    })
  })

  it("S11 an ignored outcome gives the slot back", () => {
    const given = after({ ...settles, call: ignored(now) }, probedBy("a"), now)
    assert.strictEqual(inState(given.circuit, "HalfOpen").slots.count, 0)
  })

  it("S10 changes nothing if another node holds the slot, or none does", () => {
    for (const shared of [probedBy("b"), of(probedBy("b").circuit)]) {
      assert.strictEqual(after(fails, shared, now), shared)
    }
  })

  it("S10 changes nothing if the slot's lease has expired", () => {
    const shared = probedBy("a")
    assert.strictEqual(after(fails, shared, openMillis + probeTimeoutMillis), shared)
  })

  it("S10 does not change a circuit that is not HalfOpen", () => {
    const shared = of(closed(rules), { probers: { "1": "a" } })
    assert.strictEqual(after(fails, shared, now), shared)
  })

  it("S10 a probe without a slot is identified by its generation", () => {
    const answered = { ...fails, slot: Machine.answeredSlot }
    assert.strictEqual(after(answered, of(halfOpen(rules)), now).circuit._tag, "Open")
    const later = of(inGeneration(halfOpen(rules), 3))
    assert.strictEqual(after(answered, later, now), later)
  })
})

describe("S8 Trips", () => {
  const trips = { _tag: "Trips", openMillis: 800, openedAt: 40 } as const

  it("S8 opens a circuit with the reason Manual", () => {
    for (const circuit of [closed(rules), halfOpen(rules), recovering(rules)]) {
      const open = after(trips, of(circuit, { reason: "Tripped" }))
      assert.strictEqual(open.reason, "Manual")
      const { openedAt, openings, openMillis } = inState(open.circuit, "Open")
      assert.deepStrictEqual([openedAt, openings, openMillis], [40, circuit.openings + 1, 800])
    }
  })

  it("S8 restarts an opening without a backoff step", () => {
    const open = after(trips, of(opened(rules), { reason: "Tripped" }), 50)
    assert.strictEqual(open.reason, "Manual")
    assert.deepStrictEqual(open.circuit, { ...opened(rules), generation: 2, openedAt: 40 })
    const clockOffset = after({ ...trips, openedAt: 60 }, of(opened(rules)), 50)
    assert.strictEqual(inState(clockOffset.circuit, "Open").openedAt, 50)
  })

  it("S8 does not change an Isolated or Disabled circuit", () => {
    for (const circuit of [isolated(closed(rules)), disabled(closed(rules))]) {
      const shared = of(circuit)
      assert.strictEqual(after(trips, shared), shared)
    }
  })
})

describe("S15 Resets", () => {
  it("S15 closes a circuit, ends its isolations, and counts the reset", () => {
    for (const circuit of everyState(3)) {
      const reset = after({ _tag: "Resets" }, of(circuit, { isolators: { b: 1 }, resets: 4 }), 99)
      assert.deepStrictEqual([reset.isolators, reset.resets], [{}, 5])
      const { closedAt, openings } = inState(reset.circuit, "Closed")
      assert.deepStrictEqual([closedAt, openings], [99, 0])
    }
  })

  it("S15 leaves a Disabled circuit as it is", () => {
    const disablers = { b: 1 }
    for (const circuit of everyStateDisabled(3)) {
      const reset = after({ _tag: "Resets" }, of(circuit, { disablers }))
      assert.strictEqual(reset.circuit._tag, "Disabled")
      assert.strictEqual(reset.disablers, disablers)
    }
  })
})

describe("S15 SetsHolds", () => {
  const setsHolds = (isolations: number, disablings: number): Change => ({
    _tag: "SetsHolds",
    isolations,
    disablings,
    resets: 0,
    begun: 0
  })

  it("S15 sets how often its node isolates and disables the circuit, and keeps the holds of other nodes", () => {
    const other = of(isolated(closed(rules)), { isolators: { b: 1 } })
    const both = after(setsHolds(2, 3), other)
    assert.deepStrictEqual([both.isolators, both.disablers], [{ a: 2, b: 1 }, { a: 3 }])
    const { disablers, holders } = inState(both.circuit, "Isolated")
    assert.deepStrictEqual([holders, disablers], [3, 3])
    const less = after(setsHolds(0, 1), both)
    assert.deepStrictEqual([less.isolators, less.disablers], [{ b: 1 }, { a: 1 }])
    assert.strictEqual(inState(less.circuit, "Isolated").disablers, 1)
  })

  it("S15 closes the circuit at the time of the write when the last hold ends", () => {
    const shared = of(isolated(opened(rules)), { isolators: { a: 1 } })
    assert.strictEqual(inState(after(setsHolds(0, 0), shared, 99).circuit, "Closed").closedAt, 99)
  })

  it("S15 returns the same object if nothing changes", () => {
    const none = of(opened(rules))
    assert.strictEqual(after(setsHolds(0, 0), none), none)
    const both = after(setsHolds(1, 1), none)
    assert.strictEqual(after(setsHolds(1, 1), both), both)
    assert.notStrictEqual(after(setsHolds(1, 2), both), both)
    assert.notStrictEqual(after(setsHolds(2, 1), both), both)
  })

  it("S15 isolates a circuit again that other nodes have closed meanwhile", () => {
    const shared = of(closed(rules), { isolators: { a: 1 } })
    assert.strictEqual(after(setsHolds(1, 0), shared).circuit._tag, "Isolated")
  })
})

describe("S13 S14 Restores", () => {
  const restores = (circuit: AnyCircuit, over: Partial<Restores> = {}): Restores => ({
    _tag: "Restores",
    epoch: 0,
    circuit: inGeneration(circuit, 7),
    holdings: noHoldings,
    seen: 7,
    isLocalChange: false,
    isReset: false,
    isolations: 0,
    disablings: 0,
    ...over
  })
  const inStore = (circuit: AnyCircuit, generation: number) => of(inGeneration(circuit, generation))

  it("S14 restores a lost state in its generation", () => {
    for (const circuit of [opened(rules), halfOpen(rules), recovering(rules)]) {
      const restored = after(restores(circuit), inStore(closed(rules), 0), 99)
      assert.deepStrictEqual(restored.circuit, { ...circuit, generation: 7 })
      assert.strictEqual(restored.restoredAt, 99)
    }
  })

  it("S14 restores the reason of the opening and the number of resets", () => {
    const holdings = { ...noHoldings, reason: "ProbeFailed", resets: 3 } as const
    const restored = after(restores(opened(rules), { holdings }), inStore(closed(rules), 0))
    assert.deepStrictEqual([restored.reason, restored.resets], ["ProbeFailed", 3])
  })

  it("S14 restores nothing if other nodes have written since", () => {
    const shared = inStore(closed(rules), 8)
    assert.strictEqual(after(restores(opened(rules)), shared), shared)
  })

  it("S14 restores a lost state over an older one that another node has restored", () => {
    const change = restores(opened(rules), { seen: 0 })
    assert.strictEqual(after(change, inStore(opened(rules), 6)).circuit.generation, 7)
    const same = inStore(halfOpen(rules), 7)
    assert.strictEqual(after(change, same), same)
  })

  it("S13 gives a local change a generation that no node has seen, later than both", () => {
    const generation = (circuit: AnyCircuit, stored: number, seen = 20) =>
      after(restores(circuit, { isLocalChange: true, seen }), inStore(opened(rules), stored)).circuit
        .generation
    assert.deepStrictEqual([generation(opened(rules), 3), generation(opened(rules), 12)], [8, 13])
    assert.deepStrictEqual([generation(closed(rules), 3), generation(closed(rules), 12)], [9, 14])
  })

  it("S13 writes an opening also over a circuit that other nodes have closed, and over no other state", () => {
    const news = restores(opened(rules), { isLocalChange: true })
    assert.strictEqual(after(news, inStore(closed(rules), 12)).circuit.generation, 13)
    for (const circuit of [opened(rules), halfOpen(rules), recovering(rules), isolated(closed(rules))]) {
      const shared = inStore(circuit, 12)
      assert.strictEqual(after(news, shared), shared)
    }
    const reset = inStore(closed(rules), 12)
    assert.strictEqual(after(restores(halfOpen(rules), { isLocalChange: true }), reset), reset)
  })

  it("S10 assigns a slot that no other node holds to its own node", () => {
    let circuit: AnyCircuit = halfOpen({ ...rules, probes: 3 })
    for (let i = 0; i < 2; i++) circuit = admitted(circuit, { ...rules, probes: 3 }, openMillis)[1]
    const holdings = { ...noHoldings, probers: { "2": "b", "3": "c" } }
    const restored = after(restores(circuit, { holdings }), inStore(closed(rules), 0))
    assert.deepStrictEqual(restored.probers, { "1": "a", "2": "b" })
    assert.strictEqual(Slots.toArray(inState(restored.circuit, "HalfOpen").slots).length, 2)
    const open = after(restores(opened(rules), { holdings }), inStore(closed(rules), 0))
    assert.deepStrictEqual(open.probers, {})
  })

  it("S15 restores the holds of other nodes, and its own node's as many as there are now", () => {
    const holdings = { ...noHoldings, isolators: { a: 5, b: 1 }, disablers: { a: 5, c: 2 } }
    const both = isolated(disabled(closed(rules)))
    const restored = after(
      restores(both, { holdings, isolations: 2, disablings: 1 }),
      inStore(closed(rules), 0)
    )
    assert.deepStrictEqual(
      [restored.isolators, restored.disablers],
      [
        { a: 2, b: 1 },
        { a: 1, c: 2 }
      ]
    )
    const { disablers, holders } = inState(restored.circuit, "Isolated")
    assert.deepStrictEqual([holders, disablers], [3, 3])
  })

  it("S15 restores no holds of a circuit that is neither Isolated nor Disabled", () => {
    const holdings = { ...noHoldings, isolators: { b: 1 }, disablers: { c: 2 } }
    const restored = after(restores(opened(rules), { holdings }), inStore(closed(rules), 0))
    assert.deepStrictEqual([restored.isolators, restored.disablers], [{}, {}])
    assert.strictEqual(restored.circuit._tag, "Open")
  })
})

describe("S13 a node's own circuit takesPrecedence the shared one", () => {
  it("S13 if it is Open and the shared one is Closed, and in no other case", () => {
    for (const own of everyState(1)) {
      for (const shared of everyState(1)) {
        assert.strictEqual(takesPrecedence(own, shared), own._tag === "Open" && shared._tag === "Closed")
      }
    }
  })
})
