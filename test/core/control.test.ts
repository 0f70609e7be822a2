/** Opening, and control by hand. */
import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Circuit from "../../src/internal/core/circuit.ts"
import * as ManualControl from "../../src/internal/core/manualControl.ts"
import type { AnyCircuit } from "./circuits.ts"
import {
  admitted,
  closed,
  everyState,
  everyStateDisabled,
  failure,
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

describe("nextOpening", () => {
  it("R3.2.7 is one more, until the circuit has stayed Closed as long as its last opening", () => {
    const [healed] = everyState(4)
    assert.strictEqual(Circuit.nextOpening(healed!, openMillis), 5)
    assert.strictEqual(Circuit.nextOpening(healed!, 2 * openMillis - 0.001), 5)
    assert.strictEqual(Circuit.nextOpening(healed!, 2 * openMillis), 1)
    assert.strictEqual(Circuit.nextOpening(healed!, 1e12), 1)
  })

  it("R3.2.7 is one more from any other state, however long it lasted", () => {
    for (const circuit of [...everyState(4).slice(1), ...everyStateDisabled(4)]) {
      assert.strictEqual(Circuit.nextOpening(circuit, 1e12), 5)
      assert.strictEqual(Circuit.nextOpening(circuit, 0), 5)
    }
  })

  it("the first is 1", () => {
    assert.strictEqual(Circuit.nextOpening(closed(rules), 0), 1)
    assert.strictEqual(Circuit.nextOpening(closed(rules), 1e9), 1)
  })
})

describe("open", () => {
  it("opens from any state, with the given length and number of the opening", () => {
    for (const circuit of everyState(4)) {
      const next = inState(
        Circuit.open(circuit, circuit.generation, { openings: 7, openMillis: 300, openedAt: 2000 }),
        "Open"
      )
      assert.strictEqual(next.generation, circuit.generation + 1)
      assert.strictEqual(next.openings, 7)
      assert.strictEqual(next.openMillis, 300)
      assert.strictEqual(Admission.readyInMillis(next, rules, 2000), 300)
    }
  })

  it("R3.2.1 does nothing if the generation has changed", () => {
    for (const circuit of everyState(4)) {
      for (const generation of [circuit.generation - 1, circuit.generation + 1, 0]) {
        assert.strictEqual(
          Circuit.open(circuit, generation, { openings: 7, openMillis: 300, openedAt: 2000 }),
          circuit
        )
      }
    }
  })
})

describe("restart", () => {
  it("R3.3 restarts the open time without a backoff step", () => {
    const circuit = opened(rules, 0, 4)
    const next = inState(ManualControl.restart(circuit, 600), "Open")
    assert.strictEqual(next.generation, circuit.generation + 1)
    assert.strictEqual(next.openings, 4)
    assert.strictEqual(next.openMillis, openMillis)
    assert.strictEqual(Admission.readyInMillis(next, rules, 600), openMillis)
  })
})

describe("reset", () => {
  it("R3.3 closes any state, with an empty window, no backoff and a new generation", () => {
    const failing = Circuit.settle(closed(rules), rules, { generation: 0, slot: 0 }, failure())
    for (const circuit of [...everyState(4), failing, closed(rules)]) {
      const next = inState(ManualControl.reset(circuit, rules, 2000), "Closed")
      assert.strictEqual(next.generation, circuit.generation + 1)
      assert.strictEqual(next.openings, 0)
      assert.strictEqual(next.openMillis, 0)
      assert.deepStrictEqual(Circuit.counts(next, rules, 2000), { calls: 0, failures: 0, slow: 0 })
      assert.strictEqual(Circuit.nextOpening(next, 2000), 1)
      // it is closed since the reset: what the next opening has to outlast begins there
      const reopened = Circuit.open(next, next.generation, { openings: 1, openMillis: 300, openedAt: 2000 })
      assert.strictEqual(Circuit.nextOpening(reopened, 1e9), 2)
    }
  })
})

describe("isolate and release", () => {
  it("R3.3 isolates any state, and the last release closes it with its backoff kept", () => {
    for (const circuit of everyState(4).slice(0, -1)) {
      const held = inState(ManualControl.isolate(circuit), "Isolated")
      assert.strictEqual(held.generation, circuit.generation + 1)
      assert.strictEqual(held.openings, 4)
      assert.strictEqual(held.openMillis, openMillis)
      assert.strictEqual(held.since, held.generation)
      const next = inState(ManualControl.release(held, rules, held.since, 5000), "Closed")
      assert.strictEqual(next.generation, held.generation + 1)
      assert.strictEqual(next.openings, 4)
      assert.deepStrictEqual(Circuit.counts(next, rules, 5000), { calls: 0, failures: 0, slow: 0 })
      assert.strictEqual(Circuit.nextOpening(next, 5000 + openMillis - 1), 5)
      assert.strictEqual(Circuit.nextOpening(next, 5000 + openMillis), 1)
    }
  })

  it("R3.3 isolations nest, in any number", () => {
    let circuit: AnyCircuit = isolated(closed(rules))
    const { generation, since } = isolated(closed(rules))
    for (let more = 0; more < 3; more++) {
      circuit = frozen(ManualControl.isolate(circuit))
      assert.strictEqual(circuit.generation, generation)
      assert.strictEqual(inState(circuit, "Isolated").since, since)
    }
    for (let left = 3; left > 0; left--) {
      circuit = frozen(ManualControl.release(circuit, rules, since, 5))
      assert.strictEqual(circuit._tag, "Isolated")
      assert.strictEqual(circuit.generation, generation)
    }
    circuit = ManualControl.release(circuit, rules, since, 5)
    assert.strictEqual(circuit._tag, "Closed")
    assert.strictEqual(circuit.generation, generation + 1)
  })

  it("R3.3 a release from before a reset does nothing, nor to a newer isolation", () => {
    const first = isolated(closed(rules))
    const reset = frozen(ManualControl.reset(first, rules, 5))
    assert.strictEqual(ManualControl.release(reset, rules, first.since, 6), reset)
    const second = isolated(reset)
    assert.notStrictEqual(second.since, first.since)
    assert.strictEqual(ManualControl.release(second, rules, first.since, 6), second)
    assert.strictEqual(ManualControl.release(second, rules, second.since, 6)._tag, "Closed")
    for (const circuit of everyState(1).slice(0, -1)) {
      assert.strictEqual(ManualControl.release(circuit, rules, circuit.generation, 6), circuit)
      assert.strictEqual(ManualControl.release(circuit, rules, first.since, 6), circuit)
    }
  })

  it("R3.2.4 an earlier probe leaves nothing behind", () => {
    const [, taken] = admitted(halfOpen(rules), rules, openMillis)
    const held = isolated(taken)
    assert.strictEqual(probing(held, rules, openMillis), 0)
    assert.strictEqual(
      probing(ManualControl.release(held, rules, held.since, openMillis), rules, openMillis),
      0
    )
  })
})
