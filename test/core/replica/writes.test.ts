/** The writing of a node's changes to the store, and the arrival of those of other nodes. */
import { assert, describe, it } from "@effect/vitest"
import { inState, openMillis } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { halfOpenPair, openPair, pair, settingsWith, settle, storedCircuit } from "./fixtures.ts"

describe("S8 a change", () => {
  it("S8 is written only after an answer with the store's time, in which all times of a state are", () => {
    const { a, store } = pair()
    a.isTimeKnown = false
    a.control("Isolate")
    assert.deepStrictEqual([a.writes.length, a.commanded("Exchange").length], [0, 1])
    a.isTimeKnown = true
    a.exchange()
    a.write()
    assert.deepStrictEqual([storedCircuit(a).circuit._tag, store.changes.length], ["Isolated", 1])
  })

  it("S8 is written over the state that it is based on", () => {
    const { a } = openPair()
    a.control("Reset")
    const [write] = a.writes
    assert.strictEqual(write?.expected, a.store.revision)
    assert.notStrictEqual(write?.revision, a.store.revision)
  })

  it("S8 is applied again to the newer state if another node has written first", () => {
    const { a, b } = pair()
    a.control("Isolate")
    b.control("Disable")
    settle(a, b)
    const isolated = inState(storedCircuit(a).circuit, "Isolated")
    assert.deepStrictEqual([isolated.holders, isolated.disablers], [1, 1])
    for (const node of [a, b]) {
      assert.strictEqual(node.circuit._tag, "Isolated")
      assert.strictEqual(node.standing, "InSync")
      assert.strictEqual(node.epoch, isolated.generation)
    }
  })

  it("S8 is written after the changes before it", () => {
    const { a } = pair()
    a.control("Trip")
    a.control("Isolate")
    assert.strictEqual(a.writes.length, 1)
    a.take({ _tag: "Written", ...a.sendWrite() })
    assert.strictEqual(inState(storedCircuit(a).circuit, "Open").openings, 1)
    assert.strictEqual(a.writes.length, 1)
    a.write()
    assert.strictEqual(inState(storedCircuit(a).circuit, "Isolated").openings, 1)
  })

  it("S8 is applied to a change that was received while it was in flight", () => {
    const { a, b } = pair()
    a.control("Isolate")
    const late = a.sendWrite()
    b.exchange()
    b.control("Isolate")
    b.write()
    a.receiveChange()
    a.take({ _tag: "Written", ...late })
    assert.strictEqual(a.standing, "InSync")
    assert.strictEqual(a.as("Isolated").holders, 2)
  })

  it("S8 is complete once its notification is received, even if the answer is lost", () => {
    const { a } = pair()
    a.control("Trip")
    const lost = a.sendWrite()
    a.receiveChange()
    assert.strictEqual(a.standing, "InSync")
    a.take({ _tag: "WriteFailed", revision: lost.revision })
    assert.strictEqual(a.standing, "InSync")
  })

  it("S8 is complete only once: a later answer is ignored", () => {
    const { a, b } = pair()
    a.control("Trip")
    const late = a.sendWrite()
    a.receiveChange()
    b.receiveChange()
    b.control("Reset")
    settle(a, b)
    a.take({ _tag: "Written", ...late })
    assert.strictEqual(a.circuit._tag, "Closed")
    assert.deepStrictEqual(a.writes, [])
    a.control("Isolate")
    a.take({ _tag: "Written", ...late })
    assert.strictEqual(a.standing, "Writing")
    a.write()
    assert.strictEqual(storedCircuit(a).circuit._tag, "Isolated")
  })

  it("S8 that waits for an exchange is applied to a change that is received meanwhile, and not to a late answer", () => {
    const { a, b, store } = pair()
    a.control("Trip")
    const late = a.sendWrite()
    a.receiveChange()
    a.isListening = false
    a.control("Isolate")
    b.receiveChange()
    b.control("Disable")
    b.write()
    a.receiveChange()
    a.take({ _tag: "Written", ...late })
    a.take({ _tag: "WriteFailed", revision: late.revision })
    assert.strictEqual(a.ask().request.revision, store.revision)
    assert.deepStrictEqual([a.standing, a.writes], ["Writing", []])
    a.exchange()
    a.write()
    const { disablers, holders } = inState(storedCircuit(a).circuit, "Isolated")
    assert.deepStrictEqual([holders, disablers], [1, 1])
  })

  it("S8 is not written if the exchange that it waits for fails", () => {
    const { a } = pair()
    a.isListening = false
    a.control("Trip")
    a.lose(a.ask())
    assert.strictEqual(a.standing, "Diverged")
  })

  it("S8 renews the lease of a node that holds a slot, an isolation or a disabling after it, and of no other", () => {
    const { a } = halfOpenPair()
    a.requestSlot()
    assert.isTrue(a.writes[0]?.renew)
    a.write()
    a.control("Trip")
    assert.isFalse(a.writes[0]?.renew)
    a.write()
    for (const control of ["Isolate", "Disable"] as const) {
      a.control(control)
      assert.isTrue(a.writes[0]?.renew)
      a.write()
    }
  })

  it("S8 is applied to the received state rather than to an older one in an answer", () => {
    const { a, b, store } = pair()
    b.control("Trip")
    b.write()
    const old = store.changes[0]!
    b.control("Isolate")
    b.write()
    a.control("Disable")
    const { entry, revision } = a.sendWrite()
    a.receiveChange()
    a.take({ _tag: "Written", entry: { ...entry, revision: old.revision, state: old.state }, revision })
    assert.strictEqual(a.writes[0]?.expected, store.revision)
  })

  it("S8 is not written if it changes nothing", () => {
    const { a } = pair()
    a.control("Isolate")
    a.write()
    a.control("Trip")
    assert.deepStrictEqual(a.writes, [])
    assert.strictEqual(a.standing, "InSync")
  })

  it("S8 is applied to the store's latest state if the node receives no notifications", () => {
    const { a, b } = openPair()
    a.isListening = false
    b.control("Reset")
    b.write()
    a.control("Trip")
    assert.strictEqual(a.commanded("Exchange").length, 1)
    assert.deepStrictEqual(a.writes, [])
    a.exchange()
    a.write()
    assert.strictEqual(a.standing, "InSync")
    assert.strictEqual(inState(storedCircuit(a).circuit, "Open").openings, 1)
  })

  it("S8 is not delayed by the answer to an earlier exchange", () => {
    const { a, b } = pair()
    const asking = a.ask()
    const entry = a.put(asking)
    a.control("Trip")
    a.receive(asking, entry)
    assert.strictEqual(a.writes.length, 1)
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
  })
})

