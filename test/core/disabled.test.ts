/** Disabled circuits, with and without isolations. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import { check } from "./check.ts"
import type { AnyCircuit, Tagged } from "./circuits.ts"
import {
  admitted,
  closed,
  disabled,
  everyState,
  everyStateDisabled,
  frozen,
  halfOpen,
  inState,
  isolated,
  opened,
  openMillis,
  probing,
  rulesWith
} from "./circuits.ts"

const rules = rulesWith()

/** The circuit after a control that only changes the number of disablings under an isolation. */
const isolatedAs = (before: AnyCircuit, after: AnyCircuit): Tagged<"Isolated"> => {
  const next = inState(after, "Isolated")
  assert.deepStrictEqual({ ...next, disablers: 0 }, { ...inState(before, "Isolated"), disablers: 0 })
  return next
}

describe("disable and enable", () => {
  it("R3.3 disables any state but Isolated, and the last enable closes it with its backoff kept", () => {
    for (const circuit of everyState(4).slice(0, -1)) {
      const held = inState(ManualControl.disable(circuit), "Disabled")
      assert.strictEqual(held.generation, circuit.generation + 1)
      assert.strictEqual(held.openings, 4)
      assert.strictEqual(held.openMillis, openMillis)
      const next = inState(ManualControl.enable(held, rules, 5000), "Closed")
      assert.strictEqual(next.generation, held.generation + 1)
      assert.strictEqual(next.openings, 4)
      assert.deepStrictEqual(Circuit.counts(next, rules, 5000), { calls: 0, failures: 0, slow: 0 })
      assert.strictEqual(Circuit.nextOpening(next, 5000 + openMillis - 1), 5)
      assert.strictEqual(Circuit.nextOpening(next, 5000 + openMillis), 1)
    }
  })

  it("R3.3 disables nest, in any number", () => {
    const first = disabled(closed(rules))
    let circuit: AnyCircuit = first
    for (let more = 0; more < 3; more++) circuit = frozen(ManualControl.disable(circuit))
    for (let left = 3; left > 0; left--) {
      assert.deepStrictEqual(circuit, { ...first, disablers: left + 1 })
      circuit = frozen(ManualControl.enable(circuit, rules, 5))
    }
    assert.deepStrictEqual(circuit, first)
    circuit = ManualControl.enable(circuit, rules, 5)
    assert.strictEqual(circuit._tag, "Closed")
    assert.strictEqual(circuit.generation, first.generation + 1)
  })

  it("R3.3 an isolation outranks a disabling, and ends in Disabled", () => {
    const before = frozen(ManualControl.disable(disabled(opened(rules, 0, 4))))
    const over = isolated(before)
    assert.strictEqual(over.generation, before.generation + 1)
    assert.strictEqual(ManualControl.disablersOf(over), 2)
    const nested = isolated(over)
    assert.strictEqual(ManualControl.release(nested, rules, nested.since, 5)._tag, "Isolated")
    const after = inState(ManualControl.release(over, rules, over.since, 5), "Disabled")
    assert.deepStrictEqual(after, { ...inState(before, "Disabled"), generation: over.generation + 1 })
    const once = inState(ManualControl.enable(after, rules, 6), "Disabled")
    assert.strictEqual(ManualControl.enable(once, rules, 6)._tag, "Closed")
  })

  it("R3.3 an Isolated circuit that is disabled stays Isolated, and is Disabled after the release", () => {
    const held = isolated(opened(rules, 0, 4))
    let circuit: AnyCircuit = held
    for (let more = 1; more <= 2; more++) {
      circuit = isolatedAs(circuit, ManualControl.disable(circuit))
      assert.strictEqual(ManualControl.disablersOf(circuit), more)
    }
    const after = inState(ManualControl.release(circuit, rules, held.since, 5), "Disabled")
    assert.strictEqual(after.generation, held.generation + 1)
    assert.strictEqual(after.openings, 4)
    assert.strictEqual(after.openMillis, openMillis)
    assert.strictEqual(after.disablers, 2)
  })

  it("R3.3 an enable during an isolation leaves the circuit Isolated, and Closed after the release", () => {
    const held = isolated(ManualControl.disable(disabled(closed(rules))))
    const once = isolatedAs(held, ManualControl.enable(held, rules, 5))
    assert.strictEqual(once.disablers, 1)
    const none = isolatedAs(held, ManualControl.enable(once, rules, 5))
    assert.strictEqual(none.disablers, 0)
    assert.strictEqual(ManualControl.enable(none, rules, 5), none)
    assert.strictEqual(ManualControl.release(none, rules, held.since, 5)._tag, "Closed")
  })

  it("R3.3 reset ends an isolation and the backoff, but a disabled circuit stays Disabled", () => {
    for (const circuit of everyStateDisabled(4)) {
      const next = inState(frozen(ManualControl.reset(circuit, rules, 2000)), "Disabled")
      assert.strictEqual(next.generation, circuit.generation + 1)
      assert.strictEqual(next.openings, 0)
      assert.strictEqual(next.openMillis, 0)
      assert.strictEqual(next.disablers, 1)
      assert.strictEqual(ManualControl.release(next, rules, circuit.generation, 2000), next)
      const enabled = inState(ManualControl.enable(next, rules, 2000), "Closed")
      assert.strictEqual(Circuit.nextOpening(enabled, 2000), 1)
    }
  })

  it("R3.3 an enable of a circuit that is not disabled does nothing", () => {
    for (const circuit of everyState(1)) assert.strictEqual(ManualControl.enable(circuit, rules, 6), circuit)
  })

  it("R3.3 a release does nothing to a Disabled circuit", () => {
    for (const circuit of everyStateDisabled(1).slice(0, -1)) {
      for (const since of [circuit.generation, NaN])
        assert.strictEqual(ManualControl.release(circuit, rules, since, 6), circuit)
    }
  })

  it("every state has its number of disablings", () => {
    for (const circuit of everyState(1)) assert.strictEqual(ManualControl.disablersOf(circuit), 0)
    for (const circuit of everyStateDisabled(1)) assert.strictEqual(ManualControl.disablersOf(circuit), 1)
    assert.strictEqual(ManualControl.disablersOf(isolated(disabled(closed(rules)))), 1)
  })

  it("R3.2.4 an earlier probe leaves nothing behind", () => {
    const [ticket, taken] = admitted(halfOpen(rules), rules, openMillis)
    const held = disabled(taken)
    assert.isFalse(Circuit.stillCounts(held, rules, ticket, openMillis))
    assert.strictEqual(probing(ManualControl.enable(held, rules, openMillis), rules, openMillis), 0)
  })
})

