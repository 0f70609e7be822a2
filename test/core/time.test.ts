/** Changes by the passing of time alone, and how a reader sees them. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import { failureCount } from "../../src/internal/core/policies/failureCount.ts"
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
  inState,
  isolated,
  opened,
  openMillis,
  probeTimeoutMillis,
  probing,
  recovering,
  recovery,
  rulesWith,
  success
} from "./circuits.ts"

const rules = rulesWith()
const recoveringRules = rulesWith({ recovery })
const recoveredAt = openMillis + recovery.durationMillis

describe("at", () => {
  it("a circuit begins Closed and empty, in generation 0, without a backoff", () => {
    const circuit = closed(rules)
    assert.strictEqual(circuit.generation, 0)
    assert.strictEqual(circuit.openings, 0)
    assert.deepStrictEqual(Circuit.counts(circuit, rules, 0), { calls: 0, failures: 0, slow: 0 })
    // it was never open, so it need not stay closed for any time
    assert.strictEqual(Circuit.nextOpening(circuit, 0), 1)
  })

  it("R3.2.2 Open is HalfOpen at exactly openedAt + openMillis, and no millisecond earlier", () => {
    const circuit = opened(rules, 70, 3)
    for (const now of [70, 71, 70 + openMillis - 1, 70 + openMillis - 0.000_001]) {
      assert.strictEqual(Circuit.at(circuit, rules, now), circuit)
    }
    for (const now of [70 + openMillis, 70 + openMillis + 0.000_001, 1e12]) {
      const seen = inState(Circuit.at(circuit, rules, now), "HalfOpen")
      assert.strictEqual(seen.generation, circuit.generation + 1)
      assert.strictEqual(seen.openings, 3)
      assert.strictEqual(seen.openMillis, openMillis)
      assert.strictEqual(seen.succeeded, 0)
      assert.strictEqual(probing(seen, rules, now), 0)
    }
  })

  it("Closed, Isolated and Disabled stay as they are", () => {
    const open = opened(rules)
    for (const circuit of [closed(rules), isolated(closed(rules)), isolated(open), disabled(open)]) {
      assert.strictEqual(Circuit.at(circuit, rules, 1e12), circuit)
    }
  })

  it("R3.2.5 a slot is lost at exactly takenAt + probeTimeout", () => {
    const two = rulesWith({ probes: 2 })
    const [, first] = admitted(halfOpen(two), two, openMillis)
    const [, both] = admitted(first, two, openMillis + 100)
    const firstEnds = openMillis + probeTimeoutMillis
    assert.strictEqual(Circuit.at(both, two, firstEnds - 0.001), both)
    assert.strictEqual(probing(both, two, firstEnds - 0.001), 2)
    assert.strictEqual(probing(both, two, firstEnds), 1)
    assert.strictEqual(probing(both, two, firstEnds + 99.999), 1)
    assert.strictEqual(probing(both, two, firstEnds + 100), 0)
    const seen = inState(Circuit.at(both, two, firstEnds), "HalfOpen")
    assert.strictEqual(seen.generation, both.generation)
    assert.strictEqual(seen.openings, both.openings)
  })

  it("Recovering is Closed from exactly startedAt + duration on, with an empty window", () => {
    const circuit = Circuit.settle(
      recovering(recoveringRules, 2),
      recoveringRules,
      { generation: 3, slot: 0 },
      failure(openMillis + 600)
    )
    assert.strictEqual(Circuit.at(circuit, recoveringRules, recoveredAt - 0.001), circuit)
    assert.strictEqual(Circuit.counts(circuit, recoveringRules, recoveredAt - 0.001).failures, 1)
    for (const now of [recoveredAt, recoveredAt + 5000]) {
      const seen = inState(Circuit.at(circuit, recoveringRules, now), "Closed")
      assert.strictEqual(seen.generation, 4)
      assert.strictEqual(seen.openings, 2)
      assert.deepStrictEqual(Circuit.counts(circuit, recoveringRules, now), {
        calls: 0,
        failures: 0,
        slow: 0
      })
      // the time as Closed is counted from there, not from the first read
      assert.strictEqual(Circuit.nextOpening(seen, recoveredAt + openMillis - 0.001), 3)
      assert.strictEqual(Circuit.nextOpening(seen, recoveredAt + openMillis), 1)
    }
  })
})

describe("share", () => {
  it("R3.2.9 grows linearly from `from` to 1", () => {
    const circuit = recovering(recoveringRules)
    const shareAfter = (millis: number) => Admission.share(circuit, recoveringRules, openMillis + millis)
    assert.strictEqual(shareAfter(0), 0.25)
    assert.strictEqual(shareAfter(400), 0.625)
    assert.strictEqual(shareAfter(200), 0.4375)
    assert.strictEqual(shareAfter(800), 1)
  })

  it("is always 1 if `from` is 1", () => {
    const all = rulesWith({ recovery: { durationMillis: 800, from: 1 } })
    assert.strictEqual(Admission.share(recovering(all), all, openMillis), 1)
    assert.strictEqual(Admission.share(recovering(all), all, openMillis + 400), 1)
  })
})

describe("counts", () => {
  it("a state without a window counts nothing", () => {
    const failed = Circuit.settle(closed(rules), rules, { generation: 0, slot: 0 }, failure())
    assert.deepStrictEqual(Circuit.counts(failed, rules, 0), { calls: 1, failures: 1, slow: 0 })
    const none = { calls: 0, failures: 0, slow: 0 }
    for (const circuit of [opened(rules), halfOpen(rules), isolated(failed), disabled(failed)]) {
      assert.deepStrictEqual(Circuit.counts(circuit, rules, openMillis), none)
    }
  })

  it("Recovering counts at the given time", () => {
    const timed = rulesWith({ recovery, policy: failureCount(9, 100) })
    const ticket = { generation: 3, slot: 0 }
    const circuit = Circuit.settle(recovering(timed), timed, ticket, failure(openMillis + 10))
    assert.strictEqual(Circuit.counts(circuit, timed, openMillis + 109).failures, 1)
    assert.strictEqual(Circuit.counts(circuit, timed, openMillis + 110).failures, 0)
    const inClosed = Circuit.settle(closed(timed), timed, { generation: 0, slot: 0 }, failure(10))
    assert.strictEqual(Circuit.counts(inClosed, timed, 109).failures, 1)
    assert.strictEqual(Circuit.counts(inClosed, timed, 110).failures, 0)
  })
})

describe("readyInMillis", () => {
  it("Closed and Disabled are ready, Isolated never is", () => {
    assert.strictEqual(Admission.readyInMillis(closed(rules), rules, 5), 0)
    assert.strictEqual(Admission.readyInMillis(disabled(opened(rules)), rules, 5), 0)
    assert.strictEqual(Admission.readyInMillis(isolated(closed(rules)), rules, 5), Infinity)
  })

  it("Open is ready when its open time has passed", () => {
    const circuit = opened(rules, 70)
    assert.strictEqual(Admission.readyInMillis(circuit, rules, 70), openMillis)
    assert.strictEqual(Admission.readyInMillis(circuit, rules, 270), openMillis - 200)
    assert.strictEqual(Admission.readyInMillis(circuit, rules, 69.5 + openMillis), 0.5)
    assert.strictEqual(Admission.readyInMillis(circuit, rules, 70 + openMillis), 0)
    assert.strictEqual(Admission.readyInMillis(circuit, rules, 1e9), 0)
  })

  it("HalfOpen is ready with a free slot, else when the first lease ends", () => {
    const two = rulesWith({ probes: 2 })
    const [, first] = admitted(halfOpen(two), two, openMillis)
    assert.strictEqual(Admission.readyInMillis(halfOpen(two), two, openMillis), 0)
    assert.strictEqual(Admission.readyInMillis(first, two, openMillis), 0)
    const [, both] = admitted(first, two, openMillis + 100)
    assert.strictEqual(Admission.readyInMillis(both, two, openMillis + 100), probeTimeoutMillis - 100)
    assert.strictEqual(Admission.readyInMillis(both, two, openMillis + probeTimeoutMillis - 1), 1)
    assert.strictEqual(Admission.readyInMillis(both, two, openMillis + probeTimeoutMillis), 0)
  })

  it("HalfOpen waits for the one probe that may still close it", () => {
    const two = rulesWith({ probes: 2 })
    const [ticket, first] = admitted(halfOpen(two), two, openMillis)
    const succeeded = Circuit.settle(first, two, ticket, success(openMillis))
    assert.strictEqual(Admission.readyInMillis(succeeded, two, openMillis), 0)
    const [, last] = admitted(succeeded, two, openMillis + 50)
    assert.strictEqual(Admission.readyInMillis(last, two, openMillis + 60), probeTimeoutMillis - 10)
  })

  it("Recovering is ready when the share has grown enough for one more call", () => {
    // the first of 1 needs a share of 1, the second of 2 a half
    const circuit = recovering(recoveringRules)
    assert.strictEqual(Admission.readyInMillis(circuit, recoveringRules, openMillis), 800)
    const [, once] = Admission.admit(circuit, recoveringRules, openMillis)
    assert.closeTo(Admission.readyInMillis(once, recoveringRules, openMillis), 800 / 3, 1e-9)
    assert.closeTo(Admission.readyInMillis(once, recoveringRules, openMillis + 100), 500 / 3, 1e-9)
    assert.strictEqual(Admission.readyInMillis(once, recoveringRules, openMillis + 267), 0)
    assert.strictEqual(Admission.readyInMillis(once, recoveringRules, recoveredAt), 0)
    const all = rulesWith({ recovery: { durationMillis: 800, from: 1 } })
    assert.strictEqual(Admission.readyInMillis(recovering(all), all, openMillis), 0)
  })

  it("0 means that a call is admitted now, and a wait that it is admitted after the wait and not before", () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom("ask", "settle", "fail"), fc.integer({ min: 0, max: 130 })),
      { maxLength: 40 }
    )
    const allRules = [
      rules,
      rulesWith({ probes: 3, failuresToReopen: 2 }),
      recoveringRules,
      rulesWith({ recovery: { durationMillis: 1000, from: 0.1 } }),
      rulesWith({ recovery: { durationMillis: 300, from: 1 } })
    ]
    let waits = 0
    check(
      fc.property(fc.constantFrom<Rules>(...allRules), steps, (rules, steps) => {
        let circuit: AnyCircuit = opened(rules)
        let now = openMillis - 50
        const inFlight: Array<Circuit.Ticket> = []
        for (const [step, gap] of steps) {
          now += gap
          const wait = Admission.readyInMillis(circuit, rules, now)
          assert.strictEqual(wait <= 0, admits(circuit, rules, now))
          if (wait > 0) {
            waits++
            assert.isTrue(admits(circuit, rules, now + wait + 0.001))
            if (wait > 1) assert.isFalse(admits(circuit, rules, now + wait - 1))
          }
          const [decision, next]: Asked = Admission.admit(circuit, rules, now)
          if (step === "ask") {
            circuit = frozen(next)
            if (decision._tag === "Admitted") inFlight.push(decision.ticket)
            continue
          }
          const ticket = inFlight.shift()
          if (ticket === undefined || !Circuit.stillCounts(circuit, rules, ticket, now)) continue
          const call = step === "fail" && circuit._tag === "HalfOpen" ? failure(now) : success(now)
          circuit = frozen(Circuit.settle(circuit, rules, ticket, call))
        }
      }),
      300
    )
    assert.isAbove(waits, 400)
  })
})
