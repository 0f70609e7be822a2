/** The reports of nodes to the store, and their decisions by the merged counts. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import { asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import { check } from "../check.ts"
import { openMillis } from "../circuits.ts"
import type { Asking } from "./TestNode.ts"
import { TestNode } from "./TestNode.ts"
import { openPair, pair, settle, syncMillis } from "./fixtures.ts"

/** Never trips in these tests, and forgets nothing. */
const many = failureCount(1_000, 1_000_000)

const counting = () => pair({ policy: many })

describe("S4 a report", () => {
  it("S4 holds the counts since the last acknowledged one", () => {
    const { a, store } = counting()
    a.fail(3)
    a.exchange()
    a.fail(2)
    a.exchange()
    assert.strictEqual(store.failures, 5)
    assert.strictEqual(a.replica.reporting.acknowledged.number, 2)
  })

  it("S4 is repeated unchanged if its answer is lost, and counts once", () => {
    const { a, store } = counting()
    a.fail(3)
    const asking = a.ask()
    a.put(asking)
    a.lose(asking)
    a.fail(2)
    assert.deepStrictEqual(a.ask().request.window.report, asking.request.window.report)
    a.exchange()
    assert.strictEqual(store.failures, 3)
    a.exchange()
    assert.strictEqual(store.failures, 5)
  })

  it("S4 without new counts has the number of the last one", () => {
    const { a } = counting()
    a.fail()
    a.exchange()
    const { report } = a.exchange().window
    assert.deepStrictEqual([report?.number, report?.base, report?.sections], [1, 1, []])
  })

  it("S4 says whether its node sees failures, and how many failing nodes the store has to list", () => {
    const { a } = pair({ policy: many, quorum: 3 })
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    const before = a.exchange().window.report
    a.fail()
    const after = a.exchange().window.report
    assert.deepStrictEqual([before?.failing, before?.listed], [false, 3])
    assert.deepStrictEqual([after?.failing, after?.listed], [true, 3])
    assert.strictEqual(counting().a.ask().request.window.report, undefined)
  })

  it("S4 the answer to an older exchange changes nothing after that to a newer one", () => {
    const { a, store } = counting()
    a.fail()
    const first = a.ask()
    const late = a.put(first)
    a.exchange()
    a.fail()
    a.exchange()
    a.receive(first, late)
    a.fail()
    a.exchange()
    assert.strictEqual(store.failures, 3)
  })

  it("S4 continues from the last acknowledged one after an outage, and after the circuit was idle", () => {
    const { a, store } = pair()
    a.fail()
    a.exchange()
    a.loseStore()
    a.findStore()
    a.exchange()
    assert.strictEqual(a.replica.reporting.acknowledged.number, 1)
    store.now++
    a.succeed()
    a.exchange()
    store.now += 2 * syncMillis
    a.exchange()
    assert.strictEqual(a.dueAt, Infinity)
    a.fail()
    assert.deepStrictEqual([a.ask().request.window.report?.base, store.failures], [2, 0])
  })

  it("S4 is not repeated once the store may have forgotten its number", () => {
    const { a, b, store } = counting()
    b.fail()
    b.exchange()
    a.fail()
    const unanswered = a.ask()
    a.put(unanswered)
    a.lose(unanswered)
    for (let i = 0; i < 2; i++) {
      store.now += a.settings.idleMillis
      b.exchange()
    }
    assert.strictEqual(store.failures, 2)
    for (let i = 0; i < 3; i++) a.exchange()
    assert.strictEqual(store.failures, 2)
    a.fail()
    a.exchange()
    assert.strictEqual(store.failures, 3)
  })

  it("S4 each failure counts once, whichever messages are lost or late", () => {
    type Step = "fail" | "exchange" | "lost" | "unanswered" | "late"
    const steps = fc.array(fc.constantFrom<Step>("fail", "exchange", "lost", "unanswered", "late"), {
      maxLength: 60
    })
    check(
      fc.property(steps, (steps) => {
        const { a, store } = counting()
        let failures = 0
        let late: Array<() => void> = []
        const act = (step: Step) => {
          store.now += 7
          if (step === "fail") {
            failures++
            return a.fail()
          }
          const asking: Asking = a.ask()
          if (step === "lost") return a.lose(asking)
          const entry = a.put(asking)
          if (step === "unanswered") return a.lose(asking)
          if (step === "late") return void late.push(() => a.receive(asking, entry))
          a.receive(asking, entry)
          for (const one of late) one()
          late = []
        }
        for (const step of [...steps, "exchange", "exchange", "exchange"] as const) act(step)
        assert.strictEqual(store.failures, failures)
      }),
      300
    )
  })
})

describe("S5 a lost report", () => {
  it("S5 is repeated if the store has lost its whole window", () => {
    const { a, store } = counting()
    a.fail(3)
    a.exchange()
    store.windows = new Map()
    a.exchange()
    a.exchange()
    assert.strictEqual(store.failures, 3)
  })

  it("S5 is announced when it is repeated, because the circuit may be idle on other nodes", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    store.windows = new Map()
    assert.deepStrictEqual([a.exchange().announce, a.exchange().announce], [false, true])
  })

  it("S5 is repeated soon", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    a.exchange()
    store.windows = new Map()
    store.now += syncMillis
    a.exchange()
    assert.isAtMost(a.dueAt, a.now)
  })

  it("S5 is repeated from the latest report that the store has", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    const old = store.windows
    a.fail(2)
    a.exchange()
    a.fail(4)
    a.exchange()
    store.windows = old
    a.exchange()
    a.exchange()
    assert.strictEqual(store.failures, 7)
  })

  it("S5 is not repeated if the node no longer knows its content: too few counts are better than double ones", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    const old = store.windows
    for (let i = 0; i < 9; i++) {
      a.fail()
      a.exchange()
    }
    store.windows = old
    a.exchange()
    a.fail()
    a.exchange()
    assert.strictEqual(store.failures, 2)
  })

  it("S5 is repeated after the loss of the last eight reports", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    const old = store.windows
    for (let i = 0; i < 8; i++) {
      a.fail()
      a.exchange()
    }
    store.windows = old
    a.exchange()
    a.exchange()
    assert.strictEqual(store.failures, 9)
  })

  it("S5 a new node under an identity that the store knows continues from the latest report of that identity", () => {
    const { a, store } = counting()
    a.fail(3)
    a.exchange()
    const again = new TestNode(store, a.settings)
    again.exchange()
    again.fail()
    again.exchange()
    again.exchange()
    assert.strictEqual(store.failures, 4)
  })
})

