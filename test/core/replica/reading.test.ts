/** Content in the store that a node cannot use. */
import { assert, describe, it } from "@effect/vitest"
import { decode } from "../../../src/internal/core/wire/state.ts"
import { TestNode } from "./TestNode.ts"
import { openPair, pair, settingsWith, settle, storedCircuit } from "./fixtures.ts"

/** `b` has other rules than `a`, which has opened the circuit. */
const underOtherRules = () => {
  const { a, store } = pair()
  a.fail(2)
  a.write()
  const b = new TestNode(store, settingsWith({ node: "b", rulesName: "other rules" }))
  return { a, b, store }
}

describe("S16 text that cannot be decoded", () => {
  it("S16 is reported and ignored", () => {
    const { a, store } = pair()
    Object.assign(store, { revision: "x", state: "nonsense" })
    a.exchange()
    assert.strictEqual(a.circuit._tag, "Closed")
    assert.deepStrictEqual(
      a.commanded("Report").map(({ message }) => message),
      ["The circuit store has a text that is not the state of a circuit, and it is ignored: it is no object"]
    )
  })

  it("S16 is replaced by the next change", () => {
    const { a, b, store } = pair()
    Object.assign(store, { revision: "x", state: "nonsense" })
    a.exchange()
    a.fail(2)
    settle(a, b)
    assert.strictEqual(decode(store.state, { ...a.settings, now: store.now })._tag, "State")
    assert.strictEqual(b.circuit._tag, "Open")
  })

  it("S16 is replaced also if only the write finds it", () => {
    const { a, b, store } = pair()
    Object.assign(store, { revision: "x", state: "nonsense" })
    a.fail(2)
    settle(a, b)
    assert.deepStrictEqual([a.standing, b.circuit._tag], ["InSync", "Open"])
    assert.strictEqual(a.commanded("Report").length, 1)
  })

  it("S16 is replaced by the state that a node knows", () => {
    const { a, b, store } = openPair()
    Object.assign(store, { revision: "x", state: "nonsense" })
    a.exchange()
    settle(a, b)
    assert.strictEqual(decode(store.state, { ...a.settings, now: store.now })._tag, "State")
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Open", "Open"])
  })

  it("S16 is reported and not followed if a notification contains it", () => {
    const { b, store } = openPair()
    b.receiveChange({ now: store.now, revision: "x", state: "nonsense" })
    assert.deepStrictEqual([b.circuit._tag, b.commanded("Report").length], ["Open", 1])
  })

  it("S16 a state under other rules is left alone if a notification contains it", () => {
    const { b, store } = underOtherRules()
    b.receiveChange(store.changes[0])
    assert.deepStrictEqual([b.circuit._tag, b.commanded("Report").length], ["Closed", 1])
  })

  it("S16 a malformed window is ignored", () => {
    const { a, b } = pair()
    b.fail()
    b.exchange()
    const asking = a.ask()
    a.receive(asking, { ...a.put(asking), window: { epoch: "now" } })
    a.fail()
    assert.strictEqual(a.circuit._tag, "Closed")
  })

  it("S16 a state under other rules is left alone, and reported", () => {
    const { b, store } = underOtherRules()
    const { state } = store
    b.exchange()
    b.fail(2)
    assert.strictEqual(b.circuit._tag, "Open")
    b.write()
    assert.strictEqual(store.state, state)
    assert.strictEqual(b.standing, "Diverged")
    assert.match(
      b.commanded("Report")[0]?.message ?? "",
      /^A circuit in the store is left alone, .* it is Open under the rules "rules", those of this breaker are other rules/
    )
  })

  it("S16 a node decides alone if it has to write its change over a state under other rules", () => {
    const { b, store } = underOtherRules()
    const asking = b.ask()
    const entry = b.put(asking)
    b.control("Isolate")
    b.receive(asking, entry)
    assert.deepStrictEqual([b.circuit._tag, b.standing], ["Isolated", "Diverged"])
    assert.strictEqual(store.changes.length, 1)
  })

  it("S16 a write refused by a state under other rules is repeated if a later state is known", () => {
    const { a, store } = pair()
    const b = new TestNode(store, settingsWith({ node: "b", rulesName: "other rules" }))
    b.exchange()
    a.fail(2)
    a.write()
    b.control("Isolate")
    const refused = b.sendWrite()
    store.now += 1
    a.control("Reset")
    a.write()
    b.receiveChange()
    b.take({ _tag: "Written", ...refused })
    assert.deepStrictEqual([b.standing, b.commanded("Report")], ["Writing", []])
    settle(b)
    assert.deepStrictEqual([b.standing, b.circuit._tag, storedCircuit(b).resets], ["InSync", "Isolated", 1])
  })

  it("S16 a Closed circuit is shared by nodes under any rules", () => {
    const { a, b } = underOtherRules()
    a.control("Reset")
    a.write()
    b.exchange()
    b.fail(2)
    b.write()
    assert.strictEqual(b.standing, "InSync")
  })
})
