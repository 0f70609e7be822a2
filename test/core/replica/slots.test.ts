/** The slots of a half-open circuit that several nodes share. */
import { assert, describe, it } from "@effect/vitest"
import { asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import * as Machine from "../../../src/internal/core/circuit.ts"
import { openMillis, probeTimeoutMillis, recovery } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { halfOpenPair, leaseMillis, openPair, pair, settingsWith, settle, storedCircuit } from "./fixtures.ts"

describe("S10 a slot", () => {
  it("S10 is requested by a probe, and by no other call", () => {
    const { a, store } = openPair()
    assert.isFalse(asksForSlot(a.replica, a.circuit, a.situation))
    store.now += openMillis
    assert.isTrue(asksForSlot(a.replica, a.circuit, a.situation))
    assert.isFalse(asksForSlot(a.replica, pair().a.circuit, a.situation))
  })

  it("S10 is not requested by a call that a Recovering circuit admits", () => {
    const { a, b } = halfOpenPair({ rules: { recovery: { ...recovery, from: 1 } } })
    const request = a.requestSlot()
    settle(a, b)
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    assert.strictEqual(b.circuit._tag, "Recovering")
    assert.isFalse(asksForSlot(b.replica, b.circuit, b.situation))
  })

  it("S10 is granted to one of two nodes that request it at the same time", () => {
    const { a, b } = halfOpenPair()
    const requests = [a.requestSlot(), b.requestSlot()] as const
    settle(a, b)
    const { generation } = a.circuit
    assert.deepStrictEqual(a.decisionOn(requests[0]), { _tag: "Admitted", ticket: { generation, slot: 1 } })
    assert.deepStrictEqual(b.decisionOn(requests[1]), { _tag: "Rejected", retryAfterMillis: 0 })
  })

  it("S10 is granted to each of two nodes if there are two slots", () => {
    const { a, b } = halfOpenPair({ rules: { probes: 2 } })
    const [one, other] = [a.requestSlot(), b.requestSlot()]
    settle(a, b)
    assert.deepStrictEqual([a.slotOf(one), b.slotOf(other)], [1, 2])
    assert.deepStrictEqual(b.replica.followed.shared.probers, { "1": "a", "2": "b" })
  })

  it("S10 each of several requests of one node is answered", () => {
    const { a } = halfOpenPair()
    const [first, second] = [a.requestSlot(), a.requestSlot()]
    a.write()
    assert.strictEqual(a.slotOf(first), 1)
    assert.strictEqual(typeof a.decisionOn(second) === "string", false)
    assert.deepStrictEqual(a.replica.slots, [1])
  })

  it("S10 a node ignores an answer that is older than its latest slot, and follows a newer one", () => {
    const { a, b } = halfOpenPair({ rules: { probes: 3 } })
    a.requestSlot()
    settle(a, b)
    const asking = a.ask()
    const early = a.put(asking)
    const request = b.ask()
    a.requestSlot()
    settle(a, b)
    a.receive(asking, early)
    assert.strictEqual(a.as("HalfOpen").slots.count, 2)
    a.requestSlot()
    a.write()
    b.receive(request, b.put(request))
    assert.strictEqual(b.as("HalfOpen").slots.count, 3)
  })

  it("S10 that was granted is not used if the node's next write fails", () => {
    const { a } = halfOpenPair()
    const request = a.requestSlot()
    a.control("Isolate")
    a.take({ _tag: "Written", ...a.sendWrite() })
    a.loseWrite()
    assert.strictEqual(a.decisionOn(request), "ByItself")
  })

  it("S10 is granted to one call of its node only, also if the store loses the first grant", () => {
    const { a, store } = halfOpenPair({ rules: { probes: 2 } })
    const { revision, state } = store
    const [first, second] = [a.requestSlot(), a.requestSlot()]
    a.take({ _tag: "Written", ...a.sendWrite() })
    Object.assign(store, { revision, state })
    a.write()
    assert.deepStrictEqual([a.decisionOn(first), a.slotOf(second)], ["ByItself", 2])
    assert.deepStrictEqual([a.replica.slots, storedCircuit(a).probers], [[2], { "2": "a" }])
  })

  it("S10 belongs to a probe that the node admitted alone, and gave the same number, before the grant arrived", () => {
    const { a } = halfOpenPair({ rules: { probes: 2 } })
    const request = a.requestSlot()
    const granted = a.sendWrite()
    a.isFailing = true
    const slot = a.probe()
    a.take({ _tag: "Written", ...granted })
    assert.deepStrictEqual([slot, a.decisionOn(request)], [1, "ByItself"])
    assert.deepStrictEqual([a.replica.slots, storedCircuit(a).probers], [[1], { "1": "a" }])
    a.isFailing = false
    a.settle("Success", slot)
    a.write()
    assert.deepStrictEqual([a.as("HalfOpen").succeeded, a.as("HalfOpen").slots.count], [1, 0])
  })

  it("S10 that was taken locally in an outage is restored with a state that the store has lost", () => {
    const { a, b, store } = halfOpenPair()
    a.loseStore()
    const slot = a.probe()
    store.forget()
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.replica.slots, storedCircuit(a).probers], [[slot], { "1": "a" }])
    a.settle("Success", slot)
    settle(a, b)
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S10 that was granted after a loss is not lost with a state of its generation that another node restores", () => {
    const { a, b, store } = halfOpenPair()
    const { revision, state } = store
    const first = a.requestSlot()
    settle(a, b)
    a.take({ _tag: "SlotAbandoned", slot: a.slotOf(first) })
    settle(a, b)
    Object.assign(store, { revision, state })
    b.exchange()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    const request = late.requestSlot()
    late.write()
    assert.strictEqual(late.slotOf(request), 1)
    b.write()
    assert.deepStrictEqual(storedCircuit(b).probers, { "1": "late" })
    assert.strictEqual(b.as("HalfOpen").slots.count, 1)
  })

  it("S10 that has expired when the grant arrives is not used, and the node's own circuit decides", () => {
    const { a, store } = halfOpenPair()
    const request = a.requestSlot()
    const late = a.sendWrite()
    store.now += probeTimeoutMillis
    a.take({ _tag: "Written", ...late })
    assert.strictEqual(a.decisionOn(request), "ByItself")
    assert.deepStrictEqual([a.replica.slots, a.standing], [[], "InSync"])
  })

  it("S10 a successful probe closes the circuit on all nodes", () => {
    const { a, b } = halfOpenPair()
    const request = a.requestSlot()
    settle(a, b)
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    assert.strictEqual(b.circuit._tag, "Closed")
    assert.deepStrictEqual([a.replica.slots, a.standing], [[], "InSync"])
  })

  it("S10 a failed probe opens the circuit on all nodes, for its second opening", () => {
    const { a, b, store } = halfOpenPair()
    const request = a.requestSlot()
    settle(a, b)
    store.now += 20
    a.settle("Failure", a.slotOf(request))
    store.now += 30
    settle(a, b)
    assert.deepStrictEqual([a.as("Open").openings, b.as("Open").openings], [2, 2])
    assert.strictEqual(b.as("Open").openedAt, store.now - 30 - (store.now - b.now))
    assert.strictEqual(b.commanded("Change").at(-1)?.reason, "ProbeFailed")
  })

  it("S10 a probe that has released its slot by a success may still fail", () => {
    const { a, b } = halfOpenPair({ rules: { probes: 2 } })
    const request = a.requestSlot()
    settle(a, b)
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    a.settle("Failure", Machine.answeredSlot)
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
  })
})

