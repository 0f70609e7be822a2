/** Values that JavaScript or a mistake can pass where the types forbid them, in every public function that takes options. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitStore, Outcome, TripPolicy } from "effect-circuit-breaker"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"

/** Casts, because the types forbid these values. */
const untyped = <A>(value: unknown) => value as A

type Built = Effect.Effect<unknown, unknown, Scope.Scope>

const service = (options?: unknown) =>
  class Payments extends CircuitBreaker.Service<Payments>()("payments", untyped(options)) {}

const build = <A, E>(layer: Layer.Layer<A, E, never>): Built => Layer.build(layer)

/** The error with which a construction is refused. It fails the test if the construction throws in place of failing. */
const refusalOf = (built: () => Built) =>
  Effect.map(Effect.exit(Effect.scoped(built())), (exit) => {
    assert.isTrue(Exit.isFailure(exit), "it was accepted")
    return Exit.isFailure(exit) ? exit.cause : Cause.empty
  })

const clients = HttpClient.make(() => Effect.never)

/** Every function that takes options, and the way in which it refuses them. */
const functions: Record<string, readonly [refuses: "Die" | "Fail" | "throws", (options: unknown) => Built]> =
  {
    "CircuitBreaker.make": ["Die", (options) => CircuitBreaker.make(untyped(options))],
    "CircuitBreaker.layer": ["Die", (options) => build(CircuitBreaker.layer(untyped(options)))],
    "CircuitBreaker.layerConfig": ["Fail", (options) => build(CircuitBreaker.layerConfig(untyped(options)))],
    "CircuitBreaker.Service": ["Die", (options) => build(service(options).layer)],
    "layerWith of a service": ["Die", (options) => build(service().layerWith(untyped(options)))],
    "layerConfig of a service": ["Fail", (options) => build(service().layerConfig(untyped(options)))],
    "CircuitAdmin.layerConfig": [
      "Fail",
      (options) => Layer.build(untyped<Layer.Layer<never>>(CircuitAdmin.layerConfig(untyped(options))))
    ],
    "RedisCircuitStore.layerConfig": [
      "Fail",
      (options) => build(RedisCircuitStore.layerConfig(untyped(options)))
    ],
    "CircuitBreaker.retrySchedule": [
      "throws",
      (options) =>
        Effect.sync(() => CircuitBreaker.retrySchedule(untyped<CircuitBreaker.RetryOptions<0, 0>>(options)))
    ],
    "CircuitHttpClient.protect": [
      "throws",
      (options) => Effect.sync(() => CircuitHttpClient.protect(clients, untyped<{}>(options)))
    ],
    "CircuitHttpMiddleware.make": [
      "throws",
      (options) => Effect.sync(() => CircuitHttpMiddleware.make(untyped<{}>(options)))
    ],
    "testing.breaker": ["Die", (chosen) => testing.breaker(untyped(chosen))],
    "testing.layer": ["Die", (chosen) => build(testing.layer(untyped(chosen)))],
    "testing.layerOf": ["Die", (chosen) => build(testing.layerOf(service(), untyped(chosen)))]
  }

const notOptions: Record<string, unknown> = {
  null: null,
  "an array": [],
  "a Map": new Map([["capacity", 5]]),
  "a Date": new Date(0),
  "a Promise": Promise.resolve({ capacity: 5 }),
  "a number": 5,
  "a text": "payments",
  "a symbol": Symbol("payments"),
  "a function": () => ({})
}

describe("R3.5 E6 options that are no options", () => {
  for (const [name, [refuses, construct]] of Object.entries(functions)) {
    for (const [what, value] of Object.entries(notOptions)) {
      it.effect(`R3.5 E6 ${name} refuses ${what}`, () =>
        Effect.gen(function* () {
          const cause = yield* refusalOf(() => construct(value))

          assert.strictEqual(cause._tag, refuses === "throws" ? "Die" : refuses)
          assert.match(
            String(Cause.squash(cause)),
            /given options.*, received|a Config, or an object of Configs, received/
          )
        })
      )
    }
  }
})

describe("R3.5 E6 layerConfig", () => {
  it.effect("R3.5 E6 takes no options at all, and options that are undefined", () =>
    Effect.gen(function* () {
      for (const options of [
        {},
        { halfOpen: {} },
        { capacity: undefined, halfOpen: { probes: undefined } }
      ]) {
        yield* Effect.scoped(build(CircuitBreaker.layerConfig(untyped(options))))
        yield* Effect.scoped(build(service().layerConfig(untyped(options))))
      }
    })
  )

  for (const [option, value] of Object.entries({
    name: "payments",
    capacity: 5,
    recovery: null,
    "halfOpen: probes": 3n,
    "halfOpen: probeTimeout": [],
    "tripPolicy: _tag": undefined
  })) {
    it.effect(`R3.5 E6 refuses an option that is not read from configuration by its name: ${option}`, () =>
      Effect.gen(function* () {
        const [outer = "", inner] = option.split(": ")
        const options =
          outer === "tripPolicy"
            ? { tripPolicy: TripPolicy.consecutive(5) }
            : { [outer]: inner === undefined ? value : { [inner]: value } }

        const cause = yield* refusalOf(() => build(CircuitBreaker.layerConfig(untyped(options))))

        assert.strictEqual(cause._tag, "Fail")
        assert.include(String(Cause.squash(cause)), `CircuitBreaker.layerConfig: ${option} must be`)
      })
    )
  }

  it.effect("R3.5 E6 reads the options that it is given, also those within others", () =>
    Effect.gen(function* () {
      const layer = CircuitBreaker.layerConfig({
        tripPolicy: Config.succeed(TripPolicy.consecutive(1)),
        halfOpen: { probes: Config.integer("PROBES") }
      })
      const provider = ConfigProvider.fromMap(new Map([["PROBES", "0"]]))

      const cause = yield* refusalOf(() => Effect.withConfigProvider(build(layer), provider))

      assert.include(
        String(Cause.squash(cause)),
        "halfOpen.probes must be an integer of at least 1, received 0"
      )
    })
  )
})

