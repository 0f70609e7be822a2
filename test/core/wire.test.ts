/** The texts by which processes share a circuit: each is read back, and no other text does harm. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Circuit from "../../src/internal/core/circuit.ts"
import { allOf } from "../../src/internal/core/policies/allOf.ts"
import { consecutive } from "../../src/internal/core/policies/consecutive.ts"
import { failureCount } from "../../src/internal/core/policies/failureCount.ts"
import type { SharedPolicy } from "../../src/internal/core/policies/policy.ts"
import * as Slots from "../../src/internal/core/slots.ts"
import * as Wire from "../../src/internal/core/wire.ts"
import type { AnyCircuit } from "./circuits.ts"
import { recovery, rulesWith } from "./circuits.ts"

const now = 1_000_000
const longestOpenMillis = 60_000
const rules = rulesWith({ probes: 3, failuresToReopen: 2, recovery })
const reader: Wire.Reader = { rules, rulesName: "rules", longestOpenMillis, now }

const decoded = (text: string, over: Partial<Wire.Reader> = {}): Wire.SharedCircuit => {
  const result = Wire.decode(text, { ...reader, ...over })
  if (result._tag !== "State") return assert.fail(result.why)
  return result.state
}

// ---------------------------------------------------------------------------------------------------------
// States as they are written

const count = fc.nat({ max: 1_000_000 })
const time = fc.integer({ min: 0, max: now })
const common = {
  generation: count,
  openings: count,
  openMillis: fc.integer({ min: 0, max: longestOpenMillis })
}

const slots = fc
  .uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: rules.probes })
  .chain((ids) =>
    fc
      .array(time, { minLength: ids.length, maxLength: ids.length })
      .map((times) => Slots.from(ids.toSorted((a, b) => a - b).map((id, i) => ({ id, takenAt: times[i]! }))))
  )

const circuit: fc.Arbitrary<AnyCircuit> = fc.oneof(
  fc.record({
    _tag: fc.constant("Closed" as const),
    ...common,
    closedAt: time,
    window: fc.constant(rules.policy.initial)
  }),
  fc.record({ _tag: fc.constant("Open" as const), ...common, openedAt: time }),
  fc.record({
    _tag: fc.constant("HalfOpen" as const),
    ...common,
    slots,
    nextSlot: fc.integer({ min: 51, max: 100 }),
    succeeded: fc.nat({ max: rules.probes - 1 }),
    failed: fc.nat({ max: rules.failuresToReopen - 1 })
  }),
  fc.record({
    _tag: fc.constant("Recovering" as const),
    ...common,
    startedAt: time,
    arrivals: fc.integer({ min: 100, max: 200 }),
    admitted: fc.nat({ max: 100 }),
    window: fc.constant(rules.policy.initial)
  }),
  fc.record({
    _tag: fc.constant("Isolated" as const),
    ...common,
    holders: fc.integer({ min: 1, max: 9 }),
    since: count,
    disablers: fc.nat({ max: 9 })
  }),
  fc.record({ _tag: fc.constant("Disabled" as const), ...common, disablers: fc.integer({ min: 1, max: 9 }) })
)

const holds = fc.dictionary(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 9 }), {
  noNullPrototype: true
})

const state: fc.Arbitrary<Wire.SharedCircuit> = fc.record({
  circuit,
  reason: fc.constantFrom("Tripped", "ProbeFailed", "Manual"),
  probers: fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { noNullPrototype: true }),
  keepers: holds,
  disablers: holds,
  resets: count,
  restoredAt: fc.oneof(time, fc.constant(-Infinity))
})

describe("F5 the state of a circuit", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(state, (state) => {
        assert.deepStrictEqual(decoded(Wire.encode(state, "rules")), state)
      })
    )
  })

  it("is a new circuit where the store has nothing", () => {
    assert.deepStrictEqual(decoded("").circuit, Circuit.initial(rules.policy))
  })

  it("under other rules is left alone, unless it is Closed", () => {
    fc.assert(
      fc.property(state, (state) => {
        const { _tag } = Wire.decode(Wire.encode(state, "other rules"), reader)
        assert.strictEqual(_tag, state.circuit._tag === "Closed" ? "State" : "OtherRules")
      })
    )
  })

  it("of another version is none", () => {
    const text = JSON.stringify({ version: 2, policy: "rules", circuit: { _tag: "Closed" } })
    assert.deepStrictEqual(Wire.decode(text, reader), { _tag: "Invalid", why: "its version is 2, not 1" })
  })
})

// ---------------------------------------------------------------------------------------------------------
// Any text

/** A state in which one value was replaced, somewhere. */
const damaged = fc
  .tuple(state, fc.nat({ max: 40 }), fc.jsonValue({ maxDepth: 2 }))
  .map(([state, place, value]) => {
    let i = 0
    const damage = (it: unknown): unknown => {
      if (i++ === place) return value
      if (Array.isArray(it)) return it.map(damage)
      if (typeof it !== "object" || it === null) return it
      return Object.fromEntries(Object.entries(it).map(([name, field]) => [name, damage(field)]))
    }
    return JSON.stringify(damage(JSON.parse(Wire.encode(state, "rules"))))
  })

