/** Which breakers and which histories are tried, and how often each ingredient comes up. */
import * as fc from "fast-check"
import type { CallForm, Command, Key } from "./Command.ts"
import type { Ending, FailingEnding } from "./Ending.ts"
import type { OpenSetup, PolicySetup, Setup, WindowSetup } from "./Setup.ts"

const oneOf = <A>(
  ...choices: ReadonlyArray<readonly [weight: number, arbitrary: fc.Arbitrary<A>]>
): fc.Arbitrary<A> => fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const small = (max: number) => fc.integer({ min: 1, max })
const tagged = <Tag extends string>(_tag: Tag) => fc.constant({ _tag })

type Arbitraries<Fields> = { readonly [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }

/** Records of a tag and other fields, whose types the compiler does not put together by itself. */
const of = <Tag extends string, Fields extends object>(_tag: Tag, fields: Arbitraries<Fields>) =>
  fc.record<{ readonly _tag: Tag } & Fields>({ _tag: fc.constant(_tag), ...fields } as never)

// Setups

const threshold = fc.constantFrom(0.1, 0.25, 1 / 3, 0.5, 0.6, 0.75, 1)

const rateWithin = fc.record(
  { within: fc.constantFrom(90, 100, 600, 1_000), buckets: fc.constantFrom(1, 2, 3, 5, 10) },
  { requiredKeys: ["within"] }
)
const rateWindow: fc.Arbitrary<WindowSetup> = oneOf<WindowSetup>(
  [2, rateWithin],
  [2, fc.tuple(rateWithin, small(3)).map(([window, minimumFailures]) => ({ ...window, minimumFailures }))],
  [3, fc.record({ calls: small(6) })]
)

const minimumCalls = fc.option(small(6), { nil: undefined, freq: 3 })

/** A ring of so many calls never holds more of them, so a larger minimum would make no sense. */
const atMostTheRing = (window: WindowSetup | { readonly within: number }, minimum: number | undefined) =>
  minimum === undefined ? {} : { minimumCalls: "calls" in window ? Math.min(minimum, window.calls) : minimum }

const consecutive: fc.Arbitrary<PolicySetup> = of("Consecutive", { failures: small(4) })

const failureCount: fc.Arbitrary<PolicySetup> = of("FailureCount", {
  failures: small(4),
  within: fc.constantFrom(100, 500, 1_000, Infinity)
})

const failureRate: fc.Arbitrary<PolicySetup> = fc
  .tuple(of("FailureRate", { threshold, window: rateWindow }), minimumCalls)
  .map(([policy, minimum]) => ({ ...policy, ...atMostTheRing(policy.window, minimum) }))

const slowCallRate: fc.Arbitrary<PolicySetup> = fc
  .tuple(
    of("SlowCallRate", {
      threshold,
      slowerThan: fc.constantFrom(1, 50, 200),
      window: oneOf<{ readonly within: number } | { readonly calls: number }>(
        [1, fc.record({ within: fc.constantFrom(100, 600, 1_000) })],
        [2, fc.record({ calls: small(4) })]
      )
    }),
    minimumCalls
  )
  .map(([policy, minimum]) => ({ ...policy, ...atMostTheRing(policy.window, minimum) }))

const custom: fc.Arbitrary<PolicySetup> = of("Custom", {
  failures: small(3),
  within: fc.constantFrom(100, 1_000, Infinity)
})

const single = fc.oneof(consecutive, failureCount, failureRate, slowCallRate, custom)

const anyOf: fc.Arbitrary<PolicySetup> = of("AnyOf", {
  policies: fc.array(single, { minLength: 1, maxLength: 3 })
})

/** A success may be the call that the first has waited for, while the time decides about the second. */
const completedBySuccess: fc.Arbitrary<ReadonlyArray<PolicySetup>> = fc.tuple(
  of("FailureRate", {
    threshold: fc.constantFrom(0.25, 0.5),
    window: fc.record({ calls: fc.integer({ min: 2, max: 4 }) })
  }),
  of("FailureCount", { failures: small(2), within: fc.constantFrom(100, 1_000, Infinity) })
)

const allOf: fc.Arbitrary<PolicySetup> = of("AllOf", {
  policies: fc.oneof(
    fc.array(oneOf([6, single], [1, anyOf]), { minLength: 1, maxLength: 2 }),
    completedBySuccess
  )
})

export const policies = { consecutive, failureCount, failureRate, slowCallRate, custom, anyOf, allOf }

const base = fc.constantFrom(1, 100, 250, 1_000)

const openDuration: fc.Arbitrary<OpenSetup> = oneOf<OpenSetup>(
  [3, of("Constant", { millis: base })],
  [1, of("Exponential", { base })],
  [1, of("ExponentialThenRepeated", { base, recurs: small(4) })],
  [1, of("Linear", { base })],
  [
    1,
    of("Delays", {
      delays: fc.constantFrom<readonly [number, ...ReadonlyArray<number>]>([100, 300, 50], [200], [500, 100])
    })
  ]
)

// Powers of two, so that the share of the k-th call is exact however it is computed.
const recovery = fc.record(
  { duration: fc.constantFrom(64, 512, 1_024), from: fc.constantFrom(0.125, 0.25, 0.5, 1) },
  { requiredKeys: ["duration"] }
)

const given = fc.record(
  {
    openDuration,
    maxOpenDuration: fc.constantFrom(150, 600, 5_000),
    halfOpen: fc.record(
      { probes: small(3), failuresToReopen: small(3), probeTimeout: fc.constantFrom(1, 150, 400, 1_000) },
      { requiredKeys: [] }
    ),
    mode: oneOf<"enforce" | "observe">([6, fc.constant("enforce")], [1, fc.constant("observe")])
  },
  { requiredKeys: [] }
)

const sometimes = <A>(one: number, inAll: number, arbitrary: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> =>
  oneOf<A | undefined>([inAll - one, fc.constant(undefined)], [one, arbitrary])

/** Breakers with this policy. */
export const setupWith = (tripPolicy: fc.Arbitrary<PolicySetup>): fc.Arbitrary<Setup> =>
  fc
    .record({
      given,
      tripPolicy,
      recovery: sometimes(1, 3, recovery),
      idleTimeToLive: sometimes(1, 5, fc.constantFrom(300, 2_000)),
      classifies: oneOf<boolean>([4, fc.constant(true)], [1, fc.constant(false)])
    })
    .map(({ given, tripPolicy, classifies, recovery, idleTimeToLive }) => ({
      ...given,
      tripPolicy,
      classifies,
      ...(recovery && { recovery }),
      ...(idleTimeToLive && { idleTimeToLive })
    }))

/** Breakers that recover, and soon. */
export const recoveringSetup: fc.Arbitrary<Setup> = fc
  .record({
    tripPolicy: fc.oneof(...Object.values(policies), slowCallRate),
    openMillis: fc.constantFrom(1, 100),
    recovery,
    mode: fc.constantFrom<"enforce" | "observe">("enforce", "enforce", "enforce", "observe")
  })
  .map(({ openMillis, ...rest }) => ({
    ...rest,
    openDuration: { _tag: "Constant", millis: openMillis },
    classifies: true
  }))

/** Breakers that hold fewer circuits than there are keys, and that open and reopen soon. */
export const crowdedSetup: fc.Arbitrary<Setup> = fc
  .record({
    given,
    openMillis: fc.constantFrom(1, 100, 1_000),
    capacity: fc.constantFrom(1, 2, 2),
    recovery: sometimes(1, 4, recovery),
    tripPolicy: fc.oneof(
      consecutive,
      fc.constant<PolicySetup>({ _tag: "Consecutive", failures: 1 }),
      failureRate
    )
  })
  .map(({ given, openMillis, recovery, ...rest }) => ({
    ...given,
    ...rest,
    ...(recovery && { recovery }),
    openDuration: { _tag: "Constant", millis: openMillis },
    classifies: true
  }))

// Commands

const hint = fc.constantFrom(0, 50, 120, 400, 2_000, 10_000_000, Infinity)

const failing = (weights: { readonly plain: number; readonly other: number }): fc.Arbitrary<FailingEnding> =>
  oneOf<FailingEnding>(
    [weights.plain, tagged("Failure")],
    [4, of("Hint", { millis: hint })],
    [2, tagged("Defect")],
    [2, tagged("Ignored")],
    [weights.other, tagged("InterruptsItself")],
    [2, tagged("OwnRejection")],
    [weights.other, tagged("SameNameRejection")],
    [weights.other, tagged("OtherRejection")]
  )

const several: fc.Arbitrary<Ending> = of("Several", {
  parts: fc.array(failing({ plain: 2, other: 2 }), { minLength: 2, maxLength: 3 }),
  inParallel: fc.boolean()
})

const ending: fc.Arbitrary<Ending> = oneOf<Ending>(
  [9, tagged("Success")],
  [24, failing({ plain: 11, other: 1 })],
  [2, tagged("BadValue")],
  [1, of("ClassifyThrows", { succeeds: fc.boolean() })],
  [2, several]
)
const endingInFlight: fc.Arbitrary<Ending> = oneOf<Ending>(
  [6, ending],
  [1, of("Interrupted", { dies: oneOf<boolean>([4, fc.constant(false)], [1, fc.constant(true)]) })]
)

const dawdling: fc.Arbitrary<Ending> = oneOf<Ending>(
  [3, tagged("Success")],
  [3, fc.constant({ _tag: "Interrupted", dies: false })],
  [1, ending]
)

const fewKeys = oneOf<Key>(
  [5, fc.constant("a")],
  [3, fc.constant("default")],
  [2, fc.constant("b")],
  [1, fc.constant("c")]
)
const manyKeys = fc.constantFrom<Key>("a", "b", "c", "a", "b", "c", "default")

const how: fc.Arbitrary<CallForm> = fc.record({
  api: fc.constantFrom<CallForm["api"]>(
    "method",
    "options first",
    "options last",
    "built once",
    "tag",
    "admit"
  ),
  classifies: oneOf<boolean>([15, fc.constant(false)], [1, fc.constant(true)])
})

const commandsOn = (key: fc.Arbitrary<Key>): fc.Arbitrary<Command> =>
  oneOf<Command>(
    [12, of("Start", { key, calls: oneOf([3, fc.constant(1)], [1, small(4)]), how })],
    [14, of("Run", { key, endings: fc.array(ending, { minLength: 1, maxLength: 4 }), how })],
    [4, of("Break", { key, how })],
    [8, of("Heal", { key, how })],
    [
      4,
      of("Dawdle", {
        key,
        endings: fc.array(dawdling, { minLength: 1, maxLength: 3 }),
        offset: fc.constantFrom(-0.5, 0, 0, 1),
        how
      })
    ],
    [2, of("Outstay", { key, offset: fc.constantFrom(-0.5, 0, 0, 1), ending: endingInFlight, how })],
    [2, of("HandOn", { key, ending: oneOf<Ending>([2, tagged("OwnRejection")], [1, several]), how })],
    [14, of("Settle", { pick: fc.nat(5), ending: endingInFlight })],
    [6, of("SettleAll", { endings: fc.array(endingInFlight, { minLength: 1, maxLength: 3 }) })],
    [
      24,
      of("AdvanceTo", {
        pick: oneOf([3, fc.constant(0)], [1, fc.nat(4)]),
        offset: oneOf([4, fc.constant(0)], [4, fc.constantFrom(-1, -0.5, 0.5, 1)])
      })
    ],
    [4, of("Advance", { millis: fc.constantFrom(0.5, 1, 10, 37, 100, 250, 999, 5_000) })],
    [1, of("SetWallClock", { by: fc.constantFrom(-3_600_000, -1, 250, 86_400_000) })],
    [2, of("Trip", { key })],
    [2, of("Reset", { key })],
    [2, of("Isolate", { key })],
    [1, of("IsolateResetIsolate", { key })],
    [3, of("Release", { pick: fc.nat(3) })],
    [2, of("Disable", { key })],
    [3, of("Enable", { pick: fc.nat(3) })],
    [1, of("DisableWhileIsolated", { key, end: fc.constantFrom<"Release" | "Reset">("Release", "Reset") })]
  )

const history = (key: fc.Arbitrary<Key>): fc.Arbitrary<ReadonlyArray<Command>> =>
  // The sizes that fast-check prefers at first are those of short histories, in which little happens.
  fc.noBias(fc.array(commandsOn(key), { minLength: 1, maxLength: 60, size: "max" }))

export const commands = history(fewKeys)
export const crowdedCommands = history(manyKeys)