describe("S6 the counts of all nodes", () => {
  it("S6 open the circuit on the node whose failure reaches the threshold", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.exchange()
    b.fail()
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Open"])
  })

  it("S6 are judged again with the answer, if the node has recorded an outcome since", () => {
    const { a, b } = pair()
    a.fail()
    b.fail()
    a.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Open")
    assert.isUndefined(b.replica.undecided)
    assert.deepStrictEqual(b.commanded("Change"), [])
    const [opening] = b.commanded("Open")
    assert.deepStrictEqual(opening, {
      _tag: "Open",
      figures: "consecutive: 2 failures in a row",
      now: b.now,
      outcome: { _tag: "Failure" }
    })
  })

  it("S6 do not open the circuit on a node that has recorded no outcome since", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.fail()
    const asking = b.ask()
    const entry = b.put(asking)
    a.exchange()
    assert.strictEqual(a.circuit._tag, "Closed")
    b.receive(asking, entry)
    assert.strictEqual(b.circuit._tag, "Open")
  })

  it("S6 an outcome that was recorded while the store was asked is judged with the next answer", () => {
    const { a, b } = pair()
    b.fail()
    const asking = b.ask()
    const entry = b.put(asking)
    a.fail()
    a.exchange()
    b.succeed()
    b.receive(asking, entry)
    assert.isDefined(b.replica.undecided)
    b.exchange()
    assert.isUndefined(b.replica.undecided)
  })

  it("S6 a success on one node ends the streak of all", () => {
    const { a, b, store } = pair()
    a.fail()
    a.exchange()
    store.now++
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.succeed()
    b.exchange()
    store.now++
    a.exchange()
    a.fail()
    assert.strictEqual(a.circuit._tag, "Closed")
  })

  it("S6 a success of an idle circuit is not judged", () => {
    const { a } = pair()
    a.succeed()
    assert.isUndefined(a.replica.undecided)
  })

  it("S6 a call that does not change the window is not judged", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.settle("Ignored", 0)
    assert.isUndefined(a.replica.undecided)
  })

  it("S6 the failures of an earlier generation do not count in a later one", () => {
    const { a, b, store } = openPair()
    store.now += openMillis
    const request = a.requestSlot()
    settle(a, b)
    a.settle("Success", a.slotOf(request))
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    a.fail()
    a.exchange()
    b.exchange()
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    b.fail()
    assert.strictEqual(b.circuit._tag, "Open")
  })
})

describe("S7 with a quorum of two", () => {
  const quorum = () => pair({ quorum: 2 })

  it("S7 the only node that sees failures opens its own circuit, and writes nothing", () => {
    const { a, b } = quorum()
    a.fail(2)
    assert.deepStrictEqual([a.circuit._tag, a.standing, a.writes.length], ["Open", "LocallyOpen", 0])
    a.exchange()
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S7 that node goes on reporting its counts, and that it sees failures", () => {
    const { a, store } = quorum()
    a.fail(2)
    const { epoch } = a
    const { epoch: counted, report } = a.exchange().window
    assert.deepStrictEqual([report?.failing, counted, epoch], [true, 0, 1])
    assert.strictEqual(store.failures, 2)
    assert.isAtMost(a.dueAt, a.now + syncMillis)
    assert.isTrue(a.exchange().window.report?.failing)
    assert.strictEqual(a.standing, "LocallyOpen")
  })

  it("S7 the second node that sees failures opens the circuit on all nodes", () => {
    const { a, b, store } = quorum()
    a.fail(2)
    a.exchange()
    b.fail()
    b.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
    assert.deepStrictEqual([a.standing, b.standing], ["InSync", "InSync"])
    assert.notStrictEqual(store.state, "")
  })

  it("S7 two reports of one node count as one node", () => {
    const { a } = quorum()
    a.fail()
    a.exchange()
    a.exchange()
    a.fail()
    assert.strictEqual(a.standing, "LocallyOpen")
  })

  it("S7 a node without failures does not open by those of a single other node", () => {
    const { a, b } = quorum()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.settle("Ignored", 0)
    b.succeed()
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S7 a probe of a locally open circuit needs no slot, and its outcome is not written", () => {
    const { a, store } = quorum()
    a.fail(2)
    store.now += openMillis
    assert.isFalse(asksForSlot(a.replica, a.circuit, a.situation))
    a.settle("Failure", a.probe())
    assert.deepStrictEqual([a.circuit._tag, a.writes.length], ["Open", 0])
    assert.strictEqual(a.standing, "LocallyOpen")
  })

  it("S7 a control of a locally open circuit is written as usual", () => {
    const { a, b } = quorum()
    a.fail(2)
    a.control("Trip")
    settle(a, b)
    assert.deepStrictEqual([a.standing, b.circuit._tag], ["InSync", "Open"])
  })
})
