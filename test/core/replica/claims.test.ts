/** S10: what the answers to a claim mean, and what the call then does. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "../../../src/internal/core/admission.ts"
import * as Admission from "../../../src/internal/core/admission.ts"
import * as Machine from "../../../src/internal/core/circuit.ts"
import * as ManualControl from "../../../src/internal/core/manualControl.ts"
import * as Claims from "../../../src/internal/core/replica/claims.ts"
import { halfOpen, openMillis, rulesWith } from "../circuits.ts"

const admitted = (slot: number, generation = 2): Decision => ({
  _tag: "Admitted",
  ticket: { generation, slot }
})
const rejected: Decision = { _tag: "Rejected", retryAfterMillis: 70 }
const rules = rulesWith({ probes: 1 })

describe("S10 a claim", () => {
  it("takes the first answer, and gives back a slot that comes later", () => {
    const late = Claims.answered(Claims.unanswered, Claims.tooLate)
    assert.deepStrictEqual([late.claim.given, late.returned], [Claims.tooLate, undefined])

    const slot = Claims.answered(late.claim, admitted(3))
    assert.deepStrictEqual([slot.claim.given, slot.returned?.slot], [Claims.tooLate, 3])
  })

  it("gives back a slot that its call has left, before or after the answer, and once", () => {
    const before = Claims.answered(Claims.abandoned(Claims.unanswered).claim, admitted(3))
    assert.strictEqual(before.returned?.slot, 3)

    const granted = Claims.answered(Claims.unanswered, admitted(3))
    assert.isUndefined(granted.returned)
    assert.strictEqual(Claims.abandoned(granted.claim).returned?.slot, 3)
  })

  it("has nothing to give back where there is no slot", () => {
    for (const decision of [undefined, rejected, admitted(0)]) {
      const { claim } = Claims.answered(Claims.unanswered, decision)
      assert.isUndefined(Claims.abandoned(claim).returned)
      assert.isUndefined(Claims.answered(claim, decision).returned)
    }
  })
})

describe("S10 a call with the answer to its claim", () => {
  const now = openMillis

  it("starts if its slot is still its own", () => {
    const [decision, taken] = Admission.admit(halfOpen(rules), rules, now)
    assert.strictEqual(decision._tag, "Admitted")
    assert.isDefined(Claims.ticketOf(decision, taken, rules, now))
    assert.isUndefined(Claims.ticketOf(decision, Machine.close(taken, rules, now), rules, now))
    assert.isUndefined(Claims.ticketOf(rejected, taken, rules, now))
    assert.isUndefined(Claims.ticketOf(undefined, taken, rules, now))
  })

  it("asks for no slot of another opening, and is decided by any other circuit", () => {
    assert.strictEqual(Claims.withoutTicket(admitted(1), halfOpen(rules), rules, now), "Rejected")
    const closed = Machine.close(halfOpen(rules), rules, now)
    assert.strictEqual(Claims.withoutTicket(admitted(1), closed, rules, now), "Decided")
  })

  it("is rejected where the slots are taken, unless the circuit admits every call by then", () => {
    assert.strictEqual(Claims.withoutTicket(rejected, halfOpen(rules), rules, now), "Rejected")
    const closed = Machine.close(halfOpen(rules), rules, now)
    assert.strictEqual(Claims.withoutTicket(rejected, closed, rules, now), "Decided")
    assert.strictEqual(Claims.withoutTicket(rejected, ManualControl.disable(closed), rules, now), "Decided")
  })

  it("goes by what holds while nobody can be asked", () => {
    assert.strictEqual(Claims.withoutTicket(undefined, halfOpen(rules), rules, now), "Unanswered")
  })
})
