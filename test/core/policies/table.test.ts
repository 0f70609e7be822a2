/** Every kind of policy through the table: its options, and the data that two processes compare. */
import { assert, describe, it } from "@effect/vitest"
import { TripPolicy } from "effect-circuit-breaker"
import * as Duration from "effect/Duration"
import { kindKey } from "../../../src/internal/core/policies/kind.ts"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import { kinds, share } from "../../../src/internal/core/policies/table.ts"
import { decodePolicy } from "../../../src/internal/options/tripPolicy.ts"

const decode = (policy: unknown): Policy<unknown> => decodePolicy("tripPolicy", policy)

const textOf = (policy: TripPolicy.TripPolicy): string => JSON.stringify(decode(policy).data)

const rate = { threshold: 0.5, within: "1 minute" } as const
const slow = { threshold: 1, slowerThan: "2 seconds" } as const

describe("the data by which two processes compare a policy", () => {
  const timeWindow = '"window":{"_tag":"Time","withinMillis":60000,"buckets":10}'
  const texts: ReadonlyArray<readonly [name: string, policy: TripPolicy.TripPolicy, text: string]> = [
    ["consecutive", TripPolicy.consecutive(3), '{"_tag":"Consecutive","failures":3}'],
    [
      "failureCount",
      TripPolicy.failureCount({ failures: 4, within: "1 minute" }),
      '{"_tag":"FailureCount","failures":4,"withinMillis":60000}'
    ],
    [
      "failureRate over time, with the defaults of what was left out",
      TripPolicy.failureRate(rate),
      `{"_tag":"FailureRate","threshold":0.5,"slowerThanMillis":null,"minimumFailures":1,${timeWindow},"minimumCalls":10}`
    ],
    [
      "failureRate over time, whose minimum of calls is 1 where a minimum of failures is given",
      TripPolicy.failureRate({ ...rate, minimumFailures: 3 }),
      `{"_tag":"FailureRate","threshold":0.5,"slowerThanMillis":null,"minimumFailures":3,${timeWindow},"minimumCalls":1}`
    ],
    [
      "failureRate over the latest calls, which have to be all there",
      TripPolicy.failureRate({ threshold: 0.5, calls: 20 }),
      '{"_tag":"FailureRate","threshold":0.5,"slowerThanMillis":null,"minimumFailures":1,"window":{"_tag":"Calls","calls":20},"minimumCalls":20}'
    ],
    [
      "failureRate with every option",
      TripPolicy.failureRate({
        threshold: 0.1,
        within: Duration.seconds(5),
        buckets: 7,
        minimumCalls: 8,
        minimumFailures: 2
      }),
      '{"_tag":"FailureRate","threshold":0.1,"slowerThanMillis":null,"minimumFailures":2,"window":{"_tag":"Time","withinMillis":5000,"buckets":7},"minimumCalls":8}'
    ],
    [
      "failureRate whose minimums the latest calls just hold",
      TripPolicy.failureRate({ threshold: 1, calls: 5, minimumCalls: 5, minimumFailures: 5 }),
      '{"_tag":"FailureRate","threshold":1,"slowerThanMillis":null,"minimumFailures":5,"window":{"_tag":"Calls","calls":5},"minimumCalls":5}'
    ],
    [
      "slowCallRate over time",
      TripPolicy.slowCallRate({ ...slow, within: "1 minute" }),
      `{"_tag":"SlowCallRate","threshold":1,"slowerThanMillis":2000,"minimumFailures":1,${timeWindow},"minimumCalls":10}`
    ],
    [
      "slowCallRate over the latest calls",
      TripPolicy.slowCallRate({ ...slow, calls: 9, minimumCalls: 4 }),
      '{"_tag":"SlowCallRate","threshold":1,"slowerThanMillis":2000,"minimumFailures":1,"window":{"_tag":"Calls","calls":9},"minimumCalls":4}'
    ],
    [
      "anyOf and allOf",
      TripPolicy.anyOf(TripPolicy.consecutive(1), TripPolicy.allOf(TripPolicy.consecutive(2))),
      '{"_tag":"AnyOf","policies":[{"_tag":"Consecutive","failures":1},{"_tag":"AllOf","policies":[{"_tag":"Consecutive","failures":2}]}]}'
    ]
  ]
  for (const [name, policy, text] of texts) {
    it(`is a text with everything in it: ${name}`, () => {
      assert.strictEqual(textOf(policy), text)
      // the shared policy is the same one
      assert.strictEqual(JSON.stringify(share(decode(policy).data)?.data), text)
    })
  }

  it("begins with the policy's tag in the table", () => {
    const policies = [
      ...texts.map(([, policy]) => policy),
      TripPolicy.allOf(TripPolicy.consecutive(1)),
      TripPolicy.make({ initial: 0, record: () => 0, trips: () => false })
    ]
    for (const policy of policies) {
      assert.deepInclude(decode(policy).data, { _tag: policy._tag })
    }
    assert.sameMembers([...new Set(policies.map(({ _tag }) => _tag))], Object.keys(kinds))
  })
})

