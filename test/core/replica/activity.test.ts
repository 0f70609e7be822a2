/** When a node asks the store about a circuit, and when it decides alone. */
import { assert, describe, it } from "@effect/vitest"
import { asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import { intervalMillis } from "../../../src/internal/core/replica/activity.ts"
import { consecutive } from "../../../src/internal/core/policies/consecutive.ts"
import { failureRate } from "../../../src/internal/core/policies/failureRate.ts"
import { openMillis, recovery, slowRules } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { halfOpenPair, leaseMillis, openPair, pair, settingsWith, settle, syncMillis } from "./fixtures.ts"
import { VirtualStore } from "./VirtualStore.ts"

const lastCalls = failureRate({
  threshold: 1,
  window: { _tag: "Calls", calls: 4 },
  minimumCalls: 2,
  minimumFailures: 1
})

describe("S1 while the store fails", () => {
  it("S1 a node opens by its own failures, and writes nothing", () => {
    const { a } = pair()
    a.loseStore()
    a.fail(2)
    assert.strictEqual(a.circuit._tag, "Open")
    assert.deepStrictEqual([a.writes, a.commanded("Answer")], [[], []])
    assert.strictEqual(a.standing, "Diverged")
  })

  it("S1 the counts of other nodes no longer open a circuit", () => {
    const { a, b } = pair()
    b.fail()
    b.exchange()
    a.exchange()
    a.loseStore()
    a.fail()
    assert.strictEqual(a.circuit._tag, "Closed")
  })

  it("S1 a probe starts without asking for a slot", () => {
    const { a } = halfOpenPair()
    assert.isTrue(asksForSlot(a.replica, a.circuit, a.situation))
    a.loseStore()
    assert.isFalse(asksForSlot(a.replica, a.circuit, a.situation))
  })

  it("S1 the node's own circuit decides on a pending slot request", () => {
    const { a } = halfOpenPair()
    const request = a.requestSlot()
    assert.strictEqual(a.decisionOn(request), "Waiting")
    a.loseWrite()
    assert.strictEqual(a.decisionOn(request), "ByItself")
  })

  it("S1 it also decides on a slot request that is made just as the store fails", () => {
    const { a } = halfOpenPair()
    a.isFailing = true
    a.take({ _tag: "SlotRequested", request: 7 })
    assert.strictEqual(a.decisionOn(7), "ByItself")
  })

  it("S1 a failed exchange changes nothing while the node is in sync or writing", () => {
    const { a } = pair()
    a.lose(a.ask())
    assert.strictEqual(a.standing, "InSync")
    a.control("Trip")
    a.lose(a.ask())
    assert.strictEqual(a.standing, "Writing")
  })

  it("S1 after a fault of one circuit, its node decides alone", () => {
    const { a } = halfOpenPair()
    const request = a.requestSlot()
    a.take({ _tag: "Faulted" })
    assert.strictEqual(a.decisionOn(request), "ByItself")
    assert.strictEqual(a.standing, "Diverged")
  })

  it("S1 after a fault, its node remains in sync if no write is in flight", () => {
    const { a } = openPair()
    const { circuit } = a
    a.take({ _tag: "Faulted" })
    assert.deepStrictEqual([a.standing, a.circuit], ["InSync", circuit])
  })

  it("S1 after a fault, the counts of other nodes no longer open the circuit", () => {
    const { a, b } = pair()
    b.fail()
    b.exchange()
    a.exchange()
    a.take({ _tag: "Faulted" })
    a.fail()
    assert.strictEqual(a.circuit._tag, "Closed")
  })
})

describe("S2 a healthy circuit", () => {
  it("S2 is exchanged without a report", () => {
    const node = new TestNode(new VirtualStore(), settingsWith())
    const request = node.exchange()
    assert.deepStrictEqual(request, {
      revision: "",
      window: { name: "window", epoch: 0, report: undefined },
      announce: false,
      renew: false,
      keepMillis: 60_500
    })
  })

  it("S2 is idle after the first answer, and after many successes", () => {
    const { a } = pair()
    for (let i = 0; i < 10; i++) a.succeed()
    assert.strictEqual(a.dueAt, Infinity)
    assert.isFalse(a.replica.isUnknown)
  })

  it("S2 is idle after a recovery that ended by the time alone, with successes that need not be reported any more", () => {
    const { a, b, store } = halfOpenPair({ policy: lastCalls, rules: { recovery } })
    a.requestSlot()
    settle(a, b)
    a.settle("Success", 1)
    settle(a, b)
    assert.strictEqual(a.circuit._tag, "Recovering")
    store.now += recovery.durationMillis - 1
    a.succeed()
    for (let i = 0; i < 3; i++) {
      store.now += syncMillis
      a.exchange()
    }
    assert.strictEqual(a.dueAt, Infinity)
  })

  it("S2 is exchanged from the first answer on if other nodes see failures", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.isAtMost(late.dueAt, late.now)
  })

  it("S3 is exchanged from the first answer on if other nodes still exchange it after their failures", () => {
    const { a, b } = pair()
    b.fail()
    b.exchange()
    b.succeed()
    b.exchange()
    a.exchange()
    assert.isBelow(a.dueAt, Infinity)
  })

  it("S2 is Open from the first answer on if other nodes have opened it", () => {
    const { store } = openPair()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.strictEqual(late.circuit._tag, "Open")
    assert.isAtMost(late.dueAt, late.now)
  })

  it("S2 a circuit that is not Closed is never idle, and has nothing to report", () => {
    const { a, b, store } = pair()
    a.control("Isolate")
    settle(a, b)
    const { reporting } = b.replica
    for (let i = 0; i < 10; i++) {
      store.now += syncMillis
      a.exchange()
      const { keepMillis, window } = b.exchange()
      assert.deepStrictEqual(window, { name: "window", epoch: b.epoch, report: undefined })
      assert.strictEqual(keepMillis, 60_500)
    }
    assert.isTrue(b.dueAt < Infinity)
    assert.deepStrictEqual(b.replica.reporting, reporting)
  })

  it("S2 the store keeps a circuit for the length of three more openings", () => {
    const { a } = openPair()
    assert.strictEqual(a.ask().request.keepMillis, 60_500 + 3 * openMillis)
  })
})

