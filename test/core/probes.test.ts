/** Probes: how they are settled, and how they change the circuit. */
import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import type { AnyCircuit, Tagged } from "./circuits.ts"
import {
  admitted,
  failure,
  frozen,
  halfOpen,
  ignored,
  inState,
  interrupted,
  isolated,
  openMillis,
  probe,
  probeTimeoutMillis,
  probing,
  recovery,
  rulesWith,
  slowRules,
  success
} from "./circuits.ts"

const recoveringRules = rulesWith({ recovery })

describe("settle while HalfOpen", () => {
  it("R3.2.3 the last success closes, with an empty window and the backoff kept", () => {
    const two = rulesWith({ probes: 2 })
    const once = probe(halfOpen(two, 4), two, success(openMillis))
    assert.strictEqual(inState(once, "HalfOpen").succeeded, 1)
    assert.strictEqual(once.generation, 2)
    assert.strictEqual(probing(once, two, openMillis), 0)
    const twice = inState(probe(once, two, success(openMillis + 5)), "Closed")
    assert.strictEqual(twice.generation, 3)
    assert.strictEqual(twice.openings, 4)
    assert.strictEqual(twice.openMillis, openMillis)
    assert.deepStrictEqual(Circuit.counts(twice, two, openMillis), { calls: 0, failures: 0, slow: 0 })
    assert.strictEqual(Circuit.nextOpening(twice, 2 * openMillis + 4), 5)
    assert.strictEqual(Circuit.nextOpening(twice, 2 * openMillis + 5), 1)
  })

  it("R3.2.9 with a recovery, the last success starts it", () => {
    const circuit = inState(probe(halfOpen(recoveringRules, 4), recoveringRules, success(1020)), "Recovering")
    assert.strictEqual(circuit.generation, 3)
    assert.strictEqual(circuit.openings, 4)
    assert.strictEqual(circuit.openMillis, openMillis)
    assert.strictEqual(Admission.share(circuit, recoveringRules, 1020), recovery.from)
    assert.deepStrictEqual(Circuit.counts(circuit, recoveringRules, 1020), { calls: 0, failures: 0, slow: 0 })
  })

  it("R3.2.3 failures count up to failuresToReopen, and keep earlier successes", () => {
    const lenient = rulesWith({ probes: 2, failuresToReopen: 2 })
    const succeeded = probe(halfOpen(lenient), lenient, success(openMillis))
    const failed = inState(probe(succeeded, lenient, failure(openMillis)), "HalfOpen")
    assert.strictEqual(failed.succeeded, 1)
    assert.strictEqual(failed.generation, 2)
    assert.strictEqual(probing(failed, lenient, openMillis), 0)
    assert.isUndefined(Circuit.trips(failed, lenient, openMillis))
    const again = probe(failed, lenient, failure(openMillis))
    assert.strictEqual(Circuit.trips(again, lenient, openMillis), "ProbeFailed")
    assert.strictEqual(probe(failed, lenient, success(openMillis))._tag, "Closed")
  })

  it("R3.2.4 an Ignored or interrupted probe gives its slot back and nothing else", () => {
    for (const call of [ignored(openMillis), interrupted(openMillis)]) {
      const two = rulesWith({ probes: 2 })
      const [, beside] = admitted(halfOpen(two), two, openMillis)
      const after = inState(probe(beside, two, call), "HalfOpen")
      assert.strictEqual(probing(after, two, openMillis), 1)
      assert.strictEqual(after.succeeded, 0)
      assert.strictEqual(after.generation, 2)
      assert.isUndefined(Circuit.trips(after, two, openMillis))
    }
  })

  it("each settlement frees the slot of its own ticket", () => {
    const two = rulesWith({ probes: 2, failuresToReopen: 9 })
    const [first, one] = admitted(halfOpen(two), two, openMillis)
    const [second, both] = admitted(one, two, openMillis + 100)
    const firstEnds = openMillis + probeTimeoutMillis
    for (const call of [failure, ignored]) {
      const withoutFirst = Circuit.settle(both, two, first, call(openMillis + 100))
      assert.strictEqual(probing(withoutFirst, two, firstEnds + 99), 1)
      const withoutSecond = Circuit.settle(both, two, second, call(openMillis + 100))
      assert.strictEqual(probing(withoutSecond, two, firstEnds - 1), 1)
      assert.strictEqual(probing(withoutSecond, two, firstEnds), 0)
    }
    const succeeded = Circuit.settle(both, two, second, success(openMillis + 100))
    assert.isTrue(Circuit.stillCounts(succeeded, two, first, openMillis + 100))
    assert.isFalse(Circuit.stillCounts(succeeded, two, second, openMillis + 100))
  })
})

