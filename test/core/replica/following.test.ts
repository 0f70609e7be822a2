/** A node's own circuit follows the shared one. */
import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/internal/core/circuit.ts"
import { follow } from "../../../src/internal/core/replica/following.ts"
import type { Progress } from "../../../src/internal/core/replica/progress.ts"
import type { Replica } from "../../../src/internal/core/replica/replica.ts"
import * as Steps from "../../../src/internal/core/replica/progress.ts"
import { shift, storedCircuit } from "../../../src/internal/core/replica/shared.ts"
import type { SharedCircuit } from "../../../src/internal/core/wire/state.ts"
import type { AnyCircuit } from "../circuits.ts"
import {
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
  recovering,
  recovery
} from "../circuits.ts"
import { settingsWith, sharedWith } from "./fixtures.ts"
import { TestNode } from "./TestNode.ts"
import { VirtualStore } from "./VirtualStore.ts"

const settings = settingsWith({ rules: { recovery, probes: 2 } })
const { rules } = settings
const clockOffset = 5_000
/** The generation of the shared circuit minus that of the node's own. */
const generationOffset = 100

interface Case {
  /** The node's own circuit. */
  readonly here: AnyCircuit
  /** The shared one, in the node's generations and time; and the one that the node followed before, by default its own. */
  readonly there: AnyCircuit
  readonly before?: AnyCircuit
  readonly holdings?: Partial<SharedCircuit>
  readonly replica?: Partial<Replica>
  readonly isAhead?: boolean
  readonly revision?: string
  readonly now?: number
}

/** A circuit of the node as the store has it. */
const shared = (circuit: AnyCircuit): SharedCircuit =>
  sharedWith(settings, { ...shift(circuit, clockOffset), generation: circuit.generation + generationOffset })

const { replica: initial } = new TestNode(new VirtualStore(), settings)

const followed = ({ before, here, holdings, isAhead = false, there, ...given }: Case): Progress => {
  const replica: Replica = {
    ...initial,
    generationOffset,
    isUnknown: false,
    followed: storedCircuit("known", shared(before ?? here), 0),
    ...given.replica
  }
  const situation = {
    settings,
    now: given.now ?? 0,
    clockOffset,
    isTimeKnown: true,
    isListening: true,
    isFailing: false,
    answeringSince: -Infinity,
    revision: "next"
  }
  const known = storedCircuit(given.revision ?? "new", { ...shared(there), ...holdings }, 1)
  const step = follow(Steps.make(frozen(replica), frozen(here)), known, situation, isAhead)
  assert.strictEqual(step.replica.followed, known)
  return step
}

const later = <A extends AnyCircuit>(circuit: A, by = 1): A => ({
  ...circuit,
  generation: circuit.generation + by
})

/** A closed circuit whose window holds a failure. */
const counting = inState(
  Machine.settle(closed(rules), rules, { generation: 0, slot: 0 }, failure(0)),
  "Closed"
)

/** A circuit in each state. */
const states: ReadonlyArray<AnyCircuit> = [
  closed(rules),
  opened(rules),
  halfOpen(rules),
  recovering(rules),
  isolated(closed(rules)),
  disabled(closed(rules))
].map((circuit) => ({ ...circuit, generation: 1 }))