describe("how far back a policy reaches in time", () => {
  const spansOf = (policy: TripPolicy.TripPolicy) => decode(policy).spans
  const own = TripPolicy.make({ initial: 0, record: () => 0, trips: () => false })

  it("is the length of a window over time", () => {
    assert.deepStrictEqual(spansOf(TripPolicy.failureCount({ failures: 1, within: 5 })), [5])
    assert.deepStrictEqual(spansOf(TripPolicy.failureCount({ failures: 1, within: Infinity })), [Infinity])
    assert.deepStrictEqual(spansOf(TripPolicy.failureRate(rate)), [60_000])
    assert.deepStrictEqual(spansOf(TripPolicy.slowCallRate({ ...slow, within: 7 })), [7])
  })

  it("is none for a window over calls, and for a program's own policy", () => {
    const byCalls = [
      TripPolicy.consecutive(1),
      TripPolicy.failureRate({ threshold: 1, calls: 5 }),
      TripPolicy.slowCallRate({ ...slow, calls: 5 })
    ]
    for (const policy of [...byCalls, own]) assert.deepStrictEqual(spansOf(policy), [])
    for (const policy of byCalls) assert.deepStrictEqual(share(decode(policy).data)?.spans, [])
  })

  it("is that of each part of a combination", () => {
    const count = TripPolicy.failureCount({ failures: 1, within: 5 })
    const several = [count, own, TripPolicy.allOf(TripPolicy.failureRate(rate), TripPolicy.consecutive(1))]
    for (const combine of [TripPolicy.anyOf, TripPolicy.allOf]) {
      assert.deepStrictEqual(spansOf(combine(...several)), [5, 60_000])
    }
  })
})

