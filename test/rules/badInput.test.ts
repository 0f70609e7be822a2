import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CircuitBreaker, CircuitBreakerRegistry, Outcome, TripPolicy } from "effect-circuit-breaker"

type Options = CircuitBreaker.Options

/** Values that JavaScript, a config file or a cast may pass against the types. */
const untyped = <A>(value: unknown): A => value as A

interface Kind {
  readonly bad: ReadonlyArray<unknown>
  readonly good: ReadonlyArray<unknown>
  /** The allowed range in the message. */
  readonly allowed: RegExp
}

const count: Kind = {
  bad: [0, -1, 1.5, NaN, Infinity, "5", 2 ** 53],
  good: [1, 1_000],
  allowed: /an integer of at least 1/
}

const share: Kind = {
  bad: [0, -0.1, 1.1, NaN, Infinity],
  good: [0.001, 1],
  allowed: /above 0 and at most 1/
}

const duration: Kind = {
  bad: [0, -1, NaN, -Infinity, "0 seconds", "-5 seconds", "soon", Duration.zero],
  good: [1, "1 millis", Infinity, Duration.infinity],
  allowed: /a duration above 0/
}

const finiteDuration: Kind = {
  bad: [...duration.bad, Infinity, Duration.infinity],
  good: [1, "1 millis", Duration.days(365)],
  allowed: /a finite duration above 0/
}

const policy =
  <A>(make: (options: A) => TripPolicy.TripPolicy, valid: A) =>
  (name: keyof A & string) =>
  (value: unknown): Options => ({ tripPolicy: make({ ...valid, [name]: value }) })

const failureCount = policy(TripPolicy.failureCount, { failures: 3, within: "1 minute" })
const timedRate = policy<TripPolicy.FailureRateOptions>(TripPolicy.failureRate, {
  threshold: 0.5,
  within: "1 minute"
})
const callsRate = policy<TripPolicy.FailureRateOptions>(TripPolicy.failureRate, {
  threshold: 0.5,
  calls: 1_000
})
const slowRate = policy<TripPolicy.SlowCallRateOptions>(TripPolicy.slowCallRate, {
  slowerThan: "2 seconds",
  threshold: 0.5,
  within: "1 minute"
})

/** Every option with a range, its kind, and the options with a given value of it. */
const ranges: ReadonlyArray<readonly [option: string, kind: Kind, withValue: (value: unknown) => Options]> = [
  ["openDuration", finiteDuration, (value) => ({ openDuration: untyped(value) })],
  ["maxOpenDuration", duration, (value) => ({ maxOpenDuration: untyped(value) })],
  ["halfOpen.probes", count, (value) => ({ halfOpen: { probes: untyped(value) } })],
  ["halfOpen.failuresToReopen", count, (value) => ({ halfOpen: { failuresToReopen: untyped(value) } })],
  ["halfOpen.probeTimeout", finiteDuration, (value) => ({ halfOpen: { probeTimeout: untyped(value) } })],
  ["recovery.duration", finiteDuration, (value) => ({ recovery: { duration: untyped(value) } })],
  ["recovery.from", share, (value) => ({ recovery: { duration: "1 minute", from: untyped(value) } })],
  ["capacity", count, (value) => ({ capacity: untyped(value) })],
  ["idleTimeToLive", duration, (value) => ({ idleTimeToLive: untyped(value) })],
  ["tripPolicy.failures", count, (value) => ({ tripPolicy: TripPolicy.consecutive(untyped(value)) })],
  ["tripPolicy.failures", count, failureCount("failures")],
  ["tripPolicy.within", duration, failureCount("within")],
  ["tripPolicy.threshold", share, timedRate("threshold")],
  ["tripPolicy.within", finiteDuration, timedRate("within")],
  ["tripPolicy.buckets", count, timedRate("buckets")],
  ["tripPolicy.minimumCalls", count, timedRate("minimumCalls")],
  ["tripPolicy.minimumFailures", count, timedRate("minimumFailures")],
  ["tripPolicy.threshold", share, callsRate("threshold")],
  ["tripPolicy.calls", count, callsRate("calls")],
  ["tripPolicy.minimumCalls", count, callsRate("minimumCalls")],
  ["tripPolicy.minimumFailures", count, callsRate("minimumFailures")],
  ["tripPolicy.slowerThan", finiteDuration, slowRate("slowerThan")],
  ["tripPolicy.threshold", share, slowRate("threshold")],
  ["tripPolicy.within", finiteDuration, slowRate("within")],
  ["tripPolicy.buckets", count, slowRate("buckets")],
  ["tripPolicy.minimumCalls", count, slowRate("minimumCalls")],
  [
    "tripPolicy.anyOf[1].failures",
    count,
    (value) => ({
      tripPolicy: TripPolicy.anyOf(TripPolicy.consecutive(1), TripPolicy.consecutive(untyped(value)))
    })
  ]
]