describe("S12 a revision that the node has followed", () => {
  const known = { revision: "known" }

  it("S12 changes nothing if the node's own circuit has reached the same state", () => {
    for (const [here, now] of [
      [counting, 0],
      [opened(rules), 0],
      [halfOpen(rules), openMillis],
      [isolated(closed(rules)), 0],
      [disabled(closed(rules)), 0]
    ] as const) {
      const step = followed({ ...known, here, there: here, now })
      assert.strictEqual(step.circuit, here)
      assert.deepStrictEqual(step.commands, [])
      assert.strictEqual(step.replica.generationOffset, generationOffset)
    }
  })

  it("S12 is followed again if the store has refused the node's own change", () => {
    const step = followed({
      ...known,
      here: later(opened(rules)),
      before: closed(rules),
      there: closed(rules),
      isAhead: true
    })
    assert.strictEqual(step.circuit._tag, "Closed")
  })

  it("S12 is followed again if the node's own circuit is in another state", () => {
    const there = opened(rules)
    const step = followed({ ...known, here: later(closed(rules), 2), before: there, there })
    assert.strictEqual(step.circuit._tag, "Open")
  })

  it("S12 is followed again from every state to every other", () => {
    for (const here of states) {
      for (const there of states.filter(({ _tag }) => _tag !== here._tag)) {
        const step = followed({ ...known, here, before: there, there, now: openMillis - 100 })
        assert.strictEqual(step.circuit._tag, there._tag)
      }
    }
  })

  it("S12 is followed again if the node's own circuit has another number of slots, holds or openings", () => {
    const [, taken] = admitted(halfOpen(rules), rules, openMillis)
    const twice = { ...isolated(closed(rules)), holders: 2 }
    const isolatedAndDisabled = { ...isolated(closed(rules)), disablers: 2 }
    const disabledTwice = { ...disabled(closed(rules)), disablers: 2 }
    for (const [here, there] of [
      [halfOpen(rules), taken],
      [isolated(closed(rules)), twice],
      [isolated(closed(rules)), isolatedAndDisabled],
      [disabled(closed(rules)), disabledTwice],
      [{ ...isolated(closed(rules)), openings: 1 }, isolated(closed(rules))],
      [{ ...disabled(closed(rules)), openings: 1 }, disabled(closed(rules))]
    ] as const) {
      const step = followed({ ...known, here, there, now: openMillis })
      assert.deepStrictEqual(step.circuit, there)
      assert.strictEqual(step.commands.length, 1)
    }
  })
})

describe("S12 a newer revision", () => {
  it("S12 with another state is a transition, with its reason, in the node's time", () => {
    const there = opened(rules, 30)
    const step = followed({ here: closed(rules), there, holdings: { reason: "ProbeFailed" }, now: 40 })
    assert.deepStrictEqual(step.commands, [
      { _tag: "Change", circuit: there, reason: "ProbeFailed", origin: "Fleet" }
    ])
    assert.strictEqual(step.circuit.generation, 1)
    assert.strictEqual(step.replica.generationOffset, generationOffset)
  })

  it("S12 is followed as an opening, even if that has ended before the node knows it", () => {
    const there = opened(rules)
    const step = followed({ here: closed(rules), there, now: openMillis + 5 })
    assert.deepStrictEqual(step.circuit, there)
  })

  it("S12 that is several changes later is one transition, and the generation offset grows by the rest", () => {
    const step = followed({ here: closed(rules), there: later(opened(rules), 4) })
    assert.strictEqual(step.circuit.generation, 1)
    assert.strictEqual(step.replica.generationOffset, generationOffset + 4)
  })

  it("S12 makes the node exchange the circuit, unless it is Closed", () => {
    const activityAfter = (there: AnyCircuit, here: AnyCircuit = closed(rules)) =>
      followed({ here, there: later(there, 9) }).replica.activity._tag
    assert.strictEqual(activityAfter(opened(rules)), "Exchanging")
    assert.strictEqual(activityAfter(isolated(closed(rules))), "Exchanging")
    assert.strictEqual(activityAfter(closed(rules), opened(rules)), "Idle")
  })

  it("S12 is preceded by the transitions that only the passing of time has caused here", () => {
    const here = opened(rules)
    const there = later(closed(rules), 4)
    const step = followed({ here, there, now: openMillis })
    assert.deepStrictEqual(
      step.commands.map((it) => it._tag === "Change" && [it.circuit._tag, it.origin, it.reason]),
      [
        ["HalfOpen", "Local", "Manual"],
        ["Closed", "Fleet", "Manual"]
      ]
    )
    assert.strictEqual(step.circuit.generation, 3)
  })

  it("S12 that is Open one generation later is a restart of the opening", () => {
    const step = followed({ here: opened(rules), there: later(opened(rules, 9)), now: 10 })
    assert.deepStrictEqual(step.circuit, later(opened(rules, 9)))
  })

  it("S12 that is Open several generations later is no transition", () => {
    const step = followed({ here: opened(rules), there: later(opened(rules, 9), 3), now: 10 })
    assert.deepStrictEqual(step.circuit, opened(rules, 9))
    assert.strictEqual(step.replica.generationOffset, generationOffset + 3)
  })

  it("S12 that is Closed is a transition only after a reset", () => {
    const there = later(closed(rules), 2)
    for (const missed of [there, later(closed(rules), 1)]) {
      assert.deepStrictEqual(followed({ here: counting, there: missed }).circuit, closed(rules))
    }
    const reset = followed({ here: counting, there, holdings: { resets: 1 } })
    assert.strictEqual(reset.circuit.generation, 1)
  })

  it("S12 that is Isolated continues the node's isolation", () => {
    const here = isolated(closed(rules))
    const there = { ...later(here, 2), holders: 3, since: 77 }
    const step = followed({ here, there })
    assert.deepStrictEqual(step.circuit, { ...there, generation: 1, since: 1 })
  })

  it("S15 that is Isolated after a reset is another isolation", () => {
    const here = isolated(closed(rules))
    const step = followed({ here, there: later(here, 2), holdings: { resets: 1 } })
    const { generation, since } = inState(step.circuit, "Isolated")
    assert.deepStrictEqual([generation, since], [2, 2])
  })

  it("S15 a new isolation has the node's own generation", () => {
    const step = followed({ here: closed(rules), there: { ...later(isolated(closed(rules)), 5), since: 77 } })
    const { generation, since } = inState(step.circuit, "Isolated")
    assert.deepStrictEqual([generation, since], [1, 1])
  })
})