describe("S3 failures", () => {
  it("S3 a node announces a failure of an idle circuit at once", () => {
    const { a, store } = pair()
    a.fail()
    assert.isAtMost(a.dueAt, a.now)
    assert.isTrue(a.exchange().announce)
    assert.strictEqual(store.announcements, 1)
  })

  it("S3 another exchange soon follows an announcement", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    assert.isAtMost(a.dueAt, a.now)
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 no exchange soon follows an announcement that failed", () => {
    const { a } = pair()
    a.fail()
    a.ask()
    a.take({ _tag: "Faulted" })
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 later failures are not announced again", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    a.fail()
    a.take({ _tag: "ExchangeRequested" })
    assert.isFalse(a.exchange().announce)
  })

  it("S3 a failure whose report met a fault is announced, because the circuit may be idle on other nodes", () => {
    const { a } = pair({ policy: consecutive(5) })
    a.fail()
    a.exchange()
    a.fail()
    assert.isFalse(a.ask().request.announce)
    a.take({ _tag: "Faulted" })
    assert.strictEqual(a.dueAt, a.now + syncMillis)
    assert.isTrue(a.exchange().announce)
  })

  it("S3 the first failure after a fault is announced, because the circuit may be idle on other nodes", () => {
    const { a } = pair({ policy: consecutive(5) })
    a.fail()
    a.exchange()
    a.take({ _tag: "Faulted" })
    a.ask()
    a.fail()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 the first failure after a change of state is announced, because nodes that are new may be idle", () => {
    const { a, b, store } = pair({ policy: consecutive(5) })
    a.fail()
    a.exchange()
    b.control("Reset")
    settle(b, a)
    store.windows = new Map()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.strictEqual(late.dueAt, Infinity)
    a.fail()
    assert.isTrue(a.exchange().announce)
    a.fail()
    assert.isFalse(a.exchange().announce)
  })

  it("S3 failures that move into another generation with the window of a node are announced again", () => {
    const { b, store } = pair()
    b.control("Reset")
    b.write()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.fail()
    assert.isTrue(late.exchange().announce)
    assert.strictEqual(late.epoch, b.epoch)
    assert.deepStrictEqual([late.exchange().announce, late.exchange().announce], [true, false])
  })

  it("S3 a circuit is not idle before the node has reported all of its outcomes", () => {
    const { a, b } = pair({ policy: consecutive(5) })
    for (const node of [a, b]) {
      node.fail()
      node.exchange()
    }
    const asking = a.ask()
    const before = a.put(asking)
    a.receive(asking, before)
    a.store.now++
    a.succeed()
    for (let i = 0; i < 3; i++) {
      a.receive(a.ask(), { ...before, now: a.store.now })
      a.store.now += syncMillis
    }
    assert.isBelow(a.dueAt, Infinity)
  })

  it("S3 a failure that could not be announced is announced with the next exchange", () => {
    const { a } = pair()
    a.fail()
    const lost = a.ask()
    assert.isFalse(a.ask().request.announce)
    a.lose(lost)
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a failure during an outage is announced after it, because the circuit may be idle on other nodes", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    a.isFailing = true
    a.fail()
    a.isFailing = false
    a.take({ _tag: "ExchangeRequested" })
    assert.isTrue(a.exchange().announce)
  })

  it("S3 the first failure after an outage is announced, because the circuit may be idle on other nodes", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.control("Reset")
    b.write()
    a.receiveChange()
    a.loseStore()
    a.findStore()
    a.fail()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a failure is announced although those of another node were announced during the outage", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.control("Reset")
    b.write()
    a.receiveChange()
    a.loseStore()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.findStore()
    a.fail()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a node that reads a circuit with a window of an earlier generation exchanges it", () => {
    const { a, b, store } = pair()
    a.fail()
    a.exchange()
    b.control("Reset")
    b.write()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.isBelow(late.dueAt, Infinity)
  })

  it("S3 a failure is announced with the report that includes it, and not with an earlier exchange", () => {
    const { a } = pair()
    a.fail()
    a.replica = { ...a.replica, standing: { _tag: "Diverged", isReset: false } }
    assert.isFalse(a.ask().request.announce)
    a.replica = { ...a.replica, standing: { _tag: "InSync" } }
    assert.isTrue(a.ask().request.announce)
  })

  it("S3 a failed exchange that announced nothing leaves nothing to announce", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    a.lose(a.ask())
    assert.isFalse(a.exchange().announce)
  })

  it("S3 a success is not announced", () => {
    const { a, b } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    for (const node of [a, b]) node.succeed()
    assert.deepStrictEqual([a.exchange().announce, b.dueAt], [false, Infinity])
  })

  it("S3 a node that receives an announcement reports its counts", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(a.dueAt, a.now)
    assert.isDefined(a.exchange().window.report)
  })

  it("S3 a circuit becomes idle once no node has seen a failure for two intervals", () => {
    const { a, b, store } = pair()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.exchange()
    a.succeed()
    store.now++
    a.exchange()
    b.exchange()
    store.now += 2 * syncMillis - 1
    b.exchange()
    assert.isTrue(b.dueAt < Infinity)
    store.now += 1
    b.exchange()
    assert.strictEqual(b.dueAt, Infinity)
    assert.deepStrictEqual(b.commanded("Change"), [])
  })

  it("S3 a failure in an answer restarts the two intervals", () => {
    const { a, b, store } = pair()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.exchange()
    a.fail()
    a.exchange()
    store.now += 2 * syncMillis - 1
    b.exchange()
    a.succeed()
    a.exchange()
    store.now += 1
    b.exchange()
    assert.isTrue(b.dueAt < Infinity)
  })

  it("S3 a slow call is announced like a failure, and a quick one is not", () => {
    const { a, b } = pair({ policy: slowRules.policy })
    a.succeed(100)
    b.succeed(99)
    assert.deepStrictEqual([a.exchange().announce, b.dueAt], [true, Infinity])
    a.loseStore()
    a.findStore()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a success of any duration is not announced under a policy that ignores durations", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    a.exchange()
    const { dueAt } = a
    a.succeed(100)
    assert.strictEqual(a.dueAt, dueAt)
  })

  it("S3 a failure within the two intervals is announced again, because the circuit may be idle on other nodes", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    a.succeed()
    a.exchange()
    store.now += syncMillis
    a.fail()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a received announcement restarts the two intervals", () => {
    const { a, store } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 2 * syncMillis - 1
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    store.now += 1
    a.exchange()
    assert.isTrue(a.dueAt < Infinity)
  })

  it("S3 a streak that another node's success has ended does not continue after the circuit was idle", () => {
    const { a, b, store } = pair()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    store.now++
    b.succeed()
    b.exchange()
    a.exchange()
    store.now += 2 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, Infinity)
    a.fail()
    assert.strictEqual(a.circuit._tag, "Closed")
  })

  it("S3 a circuit is never idle while its node receives no notifications", () => {
    const { a, store } = pair()
    a.isListening = false
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 10 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 a circuit is never idle under write-through", () => {
    const { a, store } = pair({ writesThrough: true })
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 10 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 after an outage, a node announces failures that its window still holds, and no others", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.exchange()
    for (const node of [a, b]) {
      node.loseStore()
      node.findStore()
    }
    assert.deepStrictEqual([a.exchange().announce, b.exchange().announce], [true, false])
  })
})