describe("S9 an opening", () => {
  it("S9 by two nodes at the same time counts once", () => {
    const { a, b } = pair()
    a.fail(2)
    b.fail(2)
    settle(a, b)
    assert.strictEqual(inState(storedCircuit(a).circuit, "Open").openings, 1)
    assert.deepStrictEqual([a.as("Open").openings, b.as("Open").openings], [1, 1])
  })

  it("S9 a trip by the failures of an earlier generation opens nothing", () => {
    const { a, b } = pair()
    a.fail(2)
    b.control("Trip")
    b.write()
    b.control("Reset")
    b.write()
    a.write()
    assert.strictEqual(storedCircuit(a).circuit._tag, "Closed")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.strictEqual(a.epoch, b.epoch)
  })

  it("S9 lasts from the time when the node opened, not from that of the write", () => {
    for (const open of [(a: TestNode) => a.fail(2), (a: TestNode) => a.control("Trip")]) {
      const { a, store } = pair()
      open(a)
      const openedAt = store.now
      store.now += 300
      a.write()
      assert.strictEqual(inState(storedCircuit(a).circuit, "Open").openedAt, openedAt)
    }
  })

  it("S9 that two nodes restart at the same time is one transition on each", () => {
    const { a, b, store } = openPair()
    store.now += 10
    b.control("Trip")
    a.control("Trip")
    b.write()
    settle(a, b)
    assert.deepStrictEqual([a.transitions, a.circuit.generation], [[], 2])
    assert.strictEqual(a.epoch, b.epoch)
  })
})