describe("S12 a state that the node expects", () => {
  it("S12 keeps the node's own window if it belongs to the same state", () => {
    const there = { ...closed(rules), closedAt: 5 }
    for (const given of [
      { isAhead: true, there: later(there, 3) },
      { replica: { isUnknown: true }, there: later(there, 3) },
      { there }
    ]) {
      const { circuit } = followed({ here: counting, ...given, now: 9 })
      const { closedAt, window } = inState(circuit, "Closed")
      assert.strictEqual(window, counting.window)
      assert.deepStrictEqual([closedAt, circuit.generation], [5, 0])
    }
  })

  it("S12 keeps the node's own counts of a recovery", () => {
    const here = { ...recovering(rules), arrivals: 4, admitted: 1, window: counting.window }
    const there = { ...recovering(rules), startedAt: here.startedAt + 60, arrivals: 9, admitted: 9 }
    const { circuit } = followed({ here, there, isAhead: true, now: openMillis + 60 })
    assert.deepStrictEqual(circuit, { ...here, startedAt: there.startedAt })
  })

  it("S12 takes the store's state if it has no window", () => {
    const there = { ...later(opened(rules, 7), 3) }
    const { circuit } = followed({ here: opened(rules), there, isAhead: true, now: 9 })
    assert.deepStrictEqual(circuit, opened(rules, 7))
  })

  it("S12 the node's own reset is no second transition", () => {
    const step = followed({
      here: later(closed(rules), 2),
      there: later(closed(rules), 3),
      holdings: { resets: 1 },
      isAhead: true
    })
    assert.strictEqual(step.circuit.generation, 2)
  })
})