describe("S11 an unused slot", () => {
  it("S11 is given back", () => {
    const { a, b } = halfOpenPair()
    const request = a.requestSlot()
    settle(a, b)
    a.take({ _tag: "SlotAbandoned", slot: a.slotOf(request) })
    settle(a, b)
    assert.deepStrictEqual([a.as("HalfOpen").slots.count, b.as("HalfOpen").slots.count], [0, 0])
    assert.deepStrictEqual(a.replica.slots, [])
  })

  it("S11 is given back without the other slots of its node", () => {
    const { a, b } = halfOpenPair({ rules: { probes: 4 } })
    const [one, two, three] = [a.requestSlot(), a.requestSlot(), a.requestSlot()]
    settle(a, b)
    a.take({ _tag: "SlotAbandoned", slot: a.slotOf(one) })
    a.settle("Success", a.slotOf(two))
    settle(a, b)
    assert.deepStrictEqual(a.replica.slots, [a.slotOf(three)])
    assert.deepStrictEqual(storedCircuit(b).probers, { "3": "a" })
  })

  it("S11 is given back by a node that did not receive the grant", () => {
    const { a, b } = halfOpenPair()
    a.requestSlot()
    a.sendWrite()
    a.take({ _tag: "Faulted" })
    a.exchange()
    assert.strictEqual(a.writes.length, 1)
    settle(a, b)
    assert.strictEqual(b.as("HalfOpen").slots.count, 0)
  })

  it("S11 a slot that a call uses is kept", () => {
    const { a, b } = halfOpenPair()
    a.requestSlot()
    settle(a, b)
    a.exchange()
    assert.deepStrictEqual(a.writes, [])
  })

  it("S11 is given back only by the node that holds it", () => {
    const { a, b } = halfOpenPair()
    a.requestSlot()
    settle(a, b)
    b.exchange()
    assert.deepStrictEqual(b.writes, [])
  })

  it("S11 is free once its node's lease has expired", () => {
    const { a, b, store } = halfOpenPair({ rules: { probeTimeoutMillis: 10 * leaseMillis } })
    a.requestSlot()
    settle(a, b)
    store.now += leaseMillis - 1
    b.exchange()
    assert.isFalse(asksForSlot(b.replica, b.circuit, b.situation))
    store.now += 1
    b.exchange()
    assert.isTrue(asksForSlot(b.replica, b.circuit, b.situation))
  })

  it("S11 a slot is not free while its node renews its lease", () => {
    const { a, b, store } = halfOpenPair({ rules: { probeTimeoutMillis: 10 * leaseMillis } })
    a.requestSlot()
    settle(a, b)
    for (let i = 0; i < 5; i++) {
      store.now += leaseMillis - 1
      a.exchange()
      b.exchange()
    }
    assert.isFalse(asksForSlot(b.replica, b.circuit, b.situation))
  })

  it("S11 after an outage, every node has the length of a lease to renew its own", () => {
    const { a, b, store } = halfOpenPair({ rules: { probeTimeoutMillis: 10 * leaseMillis } })
    a.requestSlot()
    settle(a, b)
    b.loseStore()
    store.now += 2 * leaseMillis
    b.findStore()
    store.now += leaseMillis - 1
    b.exchange()
    assert.isFalse(asksForSlot(b.replica, b.circuit, b.situation))
    store.now += 1
    b.exchange()
    assert.isTrue(asksForSlot(b.replica, b.circuit, b.situation))
  })

  it("S11 after an outage in which a slot was taken locally, the nodes agree on the generation", () => {
    const { a, b } = halfOpenPair()
    a.loseStore()
    const slot = a.probe()
    a.control("Disable")
    a.control("Enable")
    assert.strictEqual(slot, 1)
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.strictEqual(a.epoch, b.epoch)
  })
})