const endless = Schedule.fromDelays("1 second", Duration.infinity)

/** Bad values that no range describes. */
const refused: Record<string, { readonly options: Options; readonly says: ReadonlyArray<RegExp> }> = {
  "an empty name": { options: { name: "" }, says: [/name/, /not empty/, /""/] },
  "a name that is no string": { options: { name: untyped(5) }, says: [/name/, /string/, /5/] },
  "an unknown mode": {
    options: { mode: untyped("dry") },
    says: [/mode/, /"enforce" or "observe"/, /"dry"/]
  },
  "a classifier that is no function": {
    options: { classify: untyped("all") },
    says: [/classify/, /function/, /"all"/]
  },
  "a policy that is none": { options: { tripPolicy: untyped("consecutive") }, says: [/tripPolicy/] },
  "a policy of no known kind": { options: { tripPolicy: untyped({ _tag: "Nth" }) }, says: [/tripPolicy/] },
  "an empty allOf": { options: { tripPolicy: TripPolicy.allOf() }, says: [/tripPolicy/, /at least one/] },
  "an empty anyOf": { options: { tripPolicy: TripPolicy.anyOf() }, says: [/tripPolicy/, /at least one/] },
  "a rate with no window": {
    options: { tripPolicy: TripPolicy.failureRate({ threshold: 0.5 }) },
    says: [/tripPolicy/, /within or calls/, /neither/]
  },
  "a rate with two windows": {
    options: { tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 minute", calls: 5 }) },
    says: [/tripPolicy/, /within or calls/, /both/]
  },
  "buckets of a window of calls": {
    options: { tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 5, buckets: 2 }) },
    says: [/tripPolicy\.buckets/, /within/, /2/]
  },
  "a minimum that the window cannot hold": {
    options: { tripPolicy: TripPolicy.failureRate({ threshold: 0.5, calls: 5, minimumCalls: 6 }) },
    says: [/tripPolicy\.minimumCalls/, /5/, /6/]
  },
  "a policy of one's own without its functions": {
    options: { tripPolicy: TripPolicy.make({ initial: 0, record: untyped(5), trips: () => false }) },
    says: [/tripPolicy\.record/, /function/, /5/]
  },
  "an unknown option": {
    options: untyped({ threshold: 5 }),
    says: [/threshold/, /tripPolicy, openDuration/]
  },
  "an unknown option of halfOpen": {
    options: { halfOpen: untyped({ probe: 1 }) },
    says: [/halfOpen/, /probe\b/, /probes/]
  },
  "an unknown option of recovery": {
    options: { recovery: untyped({ duration: "1 minute", to: 1 }) },
    says: [/recovery/, /\bto\b/, /from/]
  },
  "an unknown option of failureCount": {
    options: { tripPolicy: TripPolicy.failureCount(untyped({ failures: 1, within: 1, window: 1 })) },
    says: [/tripPolicy/, /window/]
  },
  "an unknown option of failureRate": {
    options: { tripPolicy: TripPolicy.failureRate(untyped({ threshold: 1, calls: 1, slowerThan: 1 })) },
    says: [/tripPolicy/, /slowerThan/]
  },
  "an unknown option of slowCallRate": {
    options: {
      tripPolicy: TripPolicy.slowCallRate(
        untyped({ threshold: 1, calls: 1, slowerThan: 1, minimumFailures: 1 })
      )
    },
    says: [/tripPolicy/, /minimumFailures/]
  },
  "a schedule that stops at once": { options: { openDuration: Schedule.stop }, says: [/openDuration/, /0/] },
  "a schedule that never delays": {
    options: { openDuration: Schedule.forever },
    says: [/openDuration/, /delay above 0/, /0/]
  },
  "a schedule that delays for ever": {
    options: { openDuration: Schedule.spaced(Duration.infinity) },
    says: [/openDuration/, /finite/, /Infinity/]
  },
  "a schedule that delays for ever in the end": {
    options: { openDuration: endless },
    says: [/openDuration/, /finite/, /Infinity/]
  },
  "a schedule whose steps wait": {
    options: {
      openDuration: Schedule.spaced("1 second").pipe(Schedule.tapOutput(() => Effect.sleep("1 second")))
    },
    says: [/openDuration/, /do not wait/]
  },
  "a schedule whose steps die": {
    options: {
      openDuration: Schedule.spaced("1 second").pipe(Schedule.tapOutput(() => Effect.die("its own fault")))
    },
    says: [/openDuration/, /fail/, /its own fault/]
  }
}