describe("S17 many nodes", () => {
  /** A node that has received an announcement of failures, as one of this many listeners. */
  const among = (listeners: number, over: Parameters<typeof settingsWith>[0] = {}) => {
    const { a } = pair(over)
    a.take({ _tag: "FailuresAnnounced", listeners })
    return a
  }

  it("S17 each of 50 nodes exchanges a circuit once per interval", () => {
    const node = among(50)
    assert.strictEqual(intervalMillis(node.replica, node.settings), syncMillis)
    assert.strictEqual(node.dueAt, node.now)
  })

  it("S17 each of 150 nodes exchanges it every three intervals, and they spread their first exchanges over two", () => {
    const node = among(150)
    assert.strictEqual(intervalMillis(node.replica, node.settings), 3 * syncMillis)
    assert.strictEqual(node.dueAt, node.now + 0.5 * 2 * syncMillis)
    const atOnce = among(150, { phase: 0 })
    assert.strictEqual(atOnce.dueAt, atOnce.now)
  })

  it("S17 the interval is never longer than `staleMillis`, so that counts stay fresh", () => {
    const node = among(1_000_000, { staleMillis: 5_000 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), 5_000)
  })

  it("S17 the interval is never shorter than `syncMillis`", () => {
    const node = among(1_000, { staleMillis: 10 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), syncMillis)
  })

  it("S17 a node that exchanges the circuit already keeps its timing", () => {
    const node = among(1)
    node.exchange()
    node.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(node.dueAt, node.now + syncMillis)
    node.take({ _tag: "FailuresAnnounced", listeners: 500 })
    node.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), 10 * syncMillis)
  })

  it("S17 a node estimates the number of nodes by the exchanges between two answers", () => {
    const { a, b, store } = pair()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    for (let i = 0; i < 199; i++) b.exchange()
    store.now += 1
    a.exchange()
    assert.strictEqual(intervalMillis(a.replica, a.settings), 4 * syncMillis)
    a.exchange()
    assert.strictEqual(intervalMillis(a.replica, a.settings), syncMillis)
  })

  it("S17 a node that isolates or disables the circuit renews its lease once per interval", () => {
    for (const control of ["Isolate", "Disable"] as const) {
      const node = among(1_000)
      node.control(control)
      node.write()
      assert.strictEqual(intervalMillis(node.replica, node.settings), syncMillis)
      assert.isTrue(node.exchange().renew)
    }
  })

  it("S17 so does a node that holds a slot, and no other", () => {
    const { a, b } = halfOpenPair()
    a.requestSlot()
    a.write()
    b.receiveChange()
    assert.deepStrictEqual([a.exchange().renew, b.exchange().renew], [true, false])
    assert.isBelow(intervalMillis(a.replica, a.settings), leaseMillis)
  })
})
