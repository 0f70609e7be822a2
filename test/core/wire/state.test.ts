/** The texts by which processes share a circuit: each is decoded again, and any other text does no harm. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Admission from "../../../src/internal/core/admission.ts"
import * as Circuit from "../../../src/internal/core/circuit.ts"
import * as Slots from "../../../src/internal/core/slots.ts"
import * as Wire from "../../../src/internal/core/wire/state.ts"
import type { AnyCircuit } from "../circuits.ts"
import { recovery, rulesWith } from "../circuits.ts"

const now = 1_000_000
const longestOpenMillis = 60_000
const rules = rulesWith({ probes: 3, failuresToReopen: 2, recovery })
const reader: Wire.Reader = { rules, rulesName: "rules", longestOpenMillis, now }

const decoded = (text: string, over: Partial<Wire.Reader> = {}): Wire.SharedCircuit => {
  const result = Wire.decode(text, { ...reader, ...over })
  if (result._tag !== "State") return assert.fail(result.why)
  return result.state
}

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
  isolators: holds,
  disablers: holds,
  resets: count,
  restoredAt: fc.oneof(time, fc.constant(-Infinity))
})

describe("F5 the state of a circuit", () => {
  it("is decoded as it was encoded", () => {
    fc.assert(
      fc.property(state, (state) => {
        assert.deepStrictEqual(decoded(Wire.encode(state, "rules")), state)
      })
    )
  })

  it("is a new circuit if the store has none", () => {
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

  it("of another version is rejected", () => {
    const text = JSON.stringify({ version: 2, policy: "rules", circuit: { _tag: "Closed" } })
    assert.deepStrictEqual(Wire.decode(text, reader), { _tag: "Invalid", why: "its version is 2, not 1" })
  })
})

/** A state in which one value was replaced. */
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
        assert.isAtMost(Admission.readyInMillis(circuit, rules, now), readyIn(circuit))
        const [, next] = Admission.admit(circuit, rules, now + longestOpenMillis)
        assert.isTrue(Number.isSafeInteger(next.generation))
        if (next._tag === "HalfOpen") assert.isAtMost(next.slots.count + next.succeeded, rules.probes)
      }),
      { numRuns: 500 }
    )
  })

  /** The longest wait until a call is admitted, unless the circuit is isolated. */
  const readyIn = (circuit: AnyCircuit): number =>
    circuit._tag === "Isolated" ? Infinity : Math.max(longestOpenMillis, recovery.durationMillis)

  for (const [what, circuit, expected] of [
    [
      "an open time of 1e300",
      { _tag: "Open", openMillis: 1e300, openedAt: now },
      { openMillis: longestOpenMillis }
    ],
    [
      "openings that could not be counted on",
      { _tag: "Open", openings: Number.MAX_SAFE_INTEGER, openedAt: now },
      { openings: 2 ** 40 }
    ],
    [
      "slots that could not be counted on",
      {
        _tag: "HalfOpen",
        slots: { rows: [[{ id: Number.MAX_SAFE_INTEGER, takenAt: 0 }]] },
        nextSlot: Number.MAX_SAFE_INTEGER,
        succeeded: 0,
        failed: 0
      },
      { nextSlot: 1 }
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

  it("F5 a number of resets that could not be counted on is none", () => {
    const circuit = { _tag: "Closed", generation: 1, openings: 1, openMillis: 1, closedAt: 0 }
    const text = JSON.stringify({ version: 1, policy: "rules", circuit, resets: Number.MAX_SAFE_INTEGER })
    assert.strictEqual(decoded(text).resets, 0)
  })

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
    it(`is rejected: ${what}`, () => {
      const text = JSON.stringify({ version: 1, policy: "rules", circuit })
      assert.strictEqual(Wire.decode(text, reader)._tag, "Invalid")
    })
  }

  it("that is Recovering is Closed if the rules have no recovery", () => {
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

  it("drops probers that are no strings, and holds that are no counts", () => {
    const closed = { _tag: "Closed", generation: 1, openings: 0, openMillis: 0, closedAt: 0 }
    const read = decoded(
      JSON.stringify({
        version: 1,
        policy: "rules",
        circuit: closed,
        probers: { 1: "a", 2: null },
        isolators: null,
        disablers: { a: 0, b: 2, c: "3" },
        reason: "Whim",
        resets: -1,
        restoredAt: now + 1
      })
    )
    assert.deepInclude(read, {
      probers: { 1: "a" },
      isolators: {},
      disablers: { b: 2 },
      reason: "Manual",
      resets: 0,
      restoredAt: now
    })
  })
})

const complete = { generation: 4, openings: 2, openMillis: 1_000 }

const states = {
  Closed: { closedAt: 5 },
  Open: { openedAt: 5 },
  HalfOpen: { slots: { rows: [[{ id: 1, takenAt: 5 }]] }, nextSlot: 2, succeeded: 1, failed: 0 },
  Recovering: { startedAt: now - 5, arrivals: 3, admitted: 2 },
  Isolated: { holders: 1, since: 4, disablers: 0 },
  Disabled: { disablers: 1 }
}

const written = (circuit: object): string => JSON.stringify({ version: 1, policy: "rules", circuit })

/** Infinity is written as a number that is too large. */
const asJson = (text: string): string => text.replaceAll('"1e999"', "1e999")

describe("F5 a field of a state", () => {
  for (const [_tag, fields] of Object.entries(states)) {
    it(`is decoded if it is valid: ${_tag}`, () => {
      const { circuit } = decoded(written({ _tag, ...complete, ...fields }))
      assert.strictEqual(circuit._tag, _tag)
      assert.deepInclude(circuit, complete)
    })

    for (const field of Object.keys(fields)) {
      for (const wrong of ["text", null, undefined, "1e999", field === "slots" ? [] : -1.5]) {
        // A time may be negative, or a fraction of a millisecond.
        if (wrong === -1.5 && field.endsWith("At")) continue
        it(`is refused if it is invalid: ${field} of ${_tag} as ${String(wrong)}`, () => {
          const text = asJson(written({ _tag, ...complete, ...fields, [field]: wrong }))
          assert.deepStrictEqual(Wire.decode(text, reader), {
            _tag: "Invalid",
            why: `it is an incomplete ${_tag}`
          })
        })
      }
    }
  }

  for (const [field, of, wrong] of [
    ["holders", "Isolated", 0],
    ["disablers", "Disabled", 0]
  ] as const) {
    it(`is refused without a holder: ${field} of ${of}`, () => {
      const text = written({ _tag: of, ...complete, ...states[of], [field]: wrong })
      assert.strictEqual(Wire.decode(text, reader)._tag, "Invalid")
    })
  }

  const closed = { _tag: "Closed", ...complete, closedAt: 5 }

  for (const [text, why] of [
    ["~~~", "it is no object"],
    ["[]", "it is no object"],
    ["null", "it is no object"],
    ['{"version":1}', "it has no circuit"],
    [written([]), "it has no circuit"],
    [written({ ...closed, generation: -1 }), "its generation is -1"],
    [written({ ...closed, generation: now + 2 ** 48 + 1 }), `its generation is ${now + 2 ** 48 + 1}`],
    [written({ ...closed, openings: 1.5 }), "its number of openings is 1.5"],
    [written({ ...closed, openMillis: "long" }), 'its open time is "long"'],
    [written({ ...closed, openMillis: -1 }), "its open time is -1"],
    [written({ ...closed, _tag: ["Closed"] }), 'its state is ["Closed"]'],
    [written({ ...closed, _tag: "x".repeat(300) }), `its state is "${"x".repeat(199)}`],
    [written({ ...closed, _tag: undefined }), "its state is undefined"],
    // JSON reads a text that is nested more deeply than it can write.
    [`{"version":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, "its version is object, not 1"]
  ] as const) {
    it(`is named if it is invalid: ${why.slice(0, 60)}`, () => {
      assert.deepStrictEqual(Wire.decode(text, reader), { _tag: "Invalid", why })
    })
  }

  it("F5 whose generation is accepted is accepted in the next generation a millisecond later", () => {
    const generation = now + 2 ** 48
    assert.strictEqual(decoded(written({ ...closed, generation })).circuit.generation, generation)
    const next = written({ ...closed, generation: generation + 1 })
    assert.strictEqual(decoded(next, { now: now + 1 }).circuit.generation, generation + 1)
    const latest = written({ ...closed, generation: 8.64e15 + 2 ** 48 })
    assert.isTrue(Number.isSafeInteger(decoded(latest, { now: 8.64e15 }).circuit.generation + 1))
  })

  it("names both rules if they differ", () => {
    const text = JSON.stringify({
      version: 1,
      policy: "theirs",
      circuit: { _tag: "Open", ...complete, openedAt: 5 }
    })
    const read = Wire.decode(text, reader)
    if (read._tag !== "OtherRules") return assert.fail(read._tag)
    assert.strictEqual(read.why, 'it is Open under the rules "theirs", those of this breaker are rules')
    assert.deepInclude(read.state.circuit, { _tag: "Open", openedAt: 5 })
  })

  it("drops invalid slots, and sorts the others", () => {
    const rows = [
      [{ id: 3, takenAt: 7 }, null, { id: 0, takenAt: 1 }, { id: 2, takenAt: "1" }],
      [{ id: 1, takenAt: 9 }]
    ]
    const { circuit } = decoded(
      written({ _tag: "HalfOpen", ...complete, ...states.HalfOpen, slots: { rows } })
    )
    if (circuit._tag !== "HalfOpen") return assert.fail(circuit._tag)
    assert.deepStrictEqual(Slots.toArray(circuit.slots), [
      { id: 1, takenAt: 9 },
      { id: 3, takenAt: 7 }
    ])
  })

  it("that should be a list of slots is decoded as an empty one if it is not", () => {
    const { circuit } = decoded(
      written({ _tag: "HalfOpen", ...complete, ...states.HalfOpen, slots: { rows: 1 } })
    )
    assert.deepInclude(circuit, { slots: Slots.none })
  })
})

describe("the holdings of a circuit", () => {
  it("F5 were never restored if the store has nothing", () => {
    assert.strictEqual(Wire.initial(rules).restoredAt, -Infinity)
  })

  for (const over of [
    { reason: "Tripped" },
    { probers: { 1: "a" } },
    { isolators: { a: 1 } },
    { disablers: { a: 1 } },
    { resets: 1 }
  ] as const) {
    it(`F5 are kept: ${JSON.stringify(over)}`, () => {
      assert.deepStrictEqual(Wire.holdingsOf({ ...Wire.initial(rules), ...over }), {
        ...Wire.noHoldings,
        ...over
      })
    })
  }

  it("F5 are one object for all circuits without holders", () => {
    assert.strictEqual(Wire.holdingsOf({ ...Wire.initial(rules), probers: {} }), Wire.noHoldings)
  })
})
