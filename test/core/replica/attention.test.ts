/** When a node asks the store about a circuit, and when it decides without it. */
import { assert, describe, it } from "@effect/vitest"
import { asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import { intervalMillis } from "../../../src/internal/core/replica/activity.ts"
import { openMillis, slowRules } from "../circuits.ts"
import { TestNode } from "./TestNode.ts"
import { halfOpenPair, leaseMillis, openPair, pair, settingsWith, settle, syncMillis } from "./fixtures.ts"
import { VirtualStore } from "./VirtualStore.ts"

describe("S1 while the store fails", () => {
  it("S1 a node opens by its own failures, and writes nothing", () => {
    const { a } = pair()
    a.loseStore()
    a.fail(2)
    assert.strictEqual(a.circuit._tag, "Open")
    assert.deepStrictEqual([a.writes, a.commanded("Answer")], [[], []])
    assert.strictEqual(a.standing, "Diverged")
  })

  it("S1 what other nodes had counted no longer opens a circuit", () => {
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

  it("S1 a call that has asked for a slot goes by its node's own circuit", () => {
    const { a } = halfOpenPair()
    const request = a.requestSlot()
    assert.strictEqual(a.decisionOn(request), "Waiting")
    a.loseWrite()
    assert.strictEqual(a.decisionOn(request), "ByItself")
  })

  it("S1 so does one that asks just as the store fails", () => {
    const { a } = halfOpenPair()
    a.isFailing = true
    a.take({ _tag: "SlotRequested", request: 7 })
    assert.strictEqual(a.decisionOn(7), "ByItself")
  })

  it("S1 a lost question changes nothing of what is written already, or in step", () => {
    const { a } = pair()
    a.lose(a.ask())
    assert.strictEqual(a.standing, "InSync")
    a.control("Trip")
    a.lose(a.ask())
    assert.strictEqual(a.standing, "Writing")
  })

  it("S1 a fault with one circuit leaves its node to itself", () => {
    const { a } = halfOpenPair()
    const request = a.requestSlot()
    a.take({ _tag: "Faulted" })
    assert.strictEqual(a.decisionOn(request), "ByItself")
    assert.strictEqual(a.standing, "Diverged")
  })

  it("S1 a fault changes nothing where nothing is on its way", () => {
    const { a } = openPair()
    const { replica } = a
    a.take({ _tag: "Faulted" })
    assert.deepStrictEqual(a.replica, replica)
  })
})

describe("S2 a healthy circuit", () => {
  it("S2 is asked about without a report", () => {
    const node = new TestNode(new VirtualStore(), settingsWith())
    const question = node.exchange()
    assert.deepStrictEqual(question, {
      revision: "",
      window: { name: "window", epoch: 0, report: undefined },
      announce: false,
      renew: false,
      keepMillis: 60_500
    })
  })

  it("S2 rests after the first answer, and after many successes", () => {
    const { a } = pair()
    for (let i = 0; i < 10; i++) a.succeed()
    assert.strictEqual(a.dueAt, Infinity)
    assert.isFalse(a.replica.isUnknown)
  })

  it("S2 is exchanged from the first answer on if other nodes see failures", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.exchange()
    assert.isAtMost(late.dueAt, late.now)
  })

  it("S3 is exchanged from the first answer on if others exchange it, although they see no failure any more", () => {
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

  it("S2 a circuit that is not closed does not rest, and has nothing to report", () => {
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

  it("S2 a circuit is kept for three openings longer", () => {
    const { a } = openPair()
    assert.strictEqual(a.ask().question.keepMillis, 60_500 + 3 * openMillis)
  })
})

describe("S3 failures", () => {
  it("S3 a failure of a circuit that rests is announced at once", () => {
    const { a, store } = pair()
    a.fail()
    assert.isAtMost(a.dueAt, a.now)
    assert.isTrue(a.exchange().announce)
    assert.strictEqual(store.announcements, 1)
  })

  it("S3 the next exchange follows an announcement soon", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    assert.isAtMost(a.dueAt, a.now)
    a.exchange()
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

  it("S3 a failure that could not be announced is announced with the next exchange", () => {
    const { a } = pair()
    a.fail()
    const lost = a.ask()
    assert.isFalse(a.ask().question.announce)
    a.lose(lost)
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a failure during an outage is announced after it, because others may have gone to rest", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    a.isFailing = true
    a.fail()
    a.isFailing = false
    a.take({ _tag: "ExchangeRequested" })
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a failure is announced with the report that tells it, and not with a question before that", () => {
    const { a } = pair()
    a.fail()
    a.replica = { ...a.replica, standing: { _tag: "Diverged", isReset: false } }
    assert.isFalse(a.ask().question.announce)
    a.replica = { ...a.replica, standing: { _tag: "InSync" } }
    assert.isTrue(a.ask().question.announce)
  })

  it("S3 a question that announced nothing leaves nothing to announce when it is lost", () => {
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

  it("S3 a node that hears of failures reports what it has counted", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(a.dueAt, a.now)
    assert.isDefined(a.exchange().window.report)
  })

  it("S3 a circuit rests once no node has seen a failure for two intervals", () => {
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

  it("S3 a failure that the answer shows begins the two intervals anew", () => {
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

  it("S3 a slow call is announced as a failure is, and a quick one is not", () => {
    const { a, b } = pair({ policy: slowRules.policy })
    a.succeed(100)
    b.succeed(99)
    assert.deepStrictEqual([a.exchange().announce, b.dueAt], [true, Infinity])
    a.loseStore()
    a.findStore()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 a quick call is not announced under a policy that does not look at that", () => {
    const { a } = pair()
    a.fail()
    a.exchange()
    a.exchange()
    const { dueAt } = a
    a.succeed(100)
    assert.strictEqual(a.dueAt, dueAt)
  })

  it("S3 a failure within these two intervals is announced again, because others may rest by then", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    a.succeed()
    a.exchange()
    store.now += syncMillis
    a.fail()
    assert.isTrue(a.exchange().announce)
  })

  it("S3 failures that are heard of begin the two intervals anew", () => {
    const { a, store } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 2 * syncMillis - 1
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    store.now += 1
    a.exchange()
    assert.isTrue(a.dueAt < Infinity)
  })

  it("S3 a streak that a success elsewhere has ended does not go on after a rest", () => {
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

  it("S3 a circuit does not rest while changes of it would not be heard", () => {
    const { a, store } = pair()
    a.isListening = false
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 10 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 a circuit does not rest where each outcome is written through", () => {
    const { a, store } = pair({ writesThrough: true })
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.exchange()
    store.now += 10 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
  })

  it("S3 an outage announces again what is still counted, and nothing else", () => {
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
  /** A node that has heard of failures at the same time as so many others. */
  const among = (listeners: number, over: Parameters<typeof settingsWith>[0] = {}) => {
    const { a } = pair(over)
    a.take({ _tag: "FailuresAnnounced", listeners })
    return a
  }

  it("S17 50 exchange a circuit once an interval each", () => {
    const node = among(50)
    assert.strictEqual(intervalMillis(node.replica, node.settings), syncMillis)
    assert.strictEqual(node.dueAt, node.now)
  })

  it("S17 150 exchange it every three intervals each, and spread their first answers over two", () => {
    const node = among(150)
    assert.strictEqual(intervalMillis(node.replica, node.settings), 3 * syncMillis)
    assert.strictEqual(node.dueAt, node.now + 0.5 * 2 * syncMillis)
    const atOnce = among(150, { phase: 0 })
    assert.strictEqual(atOnce.dueAt, atOnce.now)
  })

  it("S17 no count gets so old that it is of little use", () => {
    const node = among(1_000_000, { staleMillis: 5_000 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), 5_000)
  })

  it("S17 an interval is never shorter than the one that was asked for", () => {
    const node = among(1_000, { staleMillis: 10 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), syncMillis)
  })

  it("S17 nodes that exchange the circuit already go on as they did", () => {
    const node = among(1)
    node.exchange()
    node.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(node.dueAt, node.now + syncMillis)
    node.take({ _tag: "FailuresAnnounced", listeners: 500 })
    node.take({ _tag: "FailuresAnnounced", listeners: 2 })
    assert.strictEqual(intervalMillis(node.replica, node.settings), 10 * syncMillis)
  })

  it("S17 how many they are is learned from how often the store was asked in between", () => {
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

  it("S17 a node that isolates or disables the circuit renews its lease once an interval", () => {
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
    b.hear()
    assert.deepStrictEqual([a.exchange().renew, b.exchange().renew], [true, false])
    assert.isBelow(intervalMillis(a.replica, a.settings), leaseMillis)
  })
})