const anyText = fc.oneof(fc.string(), fc.json(), damaged)

describe("F5 any text", () => {
  it("is decoded without an error, to a circuit that the rules allow", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const result = Wire.decode(text, reader)
        if (result._tag !== "State") return
        const { circuit } = result.state
        assert.isAtMost(circuit.openMillis, longestOpenMillis)
        assert.isAtMost(Circuit.readyInMillis(circuit, rules, now), readyIn(circuit))
        const [, next] = Circuit.admit(circuit, rules, now + longestOpenMillis)
        assert.isTrue(Number.isSafeInteger(next.generation))
        if (next._tag === "HalfOpen") assert.isAtMost(next.slots.count + next.succeeded, rules.probes)
      }),
      { numRuns: 500 }
    )
  })

  /** A call is admitted after that at the latest, unless a hand holds the circuit open. */
  const readyIn = (circuit: AnyCircuit): number =>
    circuit._tag === "Isolated" ? Infinity : Math.max(longestOpenMillis, recovery.durationMillis)

  for (const [what, circuit, expected] of [
    [
      "an open time of 1e300",
      { _tag: "Open", openMillis: 1e300, openedAt: now },
      { openMillis: longestOpenMillis }
    ],
    ["an opening in the future", { _tag: "Open", openedAt: 1e15 }, { openedAt: now }],
    ["a close in the future", { _tag: "Closed", closedAt: 1e15 }, { closedAt: now }],
    [
      "a recovery in the future",
      { _tag: "Recovering", startedAt: 1e15, arrivals: 1, admitted: 9 },
      { startedAt: now, admitted: 1 }
    ],
    [
      "more probes than the rules allow",
      {
        _tag: "HalfOpen",
        slots: { rows: [[1, 2, 3, 4, 5].map((id) => ({ id, takenAt: 0 }))] },
        nextSlot: 0,
        succeeded: 9,
        failed: 9
      },
      { succeeded: 2, failed: 1, nextSlot: 4 }
    ]
  ] as const) {
    it(`is clamped to the rules: ${what}`, () => {
      const text = JSON.stringify({
        version: 1,
        policy: "rules",
        circuit: { generation: 1, openings: 1, openMillis: 1, ...circuit }
      })
      assert.deepInclude(decoded(text).circuit, expected)
    })
  }

  for (const [what, circuit] of [
    ["no circuit", null],
    ["an unknown state", { _tag: "toString", generation: 1, openings: 1, openMillis: 1 }],
    [
      "a generation that is no number",
      { _tag: "Closed", generation: "1", openings: 1, openMillis: 1, closedAt: 1 }
    ],
    [
      "a generation that cannot grow",
      { _tag: "Closed", generation: 2 ** 53 - 1, openings: 1, openMillis: 1, closedAt: 1 }
    ],
    ["a negative open time", { _tag: "Open", generation: 1, openings: 1, openMillis: -1, openedAt: 1 }],
    [
      "slots that are none",
      {
        _tag: "HalfOpen",
        generation: 1,
        openings: 1,
        openMillis: 1,
        slots: null,
        nextSlot: 1,
        succeeded: 0,
        failed: 0
      }
    ],
    [
      "successes that are no number",
      {
        _tag: "HalfOpen",
        generation: 1,
        openings: 1,
        openMillis: 1,
        slots: { rows: [] },
        nextSlot: 1,
        succeeded: "a",
        failed: 0
      }
    ]
  ] as const) {
    it(`is none: ${what}`, () => {
      const text = JSON.stringify({ version: 1, policy: "rules", circuit })
      assert.strictEqual(Wire.decode(text, reader)._tag, "Invalid")
    })
  }

  it("that is Recovering is Closed where the rules have no recovery", () => {
    const recovering = {
      _tag: "Recovering",
      generation: 4,
      openings: 1,
      openMillis: 1,
      startedAt: 5,
      arrivals: 0,
      admitted: 0
    }
    const text = JSON.stringify({ version: 1, policy: "rules", circuit: recovering })
    const { circuit } = decoded(text, { rules: rulesWith({ recovery: undefined }) })
    assert.deepInclude(circuit, { _tag: "Closed", generation: 5, closedAt: 5 })
  })

  it("has no prober that is no text, and no hold that is no count", () => {
    const closed = { _tag: "Closed", generation: 1, openings: 0, openMillis: 0, closedAt: 0 }
    const read = decoded(
      JSON.stringify({
        version: 1,
        policy: "rules",
        circuit: closed,
        probers: { 1: "a", 2: null },
        keepers: null,
        disablers: { a: 0, b: 2, c: "3" },
        reason: "Whim",
        resets: -1,
        restoredAt: now + 1
      })
    )
    assert.deepInclude(read, {
      probers: { 1: "a" },
      keepers: {},
      disablers: { b: 2 },
      reason: "Manual",
      resets: 0,
      restoredAt: now
    })
  })
})