describe("R3.2.11 a probe under a slow-call policy", () => {
  const end = (call: Call): Tagged<"HalfOpen"> => inState(probe(halfOpen(lenient), lenient, call), "HalfOpen")
  const lenient = { ...slowRules, probes: 2, failuresToReopen: 2 }

  it("has failed if it ran at least slowerThan, whether it succeeded, failed or was interrupted", () => {
    for (const slow of [success, failure, interrupted].flatMap((how) => [
      how(openMillis, 100),
      how(openMillis, 1e9)
    ])) {
      const after = end(slow)
      assert.strictEqual(after.failed, 1)
      assert.strictEqual(after.succeeded, 0)
      assert.strictEqual(probing(after, lenient, openMillis), 0)
      const reopens = { ...slowRules, failuresToReopen: 1 }
      assert.strictEqual(
        Circuit.trips(probe(halfOpen(reopens), reopens, slow), reopens, openMillis),
        "ProbeFailed"
      )
    }
  })

  it("is judged by its outcome if it was quicker", () => {
    assert.strictEqual(end(success(openMillis, 99.999)).succeeded, 1)
    assert.strictEqual(end(failure(openMillis, 99.999)).failed, 1)
    const gone = end(interrupted(openMillis, 99.999))
    assert.deepStrictEqual([gone.failed, gone.succeeded], [0, 0])
  })

  it("R3.2.4 gives its slot back if it is classified as Ignored, however slow", () => {
    const after = end(ignored(openMillis, 1e9))
    assert.deepStrictEqual([after.failed, after.succeeded], [0, 0])
    assert.strictEqual(probing(after, lenient, openMillis), 0)
  })

  it("is judged by its outcome alone under any other policy", () => {
    const two = rulesWith({ probes: 2 })
    assert.strictEqual(inState(probe(halfOpen(two), two, success(openMillis, 1e9)), "HalfOpen").succeeded, 1)
    const gone = inState(probe(halfOpen(two), two, interrupted(openMillis, 1e9)), "HalfOpen")
    assert.strictEqual(gone.failed, 0)
  })
})

describe("R3.1.8 a probe that has settled with its first chunk", () => {
  const two = rulesWith({ probes: 2 })

  /** The generation, and the circuit after a probe's success. */
  const succeededOnce = (): readonly [generation: number, circuit: AnyCircuit] => {
    const [ticket, taken] = admitted(halfOpen(two), two, openMillis)
    return [ticket.generation, frozen(Circuit.settle(taken, two, ticket, success(openMillis)))]
  }

  it("may still fail while its generation lasts, without a slot", () => {
    const [generation, circuit] = succeededOnce()
    const answered = { generation, slot: Circuit.answeredSlot }
    assert.isTrue(Circuit.stillCounts(circuit, two, answered, openMillis))
    assert.isTrue(Circuit.stillCounts(circuit, two, answered, openMillis + 10 * probeTimeoutMillis))
    const failed = inState(Circuit.settle(circuit, two, answered, failure(openMillis)), "HalfOpen")
    assert.deepStrictEqual([failed.succeeded, failed.failed], [1, 1])
    assert.strictEqual(Circuit.trips(failed, two, openMillis), "ProbeFailed")
  })

  it("R3.2.3 does not free the slots of other probes", () => {
    const [generation, circuit] = succeededOnce()
    const [other, taken] = admitted(circuit, two, openMillis)
    const answered = { generation, slot: Circuit.answeredSlot }
    const failed = Circuit.settle(taken, two, answered, failure(openMillis))
    assert.strictEqual(probing(failed, two, openMillis), 1)
    assert.isTrue(Circuit.stillCounts(failed, two, other, openMillis))
  })

  it("R3.2.6 changes nothing after it", () => {
    const [generation, circuit] = succeededOnce()
    const answered = { generation, slot: Circuit.answeredSlot }
    const closed = probe(circuit, two, success(openMillis))
    assert.strictEqual(closed._tag, "Closed")
    const later = [
      closed,
      Circuit.open(circuit, generation, { openings: 2, openMillis, openedAt: openMillis }),
      isolated(circuit)
    ]
    for (const circuit of later) assert.isFalse(Circuit.stillCounts(circuit, two, answered, openMillis))
  })
})