describe("S12 an opening that has ended on this node", () => {
  const known = { revision: "known", before: opened(rules), there: opened(rules) }

  it("S12 does not start again when the clock offset is corrected", () => {
    for (const early of [0, 1, 50, 51, openMillis]) {
      const here = halfOpen(rules)
      const step = followed({ ...known, here, now: openMillis - early })
      assert.strictEqual(step.circuit, here)
      assert.deepStrictEqual(step.commands, [])
      assert.strictEqual(step.replica.generationOffset, generationOffset)
    }
  })

  it("S12 starts again if the store's clock was set", () => {
    const there = { ...opened(rules), openMillis: 60_000 }
    const here = { ...halfOpen(rules), openMillis: 60_000 }
    for (const [left, tag] of [
      [1_000, "HalfOpen"],
      [1_001, "Open"]
    ] as const) {
      const step = followed({ revision: "known", before: there, there, here, now: 60_000 - left })
      assert.strictEqual(step.circuit._tag, tag)
    }
  })

  it("S12 does not start again if the node has admitted a probe by its own circuit", () => {
    const [, here] = admitted(halfOpen(rules), rules, openMillis)
    for (const early of [0, 100]) {
      const step = followed({ ...known, here, now: openMillis - early })
      // The number of the probe's slot is not used again, so that the outcome counts as that of no other probe.
      assert.deepStrictEqual(step.circuit, { ...halfOpen(rules), nextSlot: 2 })
      assert.strictEqual(step.replica.generationOffset, generationOffset)
    }
  })

  it("S12 is no transition of its own if the node has gone on, and the store has refused that", () => {
    const here = later(closed(rules), 3)
    const step = followed({ ...known, here, isAhead: true, now: openMillis })
    assert.deepStrictEqual(
      step.commands.map((it) => it._tag === "Change" && [it.circuit._tag, it.circuit.generation]),
      [["HalfOpen", 4]]
    )
  })

  it("S12 starts again on a node that has reached another state in its generation", () => {
    const here = later(opened(rules, 9))
    const step = followed({ ...known, here, isAhead: true, now: openMillis - 20 })
    assert.strictEqual(inState(step.circuit, "Open").openedAt, 0)
  })

  it("S12 starts again by a newer revision, even one that ends in some milliseconds", () => {
    const there = opened(rules)
    const step = followed({
      here: halfOpen(rules),
      before: there,
      there: later(there),
      now: openMillis - 20
    })
    assert.strictEqual(step.circuit._tag, "Open")
  })

  it("S12 keeps the generation that the node has reached", () => {
    const here = halfOpen(rules)
    const step = followed({ here, there: opened(rules), isAhead: true, now: openMillis - 20 })
    assert.deepStrictEqual(step.circuit, here)
    assert.strictEqual(step.replica.generationOffset, generationOffset)
  })

  it("S12 starts again if the node has never followed it", () => {
    const there = later(opened(rules), 1)
    for (const isAhead of [true, false]) {
      const here = later(halfOpen(rules), 1)
      const step = followed({ here, before: closed(rules), there, isAhead, now: openMillis - 20 })
      assert.strictEqual(step.circuit._tag, "Open")
    }
  })

  it("S12 starts again if the shared one is another opening", () => {
    const there = { ...opened(rules), openings: 2 }
    const step = followed({ here: halfOpen(rules), there, isAhead: true, now: openMillis - 20 })
    assert.strictEqual(step.circuit._tag, "Open")
  })
})

describe("S12 a recovery that has ended on this node", () => {
  it("S12 does not start again, and the node keeps its window", () => {
    const there = recovering(rules)
    const here = { ...counting, generation: there.generation + 1, openings: there.openings }
    const step = followed({ revision: "known", here, before: there, there, now: openMillis })
    assert.strictEqual(step.circuit, here)
    assert.deepStrictEqual(step.commands, [])
  })
})

describe("S12 an opening that the node has followed", () => {
  it("S12 ends by the latest clock offset", () => {
    const there = opened(rules, 1)
    const step = followed({ revision: "known", here: opened(rules), before: there, there, now: 9 })
    assert.deepStrictEqual(step.circuit, there)
  })
})

describe("S7 a locally open node", () => {
  const locallyOpen: Partial<Replica> = {
    standing: { _tag: "LocallyOpen", epoch: generationOffset, window: counting.window }
  }

  it("S7 stays locally open while the shared circuit is unchanged", () => {
    const step = followed({
      here: later(opened(rules), 0),
      before: closed(rules),
      there: closed(rules),
      isAhead: true,
      replica: locallyOpen
    })
    assert.strictEqual(step.replica.standing._tag, "LocallyOpen")
    assert.strictEqual(step.circuit._tag, "Open")
  })

  it("S7 is in sync again once other nodes have changed the circuit", () => {
    const step = followed({
      here: opened(rules),
      before: closed(rules),
      there: later(opened(rules), 3),
      isAhead: true,
      replica: locallyOpen
    })
    assert.strictEqual(step.replica.standing._tag, "InSync")
    assert.strictEqual(step.replica.generationOffset, generationOffset + 3)
  })
})
