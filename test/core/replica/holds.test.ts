/** Isolations and disablings among nodes. */
import { assert, describe, it } from "@effect/vitest"
import { TestNode } from "./TestNode.ts"
import { leaseMillis, pair, settingsWith, settle, syncMillis } from "./fixtures.ts"

const none = { isolations: 0, disables: 0 }

/** `a` holds the circuit, and `b` has heard of it. */
const held = (control: "Isolate" | "Disable") => {
  const world = pair()
  world.a.control(control)
  settle(world.a, world.b)
  return world
}

describe("S15 an isolation, or disabling", () => {
  it("S15 is one for all nodes, and lasts until the last one ends", () => {
    for (const [begin, end, tag] of [
      ["Isolate", "Release", "Isolated"],
      ["Disable", "Enable", "Disabled"]
    ] as const) {
      const { a, b } = held(begin)
      assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], [tag, tag])
      b.control(begin)
      settle(a, b)
      a.control(end)
      settle(a, b)
      assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], [tag, tag])
      b.control(end)
      settle(a, b)
      assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
      assert.deepStrictEqual(
        [a, b].map((it) => it.replica.ownHolds),
        [none, none]
      )
    }
  })

  it("S15 counts each time that a node begins it", () => {
    const { a, b } = held("Isolate")
    a.control("Isolate")
    settle(a, b)
    assert.strictEqual(b.as("Isolated").holders, 2)
    a.control("Release")
    settle(a, b)
    assert.strictEqual(b.as("Isolated").holders, 1)
    assert.deepStrictEqual(a.replica.ownHolds, { isolations: 1, disables: 0 })
  })

  it("S15 ends when its node has been silent for a lease", () => {
    for (const control of ["Isolate", "Disable"] as const) {
      const { b, store } = held(control)
      store.now += leaseMillis - 1
      b.exchange()
      assert.notStrictEqual(b.circuit._tag, "Closed")
      store.now += 1
      b.exchange()
      assert.strictEqual(b.circuit._tag, "Closed")
    }
  })

  it("S15 does not end while its node is heard of", () => {
    const { a, b, store } = held("Isolate")
    for (let i = 0; i < 5; i++) {
      store.now += leaseMillis - 1
      a.exchange()
      b.exchange()
    }
    assert.strictEqual(b.circuit._tag, "Isolated")
  })

  it("S15 of a living node stays, if only another one is silent", () => {
    const { a, b, store } = held("Isolate")
    b.control("Disable")
    settle(a, b)
    store.now += leaseMillis
    b.exchange()
    assert.deepStrictEqual([b.circuit._tag, b.as("Disabled").disablers], ["Disabled", 1])
  })

  it("S15 begins again if the others took its node for dead", () => {
    const { a, b, store } = held("Isolate")
    store.now += leaseMillis
    b.exchange()
    b.control("Trip")
    settle(b)
    assert.strictEqual(b.circuit._tag, "Open")
    a.hear()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Isolated", "Isolated"])
    assert.deepStrictEqual(a.transitions, [])
    assert.strictEqual(a.epoch, b.epoch)
  })

  it("S15 does not end at its node while the store cannot be told of another's change", () => {
    const { a, b, store } = held("Disable")
    store.now += leaseMillis
    b.exchange()
    b.fail(2)
    settle(b)
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Disabled", "Disabled"])
    assert.deepStrictEqual(a.transitions, [])
  })

  it("S15 begun in an outage holds for all after it", () => {
    const { a, b } = pair()
    a.loseStore()
    a.control("Isolate")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.strictEqual(b.circuit._tag, "Isolated")
    assert.deepStrictEqual(a.replica.followed.shared.isolators, { a: 1 })
  })

  it("S15 that ended in an outage ends for all after it", () => {
    const { a, b } = held("Isolate")
    a.loseStore()
    a.control("Release")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S15 a node that does not isolate the circuit gives back no isolation of an outage", () => {
    const { a, b } = held("Isolate")
    b.loseStore()
    b.control("Disable")
    b.control("Enable")
    a.control("Release")
    a.write()
    b.findStore()
    b.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S15 that another node holds is left to it by one that has come and gone in an outage", () => {
    for (const control of ["Isolate", "Disable"] as const) {
      const { b, store } = held(control)
      b.loseStore()
      b.control("Disable")
      b.control("Enable")
      b.findStore()
      b.exchange()
      assert.deepStrictEqual([b.standing, b.writes, store.changes.length], ["InSync", [], 1])
    }
  })

  it("S15 a circuit that is held is exchanged once an interval", () => {
    const { a } = held("Isolate")
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
    assert.isTrue(a.ask().question.renew)
  })
})

describe("S15 a reset", () => {
  it("S15 ends the isolations of all nodes", () => {
    const { a, b } = held("Isolate")
    b.control("Reset")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.strictEqual(a.replica.ownHolds.isolations, 0)
    assert.isFalse(a.ask().question.renew)
  })

  it("S15 ends no disabling", () => {
    const { a, b } = held("Disable")
    b.control("Reset")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Disabled", "Disabled"])
    assert.strictEqual(a.replica.ownHolds.disables, 1)
  })

  it("S15 ends the isolations of its own node, also in an outage", () => {
    const { a, b } = held("Isolate")
    a.loseStore()
    a.control("Reset")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.strictEqual(a.replica.ownHolds.isolations, 0)
  })

  it("S15 an isolation that begins after it is another one", () => {
    const { a, b } = held("Isolate")
    b.control("Reset")
    b.write()
    b.control("Isolate")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Isolated", "Isolated"])
    assert.deepStrictEqual(a.replica.followed.shared.isolators, { b: 1 })
  })

  it("S15 of which a new node hears does not concern its isolations", () => {
    const { a, store } = pair()
    a.control("Reset")
    a.write()
    const late = new TestNode(store, settingsWith({ node: "late" }))
    late.loseStore()
    late.control("Isolate")
    late.findStore()
    late.exchange()
    late.write()
    assert.strictEqual(late.circuit._tag, "Isolated")
    assert.strictEqual(late.replica.ownHolds.isolations, 1)
  })
})
