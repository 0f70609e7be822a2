/** Isolations and disablings of several nodes. */
import { assert, describe, it } from "@effect/vitest"
import { TestNode } from "./TestNode.ts"
import { leaseMillis, pair, settingsWith, settle, syncMillis } from "./fixtures.ts"

const none = { isolations: 0, disablings: 0 }

/** `a` holds the circuit, and `b` has received the change. */
const held = (control: "Isolate" | "Disable") => {
  const world = pair()
  world.a.control(control)
  settle(world.a, world.b)
  return world
}

describe("S15 an isolation, or disabling", () => {
  it("S15 applies to all nodes, and lasts until the last hold ends", () => {
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

  it("S15 is counted for each time that a node begins it", () => {
    const { a, b } = held("Isolate")
    a.control("Isolate")
    settle(a, b)
    assert.strictEqual(b.as("Isolated").holders, 2)
    a.control("Release")
    settle(a, b)
    assert.strictEqual(b.as("Isolated").holders, 1)
    assert.deepStrictEqual(a.replica.ownHolds, { isolations: 1, disablings: 0 })
  })

  it("S15 of which a reset elsewhere has ended one of two is not released more often than it is held", () => {
    const { a, b } = held("Isolate")
    b.control("Reset")
    b.write()
    a.control("Isolate")
    settle(a, b)
    b.control("Isolate")
    settle(a, b)
    for (const _ of [1, 2]) a.control("Release")
    assert.deepStrictEqual(a.replica.ownHolds, none)
    settle(a, b)
    assert.strictEqual(b.as("Isolated").holders, 1)
    b.control("Release")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S15 ends when its node's lease expires", () => {
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

  it("S15 does not end while its node renews its lease", () => {
    const { a, b, store } = held("Isolate")
    for (let i = 0; i < 5; i++) {
      store.now += leaseMillis - 1
      a.exchange()
      b.exchange()
    }
    assert.strictEqual(b.circuit._tag, "Isolated")
  })

  it("S15 of a live node remains when another node's lease expires", () => {
    const { a, b, store } = held("Isolate")
    b.control("Disable")
    settle(a, b)
    store.now += leaseMillis
    b.exchange()
    assert.deepStrictEqual([b.circuit._tag, b.as("Disabled").disablers], ["Disabled", 1])
  })

  it("S15 is set again by its node if the lease had expired for the other nodes", () => {
    const { a, b, store } = held("Isolate")
    store.now += leaseMillis
    b.exchange()
    b.control("Trip")
    settle(b)
    assert.strictEqual(b.circuit._tag, "Open")
    a.receiveChange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Isolated", "Isolated"])
    assert.deepStrictEqual(a.transitions, [])
    assert.strictEqual(a.epoch, b.epoch)
  })

  it("S15 does not end on its node when another node writes a change after the lease has expired", () => {
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

  it("S15 that begins in an outage applies to all nodes after it", () => {
    const { a, b } = pair()
    a.loseStore()
    a.control("Isolate")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.strictEqual(b.circuit._tag, "Isolated")
    assert.deepStrictEqual(a.replica.followed.shared.isolators, { a: 1 })
  })

  it("S15 that ends in an outage ends for all nodes after it", () => {
    const { a, b } = held("Isolate")
    a.loseStore()
    a.control("Release")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S15 a node without an isolation restores no other node's isolation after an outage", () => {
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

  it("S15 of another node is unchanged by a hold that began and ended during an outage", () => {
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

  it("S15 a circuit with a hold is exchanged once per interval", () => {
    const { a } = held("Isolate")
    a.exchange()
    assert.strictEqual(a.dueAt, a.now + syncMillis)
    assert.isTrue(a.ask().request.renew)
  })
})

describe("S15 a reset", () => {
  it("S15 ends the isolations of all nodes", () => {
    const { a, b } = held("Isolate")
    b.control("Reset")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.strictEqual(a.replica.ownHolds.isolations, 0)
    assert.isFalse(a.ask().request.renew)
  })

  it("S15 does not end a disabling", () => {
    const { a, b } = held("Disable")
    b.control("Reset")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Disabled", "Disabled"])
    assert.strictEqual(a.replica.ownHolds.disablings, 1)
  })

  it("S15 ends its own node's isolations also during an outage", () => {
    const { a, b } = held("Isolate")
    a.loseStore()
    a.control("Reset")
    a.findStore()
    a.exchange()
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
    assert.strictEqual(a.replica.ownHolds.isolations, 0)
  })

  it("S15 does not end an isolation that begins after it", () => {
    const { a, b } = held("Isolate")
    b.control("Reset")
    b.write()
    b.control("Isolate")
    settle(a, b)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Isolated", "Isolated"])
    assert.deepStrictEqual(a.replica.followed.shared.isolators, { b: 1 })
  })

  it("S15 restored by another node after a loss begins no isolation again that its node has released", () => {
    const { a, b, store } = pair()
    b.control("Reset")
    settle(a, b)
    a.control("Isolate")
    settle(a, b)
    store.forget()
    a.control("Release")
    a.write()
    assert.strictEqual(a.replica.followed.shared.resets, 0)
    b.exchange()
    settle(b, a)
    assert.deepStrictEqual(a.replica.ownHolds, none)
    assert.deepStrictEqual([a.circuit._tag, b.circuit._tag], ["Closed", "Closed"])
  })

  it("S15 does not end the isolations of a node that first sees the circuit after it", () => {
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
