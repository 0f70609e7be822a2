/** What nodes report to the store, and what follows from what all of them count. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { failureCount } from "../../../src/internal/core/policies/failureCount.ts"
import { asksForSlot } from "../../../src/internal/core/replica/asking.ts"
import { check } from "../check.ts"
import { openMillis } from "../circuits.ts"
import type { Asking } from "./TestNode.ts"
import { TestNode } from "./TestNode.ts"
import { openPair, pair, settle, syncMillis } from "./fixtures.ts"

/** Never trips here, and forgets nothing. */
const many = failureCount(1_000, 1_000_000)

const counting = () => pair({ policy: many })

describe("S4 a report", () => {
  it("S4 says what is new since the last one", () => {
    const { a, store } = counting()
    a.fail(3)
    a.exchange()
    a.fail(2)
    a.exchange()
    assert.strictEqual(store.failures, 5)
    assert.strictEqual(a.replica.reporting.acknowledged.number, 2)
  })

  it("S4 is sent again as it was if its answer is lost, and counts once", () => {
    const { a, store } = counting()
    a.fail(3)
    const asking = a.ask()
    a.put(asking)
    a.lose(asking)
    a.fail(2)
    assert.deepStrictEqual(a.ask().question.window.report, asking.question.window.report)
    a.exchange()
    assert.strictEqual(store.failures, 3)
    a.exchange()
    assert.strictEqual(store.failures, 5)
  })

  it("S4 of nothing new has the number of the last one", () => {
    const { a } = counting()
    a.fail()
    a.exchange()
    const { report } = a.exchange().window
    assert.deepStrictEqual([report?.number, report?.base, report?.sections], [1, 1, []])
  })

  it("S4 says whether its node sees failures, and how many nodes that do are to be listed", () => {
    const { a } = pair({ policy: many, quorum: 3 })
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    const before = a.exchange().window.report
    a.fail()
    const after = a.exchange().window.report
    assert.deepStrictEqual([before?.failing, before?.listed], [false, 3])
    assert.deepStrictEqual([after?.failing, after?.listed], [true, 3])
    assert.strictEqual(counting().a.ask().question.window.report, undefined)
  })

  it("S4 of an older question changes nothing once a newer one was answered", () => {
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

  it("S4 goes on after an outage, and after a rest, where it was", () => {
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
    assert.deepStrictEqual([a.ask().question.window.report?.base, store.failures], [2, 0])
  })

  it("S4 each failure counts once, whatever is lost on the way", () => {
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

describe("S5 what the store has lost", () => {
  it("S5 is reported again if it was all", () => {
    const { a, store } = counting()
    a.fail(3)
    a.exchange()
    store.windows = new Map()
    a.exchange()
    a.exchange()
    assert.strictEqual(store.failures, 3)
  })

  it("S5 is reported again soon", () => {
    const { a, store } = counting()
    a.fail()
    a.exchange()
    a.exchange()
    store.windows = new Map()
    store.now += syncMillis
    a.exchange()
    assert.isAtMost(a.dueAt, a.now)
  })

  it("S5 is reported again from the latest report that the store knows", () => {
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

  it("S5 counts as told if the node no longer knows what it had told: too few is better than twice", () => {
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

  it("S5 is remembered for the last eight reports", () => {
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

  it("S5 a node that is new under an identity that the store knows goes on from what was told", () => {
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

describe("S6 what all nodes count", () => {
  it("S6 opens the circuit at the node whose failure completes it", () => {
    const { a, b } = pair()
    a.fail()
    a.exchange()
    b.exchange()
    b.fail()
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Open"])
  })

  it("S6 is judged again with the answer, if the node has recorded an outcome since", () => {
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

  it("S6 opens nothing at a node that has recorded no outcome since", () => {
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

  it("S6 a success at one node ends the streak of all", () => {
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

  it("S6 a success of a circuit that rests is not judged", () => {
    const { a } = pair()
    a.succeed()
    assert.isUndefined(a.replica.undecided)
  })

  it("S6 a call that changes nothing in the window is not judged", () => {
    const { a } = pair()
    a.take({ _tag: "FailuresAnnounced", listeners: 2 })
    a.settle("Ignored", 0)
    assert.isUndefined(a.replica.undecided)
  })

  it("S6 the failures of an earlier generation open nothing in a later one", () => {
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

  it("S7 a node that alone sees failures opens for itself, and writes nothing", () => {
    const { a, b } = quorum()
    a.fail(2)
    assert.deepStrictEqual([a.circuit._tag, a.standing, a.writes.length], ["Open", "LocallyOpen", 0])
    a.exchange()
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S7 it goes on to report what it has counted, and its failures", () => {
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

  it("S7 the second node that sees failures opens the circuit for all", () => {
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

  it("S7 a node does not count as two", () => {
    const { a } = quorum()
    a.fail()
    a.exchange()
    a.exchange()
    a.fail()
    assert.strictEqual(a.standing, "LocallyOpen")
  })

  it("S7 what another node counts opens nothing where it alone sees failures", () => {
    const { a, b } = quorum()
    a.fail()
    a.exchange()
    b.take({ _tag: "FailuresAnnounced", listeners: 2 })
    b.settle("Ignored", 0)
    b.succeed()
    b.exchange()
    assert.strictEqual(b.circuit._tag, "Closed")
  })

  it("S7 a probe of such a node needs no slot, and tells nobody how it ended", () => {
    const { a, store } = quorum()
    a.fail(2)
    store.now += openMillis
    assert.isFalse(asksForSlot(a.replica, a.circuit, a.situation))
    a.settle("Failure", a.probe())
    assert.deepStrictEqual([a.circuit._tag, a.writes.length], ["Open", 0])
    assert.strictEqual(a.standing, "LocallyOpen")
  })

  it("S7 a control of such a node is written as of a node in step", () => {
    const { a, b } = quorum()
    a.fail(2)
    a.control("Trip")
    settle(a, b)
    assert.deepStrictEqual([a.standing, b.circuit._tag], ["InSync", "Open"])
  })
})