describe("holds of both kinds, in any order", () => {
  type Action = "isolate" | "release" | "disable" | "enable" | "reset"
  const actions = fc.array(
    fc.record({
      action: fc.constantFrom<Action>(
        "isolate",
        "isolate",
        "release",
        "release",
        "disable",
        "enable",
        "reset"
      ),
      pick: fc.nat(5)
    }),
    { maxLength: 30 }
  )

  it("R3.3 a circuit is Isolated while there is an isolation, else Disabled while there is a disabling, else Closed", () => {
    check(
      fc.property(actions, (history) => {
        let circuit: AnyCircuit = opened(rules, 0, 3)
        const isolations: Array<number> = []
        let disables = 0
        const stale: Array<number> = []
        for (const { action, pick } of history) {
          const before: AnyCircuit = circuit
          switch (action) {
            case "isolate": {
              const next: Circuit.Isolated = ManualControl.isolate(circuit)
              isolations.push(next.since)
              circuit = next
              break
            }
            case "release": {
              const holds = pick % 2 === 0 ? isolations : stale
              const [since] = holds.splice(pick % holds.length, 1)
              if (since !== undefined) circuit = ManualControl.release(circuit, rules, since, 5)
              break
            }
            case "disable":
              circuit = ManualControl.disable(circuit)
              disables++
              break
            case "enable":
              circuit = ManualControl.enable(circuit, rules, 5)
              disables = Math.max(0, disables - 1)
              break
            case "reset":
              stale.push(...isolations.splice(0))
              circuit = ManualControl.reset(circuit, rules, 5)
          }
          frozen(circuit)
          const held = isolations.length > 0 ? "Isolated" : disables > 0 ? "Disabled" : undefined
          assert.strictEqual(circuit._tag, held ?? (circuit === before ? before._tag : "Closed"))
          assert.strictEqual(ManualControl.disablersOf(circuit), disables)
          const isNew = circuit._tag !== before._tag || action === "reset"
          assert.strictEqual(circuit.generation, before.generation + Number(isNew))
        }
      }),
      500
    )
  })
})