describe("S12 a node", () => {
  it("S12 follows an opening of another node, with its time", () => {
    const { b } = openPair()
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
    assert.strictEqual(b.as("Open").openedAt, b.now)
    assert.strictEqual(b.as("Open").openMillis, openMillis)
    assert.strictEqual(b.commanded("Change")[0]?.reason, "Tripped")
  })

  it("S12 ignores an outdated notification", () => {
    const { a, b, store } = openPair()
    const [late] = store.changes
    a.control("Reset")
    settle(a, b)
    b.receiveChange(late)
    assert.strictEqual(b.circuit._tag, "Closed")
    assert.deepStrictEqual(b.transitions, ["Fleet Open", "Fleet Closed"])
  })

  it("S12 ignores an answer that is older than a notification", () => {
    const { a, b } = pair()
    const asking = b.ask()
    const late = b.put(asking)
    a.fail(2)
    settle(a, b)
    b.receive(asking, late)
    assert.strictEqual(b.circuit._tag, "Open")
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
  })

  it("S12 ignores an answer that is older than its own change", () => {
    const { a } = pair()
    const asking = a.ask()
    const late = a.put(asking)
    a.control("Trip")
    a.write()
    a.receive(asking, late)
    assert.strictEqual(a.circuit._tag, "Open")
    assert.deepStrictEqual(a.writes, [])
  })

  it("S12 ignores an answer of the same millisecond that is older than its own change", () => {
    const { a, b, store } = halfOpenPair({ rules: { probes: 3 } })
    const asking = a.ask()
    b.requestSlot()
    b.write()
    const late = a.put(asking)
    a.receiveChange()
    a.requestSlot()
    a.write()
    a.receive(asking, late)
    assert.strictEqual(a.replica.followed.revision, store.revision)
    assert.strictEqual(a.as("HalfOpen").slots.count, 2)
  })

  it("S12 makes no transition of a repeated notification", () => {
    const { b, store } = openPair()
    b.receiveChange(store.changes[0])
    b.exchange()
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
  })

  it("S12 makes no transition of the notification of its own change", () => {
    const { a, store } = openPair()
    a.receiveChange(store.changes[0])
    a.exchange()
    assert.deepStrictEqual(a.transitions, [])
  })

  it("S12 makes one transition of its own reset", () => {
    const { a, b } = pair()
    a.control("Reset")
    settle(a, b)
    assert.deepStrictEqual([a.transitions, a.circuit.generation], [[], 1])
  })

  it("S12 makes no transition of a state that it has reached by itself", () => {
    const { a, b } = halfOpenPair()
    const request = a.requestSlot()
    a.write()
    b.circuit = b.here
    b.receiveChange()
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
    assert.strictEqual(b.circuit.generation, 2)
    assert.strictEqual(b.as("HalfOpen").slots.count, 1)
    assert.strictEqual(b.epoch, a.epoch)
    assert.strictEqual(a.slotOf(request), 1)
  })

  it("S12 makes one transition of an opening that ended early by a wrong clock offset", () => {
    const { a, b, store } = pair()
    b.clockError = 200
    a.fail(2)
    settle(a, b)
    store.now += openMillis - 150
    assert.deepStrictEqual([a.here._tag, b.here._tag], ["Open", "HalfOpen"])
    b.clockError = 0
    b.exchange()
    assert.deepStrictEqual(b.transitions, ["Fleet Open"])
    assert.strictEqual(b.here._tag, "HalfOpen")
    const request = b.requestSlot()
    assert.deepStrictEqual(b.decisionOn(request), { _tag: "Rejected", retryAfterMillis: 150 })
    assert.deepStrictEqual([b.transitions, b.writes], [["Fleet Open"], []])

    store.now += 150
    const granted = b.requestSlot()
    b.write()
    assert.strictEqual(b.slotOf(granted), 1)
    assert.strictEqual(b.epoch, storedCircuit(b).circuit.generation)
  })

  it("S12 makes a transition of a restarted opening", () => {
    const { a, b, store } = openPair()
    store.now += 500
    a.control("Trip")
    settle(a, b)
    assert.strictEqual(b.as("Open").openedAt, b.now)
    assert.deepStrictEqual(b.transitions, ["Fleet Open", "Fleet Open"])
    assert.strictEqual(b.circuit.generation, 2)
  })

  it("S12 makes a transition of a reset of a Closed circuit, and empties its window", () => {
    const { a, b } = pair()
    b.fail()
    a.control("Reset")
    settle(a, b)
    assert.deepStrictEqual(b.transitions, ["Fleet Closed"])
    b.fail()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S12 begins with the shared state, without a transition from Closed to Closed", () => {
    const { a, store } = pair()
    a.control("Reset")
    a.write()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.strictEqual(late.circuit.generation, 0)
    assert.strictEqual(late.epoch, a.epoch)
  })
})
