/** Admission, settlement and tripping. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { consecutive } from "../../src/internal/core/policies/consecutive.ts"
import { failureCount } from "../../src/internal/core/policies/failureCount.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import { check } from "./check.ts"
import type { AnyCircuit, Asked, Rules } from "./circuits.ts"
import {
  admits,
  admitted,
  closed,
  disabled,
  failure,
  frozen,
  halfOpen,
  ignored,
  interrupted,
  isolated,
  opened,
  openMillis,
  probe,
  probeTimeoutMillis,
  probing,
  recovering,
  recovery,
  rulesWith,
  slowRules,
  success
} from "./circuits.ts"

const rules = rulesWith()
const recoveringRules = rulesWith({ recovery })
const decide = (circuit: AnyCircuit, rules: Rules, now: number) => Admission.admit(circuit, rules, now)[0]

const settleIn = (circuit: AnyCircuit, rules: Rules, calls: ReadonlyArray<Call>): AnyCircuit =>
  calls.reduce(
    (circuit, call) =>
      frozen(Circuit.settle(circuit, rules, { generation: circuit.generation, slot: 0 }, call)),
    circuit
  )

describe("admit", () => {
  it("R3.1.3 Closed admits every call and claims nothing", () => {
    const circuit = closed(rules)
    assert.deepStrictEqual(Admission.admit(circuit, rules, 5), [
      { _tag: "Admitted", ticket: { generation: 0, slot: 0 } },
      circuit
    ])
    assert.strictEqual(Admission.admit(circuit, rules, 5)[1], circuit)
  })

  it("R3.2.2 Open rejects with the remaining time, and changes nothing", () => {
    const circuit = opened(rules, 70)
    const [decision, next] = Admission.admit(circuit, rules, 170)
    assert.deepStrictEqual(decision, { _tag: "Rejected", retryAfterMillis: openMillis - 100 })
    assert.strictEqual(next, circuit)
    assert.deepStrictEqual(decide(circuit, rules, 69 + openMillis), {
      _tag: "Rejected",
      retryAfterMillis: 1
    })
  })

  it("R3.2.2 the first call after the open time is a probe", () => {
    const [ticket, taken] = admitted(opened(rules), rules, openMillis)
    assert.strictEqual(taken._tag, "HalfOpen")
    assert.strictEqual(ticket.generation, taken.generation)
    assert.strictEqual(probing(taken, rules, openMillis), 1)
  })

  it("R3.2.3 HalfOpen admits while probing + succeeded is below probes", () => {
    const three = rulesWith({ probes: 3 })
    let circuit: AnyCircuit = halfOpen(three)
    const tickets: Array<Circuit.Ticket> = []
    for (let taken = 1; taken <= 3; taken++) {
      const [ticket, next] = admitted(circuit, three, openMillis)
      tickets.push(ticket)
      circuit = next
      assert.strictEqual(probing(circuit, three, openMillis), taken)
      assert.strictEqual(circuit.generation, 2)
    }
    assert.strictEqual(new Set(tickets.map((ticket) => ticket.slot)).size, 3)
    assert.notInclude(
      tickets.map((ticket) => ticket.slot),
      0
    )
    const [decision, next] = Admission.admit(circuit, three, openMillis)
    assert.deepStrictEqual(decision, { _tag: "Rejected", retryAfterMillis: 0 })
    assert.strictEqual(next, circuit)
    // a success keeps its place, a failure frees it
    const succeeded = frozen(Circuit.settle(circuit, three, tickets[1]!, success(openMillis)))
    assert.isFalse(admits(succeeded, three, openMillis))
    assert.strictEqual(probing(succeeded, three, openMillis), 2)
    const failed = rulesWith({ probes: 3, failuresToReopen: 9 })
    assert.isTrue(
      admits(Circuit.settle(circuit, failed, tickets[1]!, failure(openMillis)), failed, openMillis)
    )
  })

  it("R3.2.5 an expired slot goes to the next caller, under another number", () => {
    const [first, taken] = admitted(halfOpen(rules), rules, openMillis)
    const expiry = openMillis + probeTimeoutMillis
    assert.isFalse(admits(taken, rules, expiry - 0.001))
    const [second, taken2] = admitted(taken, rules, expiry)
    assert.notStrictEqual(second.slot, first.slot)
    assert.strictEqual(probing(taken2, rules, expiry), 1)
    assert.strictEqual(probing(taken2, rules, expiry + probeTimeoutMillis - 0.001), 1)
    assert.strictEqual(probing(taken2, rules, expiry + probeTimeoutMillis), 0)
  })

  it("R3.2.9 Recovering admits the k-th arrival when floor(k * share) grows", () => {
    const half = rulesWith({ recovery: { durationMillis: 1e9, from: 0.5 } })
    let circuit: AnyCircuit = recovering(half)
    const admissions: Array<boolean> = []
    for (let k = 0; k < 8; k++) {
      const [decision, next]: Asked = Admission.admit(circuit, half, openMillis)
      admissions.push(decision._tag === "Admitted")
      if (decision._tag === "Admitted") {
        assert.deepStrictEqual(decision.ticket, { generation: 3, slot: 0 })
      } else {
        assert.deepStrictEqual(decision, { _tag: "Rejected", retryAfterMillis: 0 })
      }
      circuit = frozen(next)
    }
    assert.deepStrictEqual(admissions, [false, true, false, true, false, true, false, true])
    assert.strictEqual(circuit.generation, 3)
  })

  it("R3.2.9 Recovering admits as many calls as a naive count of all arrivals", () => {
    check(
      fc.property(
        fc.constantFrom(0.1, 0.25, 0.3, 0.5, 1),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 60 }),
        (from, gaps) => {
          const rules = rulesWith({ recovery: { durationMillis: 1000, from } })
          let circuit: AnyCircuit = recovering(rules)
          let now = openMillis
          let before = 0
          for (const [i, gap] of gaps.entries()) {
            now += gap
            if (now >= openMillis + 1000) return
            const due = Math.floor((i + 1) * (from + ((1 - from) * (now - openMillis)) / 1000))
            const [decision, next]: Asked = Admission.admit(circuit, rules, now)
            assert.strictEqual(decision._tag === "Admitted", due > before)
            before = due
            circuit = frozen(next)
          }
        }
      ),
      200
    )
  })

  it("a recovery that has ended admits calls as Closed does", () => {
    const [ticket, next] = admitted(
      recovering(recoveringRules),
      recoveringRules,
      openMillis + recovery.durationMillis
    )
    assert.strictEqual(next._tag, "Closed")
    assert.deepStrictEqual(ticket, { generation: 4, slot: 0 })
  })

  it("R3.3 Disabled admits every call and claims nothing", () => {
    const circuit = disabled(opened(rules))
    for (const now of [0, openMillis, 1e12]) {
      const [decision, next] = Admission.admit(circuit, rules, now)
      assert.deepStrictEqual(decision, { _tag: "Admitted", ticket: { generation: 2, slot: 0 } })
      assert.strictEqual(next, circuit)
    }
  })

  it("Isolated rejects with an infinite wait", () => {
    const circuit = isolated(closed(rules))
    const [decision, next] = Admission.admit(circuit, rules, 5)
    assert.deepStrictEqual(decision, { _tag: "Rejected", retryAfterMillis: Infinity })
    assert.strictEqual(next, circuit)
  })
})

describe("stillCounts", () => {
  it("R3.3 an outcome of a Disabled circuit's own generation counts, and no other", () => {
    const circuit = disabled(opened(rules))
    assert.isTrue(Circuit.stillCounts(circuit, rules, { generation: 2, slot: 0 }, 5))
    assert.isFalse(Circuit.stillCounts(circuit, rules, { generation: 1, slot: 0 }, 5))
  })

  it("an outcome of the circuit's own generation counts", () => {
    assert.isTrue(Circuit.stillCounts(closed(rules), rules, { generation: 0, slot: 0 }, 1e12))
    assert.isTrue(
      Circuit.stillCounts(
        recovering(recoveringRules),
        recoveringRules,
        { generation: 3, slot: 0 },
        openMillis
      )
    )
    const [ticket, taken] = admitted(halfOpen(rules), rules, openMillis)
    assert.isTrue(Circuit.stillCounts(taken, rules, ticket, openMillis))
    assert.isTrue(Circuit.stillCounts(taken, rules, ticket, openMillis + probeTimeoutMillis - 0.001))
  })

  it("R3.2.6 an outcome of another generation does not land", () => {
    const [ticket, taken] = admitted(halfOpen(rules), rules, openMillis)
    const later: ReadonlyArray<AnyCircuit> = [
      Circuit.open(taken, taken.generation, { openings: 2, openMillis, openedAt: openMillis }),
      ManualControl.reset(taken, rules, openMillis),
      ManualControl.isolate(taken),
      Circuit.settle(taken, rules, ticket, success(openMillis))
    ]
    for (const circuit of later) assert.isFalse(Circuit.stillCounts(circuit, rules, ticket, openMillis))
    const reset = ManualControl.reset(closed(rules), rules, 0)
    assert.isFalse(Circuit.stillCounts(reset, rules, { generation: 0, slot: 0 }, 0))
    assert.isTrue(Circuit.stillCounts(reset, rules, { generation: 1, slot: 0 }, 0))
    assert.isFalse(Circuit.stillCounts(reset, rules, { generation: 2, slot: 0 }, 0))
  })

  it("R3.2.6 nor does one of a recovery that has ended, even before the next call", () => {
    const circuit = recovering(recoveringRules)
    const ticket = { generation: 3, slot: 0 }
    const end = openMillis + recovery.durationMillis
    assert.isTrue(Circuit.stillCounts(circuit, recoveringRules, ticket, end - 0.001))
    assert.isFalse(Circuit.stillCounts(circuit, recoveringRules, ticket, end))
    assert.isFalse(Circuit.stillCounts(circuit, recoveringRules, { generation: 4, slot: 0 }, end))
  })

  it("R3.2.5 nor does one of a probe that has lost its slot, whether or not the slot was taken again", () => {
    const [ticket, taken] = admitted(halfOpen(rules), rules, openMillis)
    const expiry = openMillis + probeTimeoutMillis
    assert.isFalse(Circuit.stillCounts(taken, rules, ticket, expiry))
    const [second, taken2] = admitted(taken, rules, expiry)
    assert.isFalse(Circuit.stillCounts(taken2, rules, ticket, expiry))
    assert.isTrue(Circuit.stillCounts(taken2, rules, second, expiry))
    assert.isFalse(Circuit.stillCounts(taken2, rules, { ...second, slot: 0 }, expiry))
  })

  it("nor does one of a slot that was given back", () => {
    const two = rulesWith({ probes: 2 })
    const [first, one] = admitted(halfOpen(two), two, openMillis)
    const [second, both] = admitted(one, two, openMillis)
    const after = Circuit.settle(both, two, first, success(openMillis))
    assert.isFalse(Circuit.stillCounts(after, two, first, openMillis))
    assert.isTrue(Circuit.stillCounts(after, two, second, openMillis))
  })
})

describe("settle while Closed or Recovering", () => {
  for (const [name, circuit, rules] of [
    ["Closed", closed(rulesWith()), rulesWith()],
    ["Recovering", recovering(recoveringRules), recoveringRules]
  ] as const) {
    it(`${name} records successes and failures`, () => {
      const once = settleIn(circuit, rules, [failure(openMillis)])
      assert.strictEqual(once._tag, name)
      assert.strictEqual(once.generation, circuit.generation)
      assert.strictEqual(once.openings, circuit.openings)
      assert.strictEqual(once.openMillis, circuit.openMillis)
      assert.strictEqual(Circuit.counts(once, rules, openMillis).failures, 1)
      const back = settleIn(once, rules, [success(openMillis)])
      assert.strictEqual(Circuit.counts(back, rules, openMillis).failures, 0)
    })

    it(`${name} stays the same object if nothing changes`, () => {
      const failed = settleIn(circuit, rules, [failure(openMillis)])
      const ticket = { generation: circuit.generation, slot: 0 }
      for (const call of [ignored(openMillis), interrupted(openMillis)]) {
        assert.strictEqual(Circuit.settle(failed, rules, ticket, call), failed)
      }
      assert.strictEqual(Circuit.settle(circuit, rules, ticket, success(openMillis)), circuit)
    })
  }

  it("R3.1.4 an interrupted call reaches the policy, another Ignored one does not", () => {
    const circuit = closed(slowRules)
    assert.strictEqual(settleIn(circuit, slowRules, [ignored(0, 5000)]), circuit)
    const slow = settleIn(circuit, slowRules, [interrupted(0, 5000)])
    assert.deepStrictEqual(Circuit.counts(slow, slowRules, 0), { calls: 1, failures: 0, slow: 1 })
  })

  it("Closed keeps the time of its close, and Recovering the progress of its recovery", () => {
    const healed = probe(halfOpen(rules), rules, success(openMillis))
    const recorded = settleIn(healed, rules, [failure(openMillis + 10)])
    assert.strictEqual(Circuit.nextOpening(recorded, 2 * openMillis - 1), 2)
    assert.strictEqual(Circuit.nextOpening(recorded, 2 * openMillis), 1)
    const [, asked] = Admission.admit(recovering(recoveringRules), recoveringRules, openMillis)
    const settled = settleIn(asked, recoveringRules, [failure(openMillis)])
    assert.strictEqual(
      Admission.readyInMillis(settled, recoveringRules, openMillis),
      Admission.readyInMillis(asked, recoveringRules, openMillis)
    )
  })
})

describe("settle in other states", () => {
  it("changes nothing", () => {
    for (const circuit of [opened(rules), isolated(closed(rules)), disabled(opened(rules))]) {
      const ticket = { generation: circuit.generation, slot: 0 }
      for (const call of [success(), failure(), ignored(), interrupted()]) {
        assert.strictEqual(Circuit.settle(circuit, rules, ticket, call), circuit)
      }
    }
  })
})

describe("trips", () => {
  it("Closed and Recovering trip when the policy says so", () => {
    for (const circuit of [closed(rules), recovering(recoveringRules)]) {
      assert.isUndefined(Circuit.trips(circuit, rules, openMillis))
      const once = settleIn(circuit, recoveringRules, [failure(openMillis)])
      assert.isUndefined(Circuit.trips(once, recoveringRules, openMillis))
      const twice = settleIn(once, recoveringRules, [failure(openMillis)])
      assert.strictEqual(Circuit.trips(twice, recoveringRules, openMillis), "Tripped")
    }
  })

  it("the policy decides at the given time", () => {
    const timed = rulesWith({ policy: failureCount(2, 100) })
    const circuit = settleIn(closed(timed), timed, [failure(0), failure(50)])
    assert.strictEqual(Circuit.trips(circuit, timed, 99), "Tripped")
    assert.isUndefined(Circuit.trips(circuit, timed, 100))
  })

  it("HalfOpen trips at failuresToReopen", () => {
    assert.isUndefined(Circuit.trips(halfOpen(rules), rules, openMillis))
    const failed = probe(halfOpen(rules), rules, failure(openMillis))
    assert.strictEqual(Circuit.trips(failed, rules, openMillis), "ProbeFailed")
  })

  it("Open, Isolated and Disabled never trip", () => {
    const eager = rulesWith({ failuresToReopen: 0, policy: consecutive(0) })
    assert.isUndefined(Circuit.trips(opened(eager), eager, 0))
    assert.isUndefined(Circuit.trips(isolated(closed(eager)), eager, 0))
    assert.isUndefined(Circuit.trips(disabled(closed(eager)), eager, 0))
  })
})