describe("R3.5 E6 values", () => {
  const throwing = {
    toJSON: () => {
      throw new Error("a fault of the value")
    },
    toString: () => {
      throw new Error("a fault of the value")
    }
  }

  for (const option of [
    "name",
    "tripPolicy",
    "openDuration",
    "classify",
    "mode",
    "capacity",
    "metricsByKey"
  ]) {
    it.effect(`R3.5 E6 one that cannot be made a text is refused by the name of the option: ${option}`, () =>
      Effect.gen(function* () {
        for (const value of [throwing, Object.create(null)]) {
          const cause = yield* refusalOf(() => CircuitBreaker.make({ [option]: value }))

          assert.match(
            String(Cause.squash(cause)),
            new RegExp(`RangeError: .*${option} must be .*, received`)
          )
        }
      })
    )
  }

  for (const [what, construct, message] of [
    ...[null, 5, "1 second", []].flatMap(
      (value) =>
        [
          [
            "a schedule for retries",
            () => CircuitBreaker.retrySchedule({ schedule: untyped<Schedule.Schedule<0>>(value) }),
            "CircuitBreaker.retrySchedule: schedule must be a Schedule, received"
          ],
          [
            "a backoff",
            () => CircuitBreaker.retrySchedule({ backoff: untyped<Schedule.Schedule<0>>(value) }),
            "CircuitBreaker.retrySchedule: backoff must be a Schedule, received"
          ],
          [
            "a predicate of failures",
            () => Outcome.failWhen(untyped<() => boolean>(value)),
            "Outcome.failWhen: predicate must be a function, received"
          ],
          [
            "a predicate of ignored errors",
            () => Outcome.ignoreWhen(untyped<() => boolean>(value)),
            "Outcome.ignoreWhen: predicate must be a function, received"
          ]
        ] as const
    ),
    ...[null, "soon", {}].map(
      (value) =>
        [
          "a hint",
          () => Outcome.failure({ retryAfter: untyped(value) }),
          "Outcome.failure: retryAfter must be a duration, received"
        ] as const
    ),
    [
      "an option that does not exist",
      () => CircuitBreaker.retrySchedule(untyped<CircuitBreaker.RetryOptions<0, 0>>({ times: 3 })),
      'CircuitBreaker.retrySchedule: unknown option "times"'
    ],
    [
      "a deadline of the greatest length",
      () => CircuitStore.coordination({ deadline: Number.MAX_VALUE }),
      "CircuitStore.coordination: deadline must be at most 10 days, received 1.797"
    ],
    [
      "a prefix",
      () => CircuitHttpClient.byPrefix([untyped(5n)]),
      "CircuitHttpClient.byPrefix: a prefix must be an absolute URL"
    ]
  ] as ReadonlyArray<readonly [string, () => unknown, string]>) {
    it(`R3.5 E6 ${what} is refused by name: ${message}`, () => {
      assert.throws(construct, RangeError, message)
    })
  }

  for (const [chosen, message] of [
    [{ state: "Closed" }, 'state must be "Open" or'],
    [{ state: "Open", retryAfter: null }, "retryAfter must be a finite duration above 0, received null"],
    [
      { state: "Open", retryAfter: Infinity },
      "retryAfter must be a finite duration above 0, received Infinity"
    ],
    [{ state: "HalfOpen", probing: 1.5 }, "probing must be an integer of at least 0, received 1.5"],
    [{ state: "HalfOpen", probing: -1 }, "probing must be an integer of at least 0, received -1"],
    [{ state: "Recovering", admitting: "0.5" }, 'admitting must be a number, received "0.5"'],
    [{ state: "Recovering", admitting: NaN }, "admitting must be a number, received NaN"],
    [{ state: "Isolated", key: null }, "key must be a string, or left out, received null"],
    [{ state: "Isolated", probes: 1 }, 'unknown option "probes"']
  ] as const) {
    it.effect(`R3.5 E6 a state for a test is refused: ${message}`, () =>
      Effect.gen(function* () {
        for (const construct of [
          () => testing.breaker(untyped(chosen)),
          () => build(testing.layerOf(service({ recovery: { duration: "1 minute" } }), untyped(chosen)))
        ]) {
          const cause = yield* refusalOf(construct)

          assert.include(String(Cause.squash(cause)), message)
        }
      })
    )
  }
})
