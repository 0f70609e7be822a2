/** Changes that could not be written to the store, and states that the store has lost. */
import { assert, describe, it } from "@effect/vitest"
import { inState, openMillis, recovery } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { VirtualStore } from "./VirtualStore.ts"
import {
  halfOpenPair,
  leaseMillis,
  openPair,
  pair,
  settingsWith,
  settle,
  storedCircuit,
  syncMillis
} from "./fixtures.ts"

describe("S13 a change that could not be written", () => {
  /** `a` has changed the circuit while it alone could not reach the store. */
  const diverged = (change: (a: TestNode) => void, world = pair()) => {
    world.a.loseStore()
    change(world.a)
    assert.strictEqual(world.a.standing, "Diverged")
    return world
  }

  const back = (a: TestNode, ...others: ReadonlyArray<TestNode>) => {
    a.findStore()
    a.exchange()
    settle(a, ...others)
  }

  it("S13 an opening is written over the state that the node follows", () => {
    const { a, b } = diverged((a) => a.fail(2))
    back(a, b)
    assert.deepStrictEqual([a.standing, b.circuit._tag], ["InSync", "Open"])
    assert.strictEqual(b.as("Open").openedAt, a.as("Open").openedAt)
    assert.strictEqual(storedCircuit(a).reason, "Tripped")
  })

  it("S13 a reset is written over the state that the node follows", () => {
    const { a, b } = diverged((a) => a.control("Reset"), openPair())
    back(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.deepStrictEqual([a.standing, a.epoch], ["InSync", b.epoch])
    assert.strictEqual(storedCircuit(a).resets, 1)
  })

  it("S13 a reset is written over HalfOpen if it follows the opening that the node knew", () => {
    const { a, b, store } = diverged((a) => a.control("Reset"), openPair())
    store.now += openMillis
    a.findStore()
    a.exchange()
    b.requestSlot()
    b.write()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S13 a reset is written over an older state to which the store has fallen back", () => {
    const { a, b, store } = openPair()
    const { revision, state } = store
    b.control("Reset")
    settle(a, b)
    diverged((a) => a.control("Reset"), { a, b, store })
    Object.assign(store, { revision, state })
    back(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S13 a reset is written although the writes of later changes have failed, too", () => {
    const world = pair()
    world.b.control("Disable")
    settle(world.a, world.b)
    const { a, b } = diverged((a) => a.control("Reset"), world)
    a.findStore()
    for (const control of ["Isolate", "Release"] as const) {
      a.control(control)
      a.loseWrite()
    }
    back(a, b)
    assert.isAbove(storedCircuit(a).resets, 0)
  })

  it("S13 a reset by this node and another one is a single transition", () => {
    const { a, b } = diverged((a) => a.control("Reset"), openPair())
    b.control("Reset")
    b.write()
    back(a, b)
    assert.deepStrictEqual([a.transitions, a.circuit.generation], [[], 2])
    assert.strictEqual(a.epoch, b.epoch)
  })

  it("S13 an opening is written also over a circuit that other nodes have closed since", () => {
    const world = openPair()
    const { a, b } = diverged((a) => a.control("Trip"), world)
    b.control("Reset")
    b.write()
    back(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
    assert.strictEqual(a.epoch, b.epoch)
  })

  it("S13 an opening is not written over an isolation", () => {
    const { a, b } = diverged((a) => a.fail(2))
    b.control("Isolate")
    b.write()
    back(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Isolated", "Isolated"])
    assert.strictEqual(a.standing, "InSync")
  })

  it("S13 a reset is not written over a circuit that other nodes have opened since", () => {
    const { a, b } = diverged((a) => a.control("Reset"))
    b.control("Trip")
    b.write()
    back(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
  })

  it("S13 a change after the outage is written after the earlier one", () => {
    const { a, b } = diverged((a) => a.fail(2))
    a.findStore()
    a.control("Isolate")
    settle(a, b)
    assert.strictEqual(b.as("Isolated").openings, 1)
    assert.strictEqual(a.standing, "InSync")
  })

  it("S13 a notification meanwhile requests an exchange", () => {
    const { a, b } = diverged((a) => a.fail(2))
    b.control("Isolate")
    b.write()
    a.receiveChange()
    assert.deepStrictEqual([a.circuit._tag, a.standing], ["Open", "Diverged"])
    assert.isAtMost(a.dueAt, a.now)
  })

  it("S13 a restarted opening is written, and is no transition on other nodes", () => {
    const world = openPair()
    world.store.now += 300
    const { a, b } = diverged((a) => a.control("Trip"), world)
    back(a, b)
    assert.strictEqual(b.as("Open").openedAt, b.now)
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
    assert.strictEqual(a.epoch, b.epoch)
  })
})

/** A circuit that was opened half a second after the epoch of the store's clock. */
const smallClock = () => {
  const store = new VirtualStore()
  store.now = 500
  const a = new TestNode(store, settingsWith())
  a.exchange()
  a.fail(2)
  a.write()
  return { a, store }
}

describe("S14 a state that the store has lost", () => {
  it("S14 is restored in its generation", () => {
    const { a, b, store } = openPair()
    const before = storedCircuit(a).circuit
    store.forget()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual(storedCircuit(a).circuit, before)
    assert.deepStrictEqual([a.transitions, b.transitions], [[], ["Fleet Open"]])
    assert.strictEqual(a.epoch, b.epoch)
    assert.strictEqual(storedCircuit(a).restoredAt, store.now)
  })

  it("S14 is restored with the reason of its opening and its holders", () => {
    const { a, store } = openPair()
    a.control("Isolate")
    a.write()
    store.forget()
    a.exchange()
    a.write()
    assert.deepStrictEqual([storedCircuit(a).reason, storedCircuit(a).isolators], ["Tripped", { a: 1 }])
  })

  it("S14 is restored also if the store has fallen back to an older state", () => {
    const { a, b, store } = openPair()
    const { revision, state } = store
    a.control("Reset")
    settle(a, b)
    a.fail(2)
    settle(a, b)
    Object.assign(store, { revision, state })
    const { generation } = a.circuit
    a.exchange()
    settle(a, b)
    assert.strictEqual(a.circuit.generation, generation)
    assert.strictEqual(storedCircuit(a).circuit.generation, a.epoch)
  })

  it("S14 is restored also if another node has restored an older one before", () => {
    const { a, b, store } = openPair()
    store.now += 20
    a.control("Trip")
    a.write()
    const { epoch } = a
    const { openedAt } = a.as("Open")
    store.forget()
    a.exchange()
    b.exchange()
    b.write()
    settle(a, b)
    assert.deepStrictEqual([a.as("Open").openedAt, b.as("Open").openedAt], [openedAt, openedAt])
    assert.deepStrictEqual([storedCircuit(a).circuit.generation, a.epoch, b.epoch], [epoch, epoch, epoch])
  })

  it("S14 is restored in its generation also if the store's clock is shortly after its epoch", () => {
    const { a, store } = smallClock()
    store.forget()
    a.exchange()
    a.write()
    assert.strictEqual(storedCircuit(a).circuit.generation, 501)
  })

  it("S14 is restored in its generation together with a change", () => {
    const { a, store } = smallClock()
    a.isListening = false
    store.forget()
    a.exchange()
    a.control("Isolate")
    a.exchange()
    a.write()
    assert.strictEqual(storedCircuit(a).circuit.generation, 502)
  })

  it("S14 a new node begins in a later generation than the window of a lost state", () => {
    const { a, store } = pair()
    a.control("Reset")
    a.write()
    a.fail()
    a.exchange()
    const { epoch } = a
    Object.assign(store, { revision: "", state: "" })
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    late.write()
    assert.isAbove(late.epoch, epoch)
    assert.isAbove(storedCircuit(late).circuit.generation, epoch)
  })

  it("S14 a reset of a circuit whose opening is about to end is restored if its window is still there", () => {
    const { a, b, store } = openPair()
    const { revision, state } = store
    a.control("Reset")
    settle(a, b)
    a.fail()
    a.exchange()
    store.now += openMillis - 10
    Object.assign(store, { revision, state })
    b.exchange()
    b.write()
    assert.strictEqual(storedCircuit(b).circuit._tag, "Closed")
  })

  it("S14 a recovery is not lost if it has ended on a node whose clock offset is wrong", () => {
    const { a, b, store } = halfOpenPair({ rules: { recovery } })
    const request = a.requestSlot()
    settle(a, b)
    b.clockError = 200
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    store.now += recovery.durationMillis - 100
    assert.deepStrictEqual([a.here._tag, b.here._tag], ["Recovering", "Closed"])
    b.fail()
    b.exchange()
    a.exchange()
    assert.deepStrictEqual([a.writes, a.here._tag], [[], "Recovering"])

    store.now += 100
    a.fail()
    a.exchange()
    assert.deepStrictEqual([a.here._tag, a.writes.length], ["Open", 1])
  })

  it("S14 an isolation of another node is restored for the length of a lease", () => {
    const { a, b, store } = pair()
    a.control("Isolate")
    settle(a, b)
    store.forget()
    b.exchange()
    b.write()
    assert.deepStrictEqual(storedCircuit(b).isolators, { a: 1 })
    store.now += leaseMillis - 1
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Isolated")
    store.now += 1
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S14 an idle circuit is not restored, although it was reset", () => {
    const { a, b, store } = pair()
    a.control("Reset")
    settle(a, b)
    store.forget()
    b.exchange()
    assert.deepStrictEqual([store.state, b.writes], ["", []])
  })

  it("S14 a Closed circuit that never opened is not restored", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    assert.strictEqual(store.state, "")
    assert.deepStrictEqual(a.writes, [])
  })

  it("S14 a Closed circuit with a backoff is restored", () => {
    const { a, b, store } = halfOpenPair()
    const request = a.requestSlot()
    settle(a, b)
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    store.forget()
    a.exchange()
    a.write()
    assert.strictEqual(inState(storedCircuit(a).circuit, "Closed").openings, 1)
  })

  it("S14 the first state of a circuit has a later generation than any before", () => {
    const { a, b, store } = pair()
    a.fail(2)
    a.write()
    assert.strictEqual(storedCircuit(a).circuit.generation, store.now + 1)
    b.receiveChange()
    store.forget()
    store.now += 1
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    late.fail(2)
    late.write()
    b.receiveChange()
    assert.isAbove(late.epoch, a.epoch)
    assert.strictEqual(b.epoch, late.epoch)
  })

  it("S14 a window that has outlived its state shows that there was a state", () => {
    const { a, store } = halfOpenPair()
    const request = a.requestSlot()
    a.write()
    a.settle("Success", a.slotOf(request))
    a.write()
    a.fail()
    a.exchange()
    const { epoch } = a
    store.now += syncMillis
    Object.assign(store, { revision: "", state: "" })
    a.exchange()
    a.write()
    assert.strictEqual(storedCircuit(a).circuit.generation, epoch)
  })
})