const shown = (value: unknown): string =>
  Duration.isDuration(value)
    ? Duration.format(value)
    : typeof value === "string"
      ? JSON.stringify(value)
      : String(value)

/** The three ways to construct a breaker; each returns the message of the refusal. */
const constructions: Record<string, (options: Options) => Effect.Effect<string | undefined>> = {
  make: (options) => Effect.map(Effect.exit(Effect.scoped(CircuitBreaker.make(options))), rangeErrorOf),
  layer: (options) =>
    Effect.map(Effect.exit(Effect.scoped(Layer.build(CircuitBreaker.layer(options)))), rangeErrorOf),
  layerConfig: (options) =>
    Effect.map(
      Effect.exit(Effect.scoped(Layer.build(CircuitBreaker.layerConfig(asConfig(options))))),
      configErrorOf
    )
}

const rangeErrorOf = (exit: Exit.Exit<unknown, never>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const defect = Cause.squash(exit.cause)
  assert.instanceOf(defect, RangeError)
  return defect.message
}

const configErrorOf = (exit: Exit.Exit<unknown, ConfigError.ConfigError>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  assert.strictEqual(exit.cause._tag, "Fail")
  const error = Cause.squash(exit.cause)
  assert.isTrue(ConfigError.isConfigError(error))
  return String(error)
}

const asConfig = (options: Options): Config.Config.Wrap<Omit<Options, "classify">> =>
  untyped(Object.fromEntries(Object.entries(options).map(([name, value]) => [name, Config.succeed(value)])))

for (const [construction, construct] of Object.entries(constructions)) {
  describe(`R3.5 bad input through ${construction}`, () => {
    for (const [i, [option, kind, withValue]] of ranges.entries()) {
      it.effect(`R3.5 ${option} out of range is refused with name, value and range (${i + 1})`, () =>
        Effect.gen(function* () {
          for (const bad of kind.bad) {
            const message = yield* construct({ name: "payments", ...withValue(bad) })

            assert.isDefined(message, `${shown(bad)} was accepted`)
            assert.include(message!, option)
            assert.include(message!, `received ${shown(bad)}`)
            assert.match(message!, kind.allowed)
            assert.include(message!, "payments")
          }
        })
      )

      it.effect(`R3.5 ${option} in range is accepted (${i + 1})`, () =>
        Effect.gen(function* () {
          for (const good of kind.good) {
            assert.isUndefined(yield* construct(withValue(good)), shown(good))
          }
        })
      )
    }

    for (const [what, { options, says }] of Object.entries(refused)) {
      if (construction === "layerConfig" && options.classify !== undefined) continue

      it.effect(`R3.5 ${what} is refused`, () =>
        Effect.gen(function* () {
          const message = yield* construct(options)

          assert.isDefined(message, "it was accepted")
          for (const expected of says) assert.match(message!, expected)
        })
      )
    }
  })
}

