/** What a node's own circuit becomes when it follows a shared one. */
import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/internal/core/circuit.ts"
import { follow } from "../../../src/internal/core/replica/following.ts"
import type { Progress } from "../../../src/internal/core/replica/progress.ts"
import type { Replica } from "../../../src/internal/core/replica/replica.ts"
import * as Steps from "../../../src/internal/core/replica/progress.ts"
import { shift } from "../../../src/internal/core/replica/shared.ts"
import type { SharedCircuit } from "../../../src/internal/core/wire.ts"
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
/** The shared generations are ahead of the node's by this. */
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
    followed: { revision: "known", shared: shared(before ?? here), at: 0, isPartial: false },
    ...given.replica
  }
  const situation = {
    settings,
    now: given.now ?? 0,
    clockOffset,
    isListening: true,
    isFailing: false,
    answeringSince: -Infinity,
    revision: "next"
  }
  const known = {
    revision: given.revision ?? "new",
    shared: { ...shared(there), ...holdings },
    at: 1,
    isPartial: false
  }
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

  it("S12 changes nothing where the circuit has come to the same here", () => {
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

  it("S12 is followed again where the store has not taken what this node has made of it", () => {
    const step = followed({
      ...known,
      here: later(opened(rules)),
      before: closed(rules),
      there: closed(rules),
      isAhead: true
    })
    assert.strictEqual(step.circuit._tag, "Closed")
  })

  it("S12 is followed again where the circuit is another one here", () => {
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

  it("S12 is followed again where more or fewer slots or holds are taken here", () => {
    const [, taken] = admitted(halfOpen(rules), rules, openMillis)
    const twice = { ...isolated(closed(rules)), holders: 2 }
    const keptOff = { ...isolated(closed(rules)), disablers: 2 }
    const disabledTwice = { ...disabled(closed(rules)), disablers: 2 }
    for (const [here, there] of [
      [halfOpen(rules), taken],
      [isolated(closed(rules)), twice],
      [isolated(closed(rules)), keptOff],
      [disabled(closed(rules)), disabledTwice]
    ] as const) {
      const step = followed({ ...known, here, there, now: openMillis })
      assert.deepStrictEqual(step.circuit, there)
      assert.strictEqual(step.commands.length, 1)
    }
  })
})

describe("S12 a newer revision", () => {
  it("S12 of another state is a transition, with its reason and in the node's time", () => {
    const there = opened(rules, 30)
    const step = followed({ here: closed(rules), there, holdings: { reason: "ProbeFailed" }, now: 40 })
    assert.deepStrictEqual(step.commands, [
      { _tag: "Change", circuit: there, reason: "ProbeFailed", origin: "Fleet" }
    ])
    assert.strictEqual(step.circuit.generation, 1)
    assert.strictEqual(step.replica.generationOffset, generationOffset)
  })

  it("S12 several changes later is one transition, and the generations part by as many", () => {
    const step = followed({ here: closed(rules), there: later(opened(rules), 4) })
    assert.strictEqual(step.circuit.generation, 1)
    assert.strictEqual(step.replica.generationOffset, generationOffset + 4)
  })

  it("S12 has the circuit exchanged, unless it is closed", () => {
    const attention = (there: AnyCircuit, here: AnyCircuit = closed(rules)) =>
      followed({ here, there: later(there, 9) }).replica.activity._tag
    assert.strictEqual(attention(opened(rules)), "Exchanging")
    assert.strictEqual(attention(isolated(closed(rules))), "Exchanging")
    assert.strictEqual(attention(closed(rules), opened(rules)), "Idle")
  })

  it("S12 announces what only time has decided here as the node's own", () => {
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

  it("S12 of the open state, one generation on, is a restart", () => {
    const step = followed({ here: opened(rules), there: later(opened(rules, 9)), now: 10 })
    assert.deepStrictEqual(step.circuit, later(opened(rules, 9)))
  })

  it("S12 of the open state, several generations on, is no transition", () => {
    const step = followed({ here: opened(rules), there: later(opened(rules, 9), 3), now: 10 })
    assert.deepStrictEqual(step.circuit, opened(rules, 9))
    assert.strictEqual(step.replica.generationOffset, generationOffset + 3)
  })

  it("S12 of the closed state is a transition after a reset, and no other", () => {
    const there = later(closed(rules), 2)
    for (const missed of [there, later(closed(rules), 1)]) {
      assert.deepStrictEqual(followed({ here: counting, there: missed }).circuit, closed(rules))
    }
    const reset = followed({ here: counting, there, holdings: { resets: 1 } })
    assert.strictEqual(reset.circuit.generation, 1)
  })

  it("S12 of the isolated state goes on with the isolation that the node has", () => {
    const here = isolated(closed(rules))
    const there = { ...later(here, 2), holders: 3, since: 77 }
    const step = followed({ here, there })
    assert.deepStrictEqual(step.circuit, { ...there, generation: 1, since: 1 })
  })

  it("S15 of the isolated state is another isolation after a reset", () => {
    const here = isolated(closed(rules))
    const step = followed({ here, there: later(here, 2), holdings: { resets: 1 } })
    const { generation, since } = inState(step.circuit, "Isolated")
    assert.deepStrictEqual([generation, since], [2, 2])
  })

  it("S15 an isolation that begins has the node's own generation", () => {
    const step = followed({ here: closed(rules), there: { ...later(isolated(closed(rules)), 5), since: 77 } })
    const { generation, since } = inState(step.circuit, "Isolated")
    assert.deepStrictEqual([generation, since], [1, 1])
  })
})

describe("S12 a state that the node expects", () => {
  it("S12 keeps the node's own window where it is the same one", () => {
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

  it("S12 keeps the node's own share of a recovery", () => {
    const here = { ...recovering(rules), arrivals: 4, admitted: 1, window: counting.window }
    const there = { ...recovering(rules), startedAt: here.startedAt + 60, arrivals: 9, admitted: 9 }
    const { circuit } = followed({ here, there, isAhead: true, now: openMillis + 60 })
    assert.deepStrictEqual(circuit, { ...here, startedAt: there.startedAt })
  })

  it("S12 takes the state of the store where it is no window", () => {
    const there = { ...later(opened(rules, 7), 3) }
    const { circuit } = followed({ here: opened(rules), there, isAhead: true, now: 9 })
    assert.deepStrictEqual(circuit, opened(rules, 7))
  })

  it("S12 a reset that was this node's own is no second transition", () => {
    const step = followed({
      here: later(closed(rules), 2),
      there: later(closed(rules), 3),
      holdings: { resets: 1 },
      isAhead: true
    })
    assert.strictEqual(step.circuit.generation, 2)
  })
})

describe("S12 what is over here", () => {
  it("S12 does not begin again by a clock that is some milliseconds behind", () => {
    const there = opened(rules)
    for (const [early, tag] of [
      [50, "HalfOpen"],
      [51, "Open"]
    ] as const) {
      const step = followed({
        revision: "known",
        here: halfOpen(rules),
        before: there,
        there,
        now: openMillis - early
      })
      assert.strictEqual(step.circuit._tag, tag)
    }
  })

  it("S12 begins again by a newer revision that ends in some milliseconds", () => {
    const there = opened(rules)
    const step = followed({
      here: halfOpen(rules),
      before: there,
      there: later(there),
      now: openMillis - 20
    })
    assert.strictEqual(step.circuit._tag, "Open")
  })

  it("S12 keeps the generation that it has come to", () => {
    const here = halfOpen(rules)
    const step = followed({ here, there: opened(rules), isAhead: true, now: openMillis - 20 })
    assert.deepStrictEqual(step.commands, [])
    assert.strictEqual(step.circuit, here)
    assert.strictEqual(step.replica.generationOffset, generationOffset)
  })

  it("S12 begins again if it is another opening", () => {
    const there = { ...opened(rules), openings: 2 }
    const step = followed({ here: halfOpen(rules), there, isAhead: true, now: openMillis - 20 })
    assert.strictEqual(step.circuit._tag, "Open")
  })
})

describe("S7 a node that is alone", () => {
  const alone: Partial<Replica> = {
    standing: { _tag: "LocallyOpen", epoch: generationOffset, window: counting.window }
  }

  it("S7 stays so while the shared circuit is the one that it left", () => {
    const step = followed({
      here: later(opened(rules), 0),
      before: closed(rules),
      there: closed(rules),
      isAhead: true,
      replica: alone
    })
    assert.strictEqual(step.replica.standing._tag, "LocallyOpen")
    assert.strictEqual(step.circuit._tag, "Open")
  })

  it("S7 is in step again with what the others make of it", () => {
    const step = followed({
      here: opened(rules),
      before: closed(rules),
      there: later(opened(rules), 3),
      isAhead: true,
      replica: alone
    })
    assert.strictEqual(step.replica.standing._tag, "InSync")
    assert.strictEqual(step.replica.generationOffset, generationOffset + 3)
  })
})