// ---------------------------------------------------------------------------------------------------------
// Contributions

const window: Wire.WindowId = [7, 3, "Closed"]

describe("F4 a contribution", () => {
  const shared = {
    consecutive: consecutive(3).share(),
    failureCount: failureCount(3, 1_000).share(),
    allOf: allOf([consecutive(2), failureCount(3, 1_000)]).share()
  }

  for (const [name, policy] of Object.entries(shared)) {
    it(`of ${name} is read back as it was written`, () => {
      const { contribution, read } = writtenBy(policy!)
      assert.deepStrictEqual(read, { contribution })
      assert.isTrue(policy!.accepts(contribution))
    })

    it(`of ${name} is any text that is accepted, and merging that one does not throw`, () => {
      fc.assert(
        fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
          const read = Wire.decodeContribution(JSON.stringify([...window, value]), window)
          if (read === undefined || read === "other" || !policy!.accepts(read.contribution)) return
          policy!.trips(policy!.merge(policy!.initial, [read.contribution], 0, 0), 0)
        }),
        { numRuns: 500 }
      )
    })
  }

  const writtenBy = (policy: SharedPolicy<unknown>) => {
    const failed = { outcome: { _tag: "Failure" as const }, interrupted: false, at: 5, elapsedMillis: 0 }
    const contribution = policy.contribution(policy.record(policy.initial, failed), 6, 100)
    return {
      contribution,
      read: Wire.decodeContribution(Wire.encodeContribution(window, contribution), window)
    }
  }

  it("to another window is no fault", () => {
    const text = Wire.encodeContribution([7, 4, "Closed"], [1])
    assert.strictEqual(Wire.decodeContribution(text, window), "other")
    assert.strictEqual(Wire.decodeContribution("[]", window), "other")
  })

  for (const text of [
    "",
    "null",
    "{}",
    '"text"',
    '[7,3,"Closed"]',
    '[7,3,"Closed",{}]',
    '[7,3,"Closed",["1"]]',
    '[7,3,"Closed",[null]]'
  ]) {
    it(`is not ${text === "" ? "an empty text" : text}`, () => {
      assert.isUndefined(Wire.decodeContribution(text, window))
    })
  }

  it("is not lists in lists without end", () => {
    const nested = `${"[".repeat(1_000)}${"]".repeat(1_000)}`
    assert.isUndefined(Wire.decodeContribution(`[7,3,"Closed",${nested}]`, window))
  })
})