describe("R3.5 E26 the names of options", () => {
  // The compiler checks that none is missing.
  const all: Required<Options> = {
    name: "payments",
    tripPolicy: TripPolicy.consecutive(1),
    openDuration: "1 second",
    maxOpenDuration: "1 minute",
    halfOpen: {
      probes: 1,
      failuresToReopen: 1,
      probeTimeout: "1 second"
    } satisfies Required<CircuitBreaker.HalfOpenOptions>,
    recovery: { duration: "1 second", from: 0.5 } satisfies Required<CircuitBreaker.RecoveryOptions>,
    classify: Outcome.fromExit,
    mode: "enforce",
    capacity: 1,
    idleTimeToLive: "1 second",
    metricsByKey: false
  }

  it.scoped("R3.5 E26 are known, if the types have them", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* CircuitBreaker.make(all)).name, "payments")
    })
  )

  it.scoped("R3.5 E26 are refused, if the types do not have them", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(CircuitBreaker.make(untyped({ ...all, threshold: 5 })))

      assert.match(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was accepted",
        /RangeError: CircuitBreaker "payments": unknown option "threshold", the options are name, tripPolicy/
      )
    })
  )
})

describe("R3.5 E6 null", () => {
  const optionsThatAreNull: Record<string, Options> = {
    ...Object.fromEntries(ranges.map(([option, , withValue], i) => [`${option} (${i})`, withValue(null)])),
    ...Object.fromEntries(
      ["name", "tripPolicy", "halfOpen", "recovery", "classify", "mode", "metricsByKey"].map((option) => [
        option,
        untyped<Options>({ [option]: null })
      ])
    ),
    "tripPolicy.anyOf[0]": { tripPolicy: TripPolicy.anyOf(untyped(null)) },
    "tripPolicy.allOf[1]": { tripPolicy: TripPolicy.allOf(TripPolicy.consecutive(1), untyped(null)) },
    "tripPolicy.record": {
      tripPolicy: TripPolicy.make({ initial: 0, record: untyped(null), trips: () => false })
    }
  }

  for (const [name, options] of Object.entries(optionsThatAreNull)) {
    const option = name.replace(/ .*/, "")
    it.effect(`R3.5 E6 is refused by name, not replaced by the default: ${name}`, () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Effect.scoped(CircuitBreaker.make(options)))

        const message = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was accepted"
        assert.include(message, option)
        assert.include(message, "received null")
        assert.include(message, "RangeError")
      })
    )
  }

  const calls: Record<string, (breaker: CircuitBreaker.CircuitBreaker) => unknown> = {
    "make's options": () => Effect.runSync(Effect.scoped(CircuitBreaker.make(untyped(null)))),
    "protectWith's options": (breaker) => breaker.protectWith(Effect.void, untyped(null)),
    "protectWith's key": (breaker) => breaker.protectWith(Effect.void, { key: untyped(null) }),
    "protectWith's classify": (breaker) => breaker.protectWith(Effect.void, { classify: untyped(null) }),
    "protectStream's options": (breaker) => breaker.protectStream(Stream.empty, untyped(null)),
    "protectStream's key": (breaker) => breaker.protectStream(Stream.empty, { key: untyped(null) }),
    "the key of state": (breaker) => breaker.state(untyped(null)),
    "the key of admit": (breaker) => breaker.admit(untyped(null)),
    "the key of trip": (breaker) => breaker.trip(untyped(null)),
    "the key of isolate": (breaker) => breaker.isolate(untyped(null)),
    "the key of disable": (breaker) => breaker.disable(untyped(null)),
    "the key of awaitReady": (breaker) => breaker.awaitReady(untyped(null))
  }

  for (const [what, call] of Object.entries(calls)) {
    it.scoped(`R3.5 E6 is refused as ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make()

        assert.throws(() => call(breaker), /null/)
      })
    )
  }

  it.effect("R3.5 E6 a negative duration is shown as it was given", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(CircuitBreaker.make({ openDuration: "-1 seconds" })))

      const message = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was accepted"
      assert.include(message, 'received "-1 seconds"')
    })
  )

  it.effect("R3.5 E6 a value that cannot be printed is refused like any other", () =>
    Effect.gen(function* () {
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      for (const value of [circular, 5n, Symbol("five"), () => 5]) {
        const made = Effect.scoped(CircuitBreaker.make({ capacity: untyped(value) }))
        const exit = yield* Effect.exit(made)
        assert.match(
          Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was accepted",
          /RangeError: CircuitBreaker "default": capacity must be an integer/
        )
      }
    })
  )

  it.effect("R3.5 a number in a string is no number", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.failureRate({ threshold: untyped("0.5"), calls: 2 })
      const exit = yield* Effect.exit(Effect.scoped(CircuitBreaker.make({ tripPolicy })))

      const message = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was accepted"
      assert.match(message, /tripPolicy\.threshold must be a number above 0/)
    })
  )
})

describe("R3.5 construction", () => {
  it("R3.5 a policy out of range is data until a breaker is made with it", () => {
    assert.doesNotThrow(() => {
      TripPolicy.consecutive(0)
      TripPolicy.failureCount({ failures: 0, within: -1 })
      TripPolicy.failureRate({ threshold: 2 })
      TripPolicy.slowCallRate({ threshold: NaN, slowerThan: 0 })
      TripPolicy.anyOf()
    })
  })

  it.effect("R3.5 options that are undefined are at their defaults", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        name: undefined,
        tripPolicy: undefined,
        openDuration: undefined,
        halfOpen: { probes: undefined },
        recovery: undefined,
        mode: undefined
      })

      assert.strictEqual(breaker.name, "default")
    }).pipe(Effect.scoped)
  )

  it.effect("R3.5 nothing is registered if construction fails", () =>
    Effect.gen(function* () {
      yield* Effect.exit(Effect.scoped(CircuitBreaker.make({ capacity: 0 })))
      yield* Effect.exit(Effect.scoped(CircuitBreaker.make({ openDuration: Schedule.stop })))

      assert.deepStrictEqual(yield* CircuitBreakerRegistry.breakers, [])
    }).pipe(
      Effect.provideServiceEffect(
        CircuitBreakerRegistry.CircuitBreakerRegistry,
        Effect.sync(CircuitBreakerRegistry.unsafeMake)
      )
    )
  )
})

describe("R3.5 layerConfig", () => {
  const provide = (entries: Record<string, string>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))

  const layer = CircuitBreaker.layerConfig({
    name: Config.string("NAME"),
    tripPolicy: TripPolicy.config("TRIP"),
    openDuration: Config.duration("OPEN_FOR"),
    halfOpen: { probes: Config.integer("PROBES") }
  })
  const valid = {
    NAME: "payments",
    "TRIP.TYPE": "consecutive",
    "TRIP.FAILURES": "1",
    OPEN_FOR: "10 seconds",
    PROBES: "2"
  }

  it.effect("R3.5 makes a breaker of what it reads", () =>
    Effect.gen(function* () {
      const [name, state] = yield* Effect.gen(function* () {
        const { name } = yield* CircuitBreaker.CircuitBreaker
        yield* Effect.flip(CircuitBreaker.protect(Effect.fail("unavailable")))
        return [name, yield* CircuitBreaker.state()] as const
      }).pipe(Effect.provide(layer), provide(valid))

      assert.strictEqual(name, "payments")
      assert.deepStrictEqual(state, { _tag: "Open", retryAfter: Duration.seconds(10), openings: 1 })
    })
  )

  for (const [what, entries, says] of [
    ["PROBES of 0", { PROBES: "0" }, /halfOpen\.probes.*at least 1.*0/],
    ["an OPEN_FOR of 0", { OPEN_FOR: "0 seconds" }, /openDuration.*above 0.*0/],
    ["a policy out of range", { "TRIP.FAILURES": "0" }, /failures.*at least 1.*0/],
    ["an empty NAME", { NAME: "" }, /name.*not empty/],
    ["PROBES that are no number", { PROBES: "two" }, /PROBES.*two/s]
  ] as const) {
    it.effect(`R3.5 ${what} is a ConfigError`, () =>
      Effect.gen(function* () {
        const exit = yield* CircuitBreaker.state().pipe(
          Effect.provide(layer),
          provide({ ...valid, ...entries }),
          Effect.exit
        )

        assert.match(configErrorOf(exit) ?? "accepted", says)
      })
    )
  }

  it.effect("R3.5 a missing value is a ConfigError", () =>
    Effect.gen(function* () {
      const exit = yield* CircuitBreaker.state().pipe(Effect.provide(layer), provide({}), Effect.exit)

      assert.match(configErrorOf(exit) ?? "accepted", /NAME/)
    })
  )
})
