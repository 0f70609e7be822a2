/** The types of layers, configuration and schedules. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  CircuitBreaker,
  CircuitBreakerLive,
  type CircuitBreakerRegistry,
  type CircuitOpenError,
  Outcome,
  TripPolicy
} from "effect-circuit-breaker"
import type { CircuitOpenErrorSchema } from "effect-circuit-breaker/CircuitOpenErrorSchema"

class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
  tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "30 seconds", minimumCalls: 20 }),
  openDuration: Schedule.exponential("1 second")
}) {}

class Random extends Context.Tag("Random")<Random, number>() {}

type Breaker = CircuitBreaker.CircuitBreaker
type ConfigOptions = Parameters<typeof CircuitBreaker.layerConfig>[0]

describe("R3.1.2 the types of layers", () => {
  it("R3.1.2 make needs a scope and cannot fail", () => {
    expectTypeOf(CircuitBreaker.make()).toEqualTypeOf<Effect.Effect<Breaker, never, Scope.Scope>>()
  })

  it("R3.1.2 a layer provides the breaker, needs nothing and cannot fail", () => {
    expectTypeOf(CircuitBreakerLive).toEqualTypeOf<Layer.Layer<Breaker>>()
    expectTypeOf(CircuitBreaker.layer()).toEqualTypeOf<Layer.Layer<Breaker>>()
    expectTypeOf(CircuitBreaker.layer({ name: "payments" })).toEqualTypeOf<Layer.Layer<Breaker>>()
    expectTypeOf(Payments.layer).toEqualTypeOf<Layer.Layer<Payments>>()
    expectTypeOf(Payments.layerWith({ mode: "observe" })).toEqualTypeOf<Layer.Layer<Payments>>()
  })

  it("R3.1.2 a layer takes away exactly the need that it fills", () => {
    const program = Effect.zip(
      Payments.protect(Effect.succeed(1)),
      CircuitBreaker.protect(Effect.succeed("a"))
    )

    expectTypeOf(Effect.provide(program, Payments.layer)).toEqualTypeOf<
      Effect.Effect<[number, string], CircuitOpenError, Breaker>
    >()
    expectTypeOf(Effect.provide(program, Layer.merge(Payments.layer, CircuitBreakerLive))).toEqualTypeOf<
      Effect.Effect<[number, string], CircuitOpenError>
    >()
  })

  it("R3.1.2 the classifier of a breaker is asked about any exit", () => {
    expectTypeOf(Outcome.fromExit).toExtend<CircuitBreaker.Classify>()
    expectTypeOf<() => boolean>().not.toExtend<CircuitBreaker.Classify>()
    expectTypeOf<{ classify: (exit: unknown) => string }>().not.toExtend<CircuitBreaker.Options>()
  })
})

describe("R3.5 the types of options", () => {
  it("R3.5 wrong kinds of values are refused", () => {
    type Options = CircuitBreaker.Options

    expectTypeOf<{ capacity: string }>().not.toExtend<Options>()
    expectTypeOf<{ mode: "dry run" }>().not.toExtend<Options>()
    expectTypeOf<{ tripPolicy: number }>().not.toExtend<Options>()
    expectTypeOf<{ recovery: { from: number } }>().not.toExtend<Options>()
    expectTypeOf<{ openDuration: "soon" }>().not.toExtend<Options>()
    expectTypeOf<{ openDuration: "30 seconds" }>().toExtend<Options>()
    expectTypeOf<{ openDuration: Schedule.Schedule<Duration.Duration> }>().toExtend<Options>()
    expectTypeOf<{ openDuration: Schedule.Schedule<unknown, number> }>().toExtend<Options>()
    expectTypeOf<{ openDuration: Schedule.Schedule<unknown, string> }>().not.toExtend<Options>()
    expectTypeOf<{ openDuration: Schedule.Schedule<unknown, unknown, Random> }>().not.toExtend<Options>()
  })

  it("R3.5 layerConfig reads every option but classify, each from a Config", () => {
    const options = {
      name: Config.string("NAME"),
      tripPolicy: TripPolicy.config("TRIP"),
      openDuration: Config.duration("OPEN_FOR"),
      maxOpenDuration: Config.duration("MAX"),
      halfOpen: { probes: Config.integer("PROBES"), probeTimeout: Config.duration("PROBE_TIMEOUT") },
      recovery: { duration: Config.duration("RECOVERY"), from: Config.number("FROM") },
      mode: Config.literal("enforce", "observe")("MODE"),
      capacity: Config.integer("CAPACITY"),
      idleTimeToLive: Config.duration("TTL")
    }

    expectTypeOf(CircuitBreaker.layerConfig(options)).toEqualTypeOf<
      Layer.Layer<Breaker, ConfigError.ConfigError>
    >()
    expectTypeOf(TripPolicy.config()).toEqualTypeOf<Config.Config<TripPolicy.TripPolicy>>()
    expectTypeOf<{ capacity: Config.Config<number> }>().toExtend<ConfigOptions>()
    expectTypeOf<Config.Config<{ capacity: number }>>().toExtend<ConfigOptions>()
    expectTypeOf<{ capacity: Config.Config<string> }>().not.toExtend<ConfigOptions>()
    expectTypeOf<{ capacity: number }>().not.toExtend<ConfigOptions>()
    expectTypeOf<Exclude<ConfigOptions, Config.Config<unknown>>>().not.toHaveProperty("classify")
  })
})

describe("R3.6 the types of retrySchedule", () => {
  class Declined {
    readonly _tag = "Declined"
  }
  class Unavailable {
    readonly _tag = "Unavailable"
  }
  const charge: Effect.Effect<number, Declined | Unavailable> = Effect.succeed(1)
  const guarded = Payments.protect(charge)

  type Retried<R = never> = Effect.Effect<number, Declined | Unavailable | CircuitOpenError, Payments | R>

  it("R3.6 fits any effect by default", () => {
    expectTypeOf(Effect.retry(guarded, CircuitBreaker.retrySchedule())).toEqualTypeOf<Retried>()
    expectTypeOf(guarded.pipe(Effect.retry(CircuitBreaker.retrySchedule()))).toEqualTypeOf<Retried>()
    expectTypeOf(guarded.pipe(Effect.retry(CircuitBreaker.retrySchedule({})))).toEqualTypeOf<Retried>()
    expectTypeOf(
      guarded.pipe(Effect.retry({ schedule: CircuitBreaker.retrySchedule(), times: 3 }))
    ).toEqualTypeOf<Retried>()
  })

  it("R3.6 fits an effect whose error is a union, with a schedule for any error or for these", () => {
    const ofAny = CircuitBreaker.retrySchedule({ schedule: Schedule.spaced("1 second") })
    const ofThese = CircuitBreaker.retrySchedule({
      schedule: Schedule.spaced("1 second").pipe(
        Schedule.whileInput((error: Declined | Unavailable) => error._tag === "Unavailable")
      )
    })
    const alone = CircuitBreaker.retrySchedule(Schedule.recurs(3))

    expectTypeOf(guarded.pipe(Effect.retry(ofAny))).toEqualTypeOf<Retried>()
    expectTypeOf(guarded.pipe(Effect.retry(ofThese))).toEqualTypeOf<Retried>()
    expectTypeOf(guarded.pipe(Effect.retry(alone))).toEqualTypeOf<Retried>()
    expectTypeOf(ofThese).toEqualTypeOf<
      Schedule.Schedule<unknown, Declined | Unavailable | CircuitOpenError>
    >()
    expectTypeOf(ofThese).not.toExtend<Schedule.Schedule<unknown, Declined | Unavailable | Error>>()
  })

  it("R3.6 needs what its schedules need", () => {
    const needing = Schedule.recurs(3).pipe(Schedule.tapOutput(() => Random))

    expectTypeOf(
      guarded.pipe(Effect.retry(CircuitBreaker.retrySchedule({ schedule: needing })))
    ).toEqualTypeOf<Retried<Random>>()
    expectTypeOf(
      guarded.pipe(Effect.retry(CircuitBreaker.retrySchedule({ backoff: needing })))
    ).toEqualTypeOf<Retried<Random>>()
  })
})

describe("R3.4 the types of the registry and the schema", () => {
  it("R3.4 the registry is a reference: reading it needs nothing", () => {
    type Registry = typeof CircuitBreakerRegistry

    expectTypeOf<Effect.Effect.Context<Registry["breakers"]>>().toEqualTypeOf<never>()
    expectTypeOf<Effect.Effect.Context<ReturnType<Registry["get"]>>>().toEqualTypeOf<never>()
    expectTypeOf<Effect.Effect.Success<Registry["breakers"]>>().toEqualTypeOf<ReadonlyArray<Breaker>>()
  })

  it("R3.1.2 the schema decodes to the error and needs nothing", () => {
    type ErrorSchema = typeof CircuitOpenErrorSchema

    expectTypeOf<Schema.Schema.Type<ErrorSchema>>().toEqualTypeOf<CircuitOpenError>()
    expectTypeOf<Schema.Schema.Context<ErrorSchema>>().toEqualTypeOf<never>()
  })
})