describe("R3.5 the options of a policy", () => {
  const named = (tag: string, options: object): unknown => ({
    _tag: tag,
    ...(Object.hasOwn(kinds, tag) && { [kindKey]: kinds[tag as keyof typeof kinds] }),
    ...options
  })
  const calls = { threshold: 0.5, calls: 5 }
  const refused: ReadonlyArray<readonly [policy: unknown, says: string]> = [
    [
      named("Nth", { failures: 1 }),
      ' must be a policy made by the constructors of TripPolicy, received {"_tag":"Nth","failures":1}'
    ],
    [
      named("toString", {}),
      ' must be a policy made by the constructors of TripPolicy, received {"_tag":"toString"}'
    ],
    [
      JSON.parse(JSON.stringify(TripPolicy.consecutive(5))),
      ' must be a policy made by the constructors of TripPolicy, received {"_tag":"Consecutive","failures":5}'
    ],
    [null, " must be a policy made by the constructors of TripPolicy, received null"],
    ["consecutive", ' must be a policy made by the constructors of TripPolicy, received "consecutive"'],
    [named("Consecutive", { failures: 0 }), ".failures must be an integer of at least 1, received 0"],
    [named("Consecutive", { failures: null }), ".failures must be an integer of at least 1, received null"],
    [named("Consecutive", {}), ".failures must be an integer of at least 1, received undefined"],
    [named("Consecutive", { failures: 1, within: 1 }), ': unknown option "within", the options are failures'],
    [named("FailureCount", { failures: 1, within: 0 }), ".within must be a duration above 0, received 0"],
    [
      named("FailureCount", { failures: 1.5, within: 1 }),
      ".failures must be an integer of at least 1, received 1.5"
    ],
    [
      named("FailureCount", { failures: 1, within: 1, window: 1 }),
      ': unknown option "window", the options are failures, within'
    ],
    [
      named("FailureRate", { ...calls, slowerThan: 1 }),
      ': unknown option "slowerThan", the options are threshold, minimumFailures, within, buckets, calls, minimumCalls'
    ],
    [named("FailureRate", { threshold: 0.5 }), " must be either within or calls, received neither"],
    [named("FailureRate", { ...calls, within: 1 }), " must be either within or calls, received both"],
    [
      named("FailureRate", { ...calls, threshold: 0 }),
      ".threshold must be a number above 0 and at most 1, received 0"
    ],
    [named("FailureRate", { ...calls, buckets: 2 }), ".buckets must be given with within only, received 2"],
    [named("FailureRate", { ...calls, calls: 0 }), ".calls must be an integer of at least 1, received 0"],
    [
      named("FailureRate", { ...calls, minimumCalls: 6 }),
      ".minimumCalls must be at most calls, which is 5, received 6"
    ],
    [
      named("FailureRate", { ...calls, minimumCalls: null }),
      ".minimumCalls must be an integer of at least 1, received null"
    ],
    [
      named("FailureRate", { ...calls, minimumFailures: 6 }),
      ".minimumFailures must be at most calls, which is 5, received 6"
    ],
    [
      named("FailureRate", { ...rate, minimumFailures: 0 }),
      ".minimumFailures must be an integer of at least 1, received 0"
    ],
    [
      named("FailureRate", { ...rate, within: Infinity }),
      ".within must be a finite duration above 0, received Infinity"
    ],
    [named("FailureRate", { ...rate, buckets: 0 }), ".buckets must be an integer of at least 1, received 0"],
    [
      named("FailureRate", { ...rate, minimumCalls: 0 }),
      ".minimumCalls must be an integer of at least 1, received 0"
    ],
    [
      named("SlowCallRate", { ...calls, slowerThan: 1, minimumFailures: 1 }),
      ': unknown option "minimumFailures", the options are threshold, slowerThan, within, buckets, calls, minimumCalls'
    ],
    [
      named("SlowCallRate", { ...calls, slowerThan: Infinity }),
      ".slowerThan must be a finite duration above 0, received Infinity"
    ],
    [
      named("SlowCallRate", { ...calls, slowerThan: 1, threshold: 2 }),
      ".threshold must be a number above 0 and at most 1, received 2"
    ],
    [named("AnyOf", { policies: [] }), ": anyOf must be at least one policy, received none"],
    [named("AllOf", { policies: [] }), ": allOf must be at least one policy, received none"],
    [named("AnyOf", { policies: 5 }), ": anyOf must be given policies, received 5"],
    [named("AllOf", {}), ": allOf must be given policies, received undefined"],
    [named("AllOf", { policies: [], of: 1 }), ': unknown option "of", the options are policies'],
    [
      named("AnyOf", {
        policies: [TripPolicy.consecutive(1), named("AllOf", { policies: [TripPolicy.consecutive(0)] })]
      }),
      ".anyOf[1].allOf[0].failures must be an integer of at least 1, received 0"
    ],
    [named("Custom", { record: 5, trips: () => false }), ".record must be a function, received 5"],
    [named("Custom", { record: () => 0 }), ".trips must be a function, received undefined"],
    [
      named("Custom", { record: () => 0, trips: () => false, counts: 1 }),
      ': unknown option "counts", the options are initial, record, trips'
    ]
  ]
  const messageOf = (policy: unknown): string => {
    try {
      return JSON.stringify(decode(policy).data)
    } catch (error) {
      return (error as Error).message
    }
  }

  for (const [policy, says] of refused) {
    it(`out of range are refused by name: ${says}`, () => {
      assert.throws(() => decode(policy), RangeError)
      assert.strictEqual(messageOf(policy), `tripPolicy${says}`)
    })
  }

  it("of a program's own policy are used as they are", () => {
    const policy = decode(
      TripPolicy.make({ initial: 5, record: (sum: number) => sum + 1, trips: (sum, now) => sum === now })
    )
    const window = policy.record(policy.initial, {
      outcome: { _tag: "Success" },
      interrupted: false,
      at: 0,
      elapsedMillis: 0
    })
    assert.isTrue(policy.trips(window, 6))
    assert.isFalse(policy.trips(policy.initial, 6))
  })

  it("of the same name are written alike in configuration, whatever the kind", () => {
    const forms = new Map<string, unknown>()
    for (const [option, form] of Object.values(kinds).flatMap(({ options }) => Object.entries(options))) {
      assert.strictEqual(forms.get(option) ?? form, form, option)
      forms.set(option, form)
    }
  })
})
