import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import type { CircuitBreaker, CircuitState, Options } from "../../CircuitBreaker.ts"
import { make } from "../../CircuitBreaker.ts"
import * as Outcome from "../../Outcome.ts"
import { alone, CircuitStore } from "../../CircuitStore.ts"
import type { ChosenState } from "../../testing.ts"
import { given } from "../options/checks.ts"
import { checkState } from "./chosenState.ts"

/**
 * Makes a breaker without a store, and brings one of its circuits into the chosen state.
 *
 * @internal
 */
export const breaker = (
  input: ChosenState,
  options: Options = {}
): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  Effect.suspend(() => {
    const chosen = checkState(input)
    return make(withRecovery(chosen, options)).pipe(
      Effect.provideService(CircuitStore, alone),
      Effect.tap((breaker) => enter(breaker, chosen))
    )
  })

const withRecovery = ({ state }: ChosenState, options: Options): Options =>
  state === "Recovering"
    ? { recovery: { duration: "1 minute" }, ...given("testing: options", options) }
    : options

/**
 * Builds the layer of a service without a store, and brings one of its circuits into the chosen state.
 *
 * @internal
 */
export const layerOf = <Self>(
  service: Context.Tag<Self, CircuitBreaker> & {
    readonly layerWith: (options: Options) => Layer.Layer<Self>
  },
  chosen: ChosenState,
  options: Options = {}
): Layer.Layer<Self> =>
  service.layerWith(options).pipe(
    Layer.provide(Layer.succeed(CircuitStore, alone)),
    Layer.flatMap((context) =>
      Layer.merge(
        Layer.succeedContext(context),
        Layer.scopedDiscard(Effect.suspend(() => enter(Context.get(context, service), checkState(chosen))))
      )
    )
  )

/** Brings a circuit of a new breaker into a state, as calls, controls and the passing of time would. */
const enter = (breaker: CircuitBreaker, chosen: ChosenState): Effect.Effect<void, never, Scope.Scope> =>
  stepsTo(breaker, chosen).pipe(
    // These transitions prepare the test, so they are not logged.
    Logger.withMinimumLogLevel(LogLevel.None)
  )

const stepsTo = (breaker: CircuitBreaker, chosen: ChosenState): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(stoppedClock, (ago) => stepsBefore(ago, breaker, chosen))

const stepsBefore = (
  ago: Ago,
  breaker: CircuitBreaker,
  chosen: ChosenState
): Effect.Effect<void, never, Scope.Scope> => {
  const { key } = chosen
  switch (chosen.state) {
    case "Isolated":
      return breaker.isolate(key)
    case "Open":
      return Effect.flatMap(ago(0, openMillis(breaker, key)), (length) =>
        chosen.retryAfter === undefined
          ? ago(0, breaker.trip(key))
          : ago(length - Duration.toMillis(chosen.retryAfter), breaker.trip(key))
      )
    case "HalfOpen":
      return Effect.flatMap(ago(0, openMillis(breaker, key)), (length) =>
        Effect.zipRight(
          ago(length + marginMillis, breaker.trip(key)),
          Effect.replicateEffect(beginProbe(breaker, chosen), chosen.probing ?? 0, { discard: true })
        )
      )
    case "Recovering":
      return Effect.gen(function* () {
        const length = yield* ago(0, openMillis(breaker, key))
        const begin = (millis: number) =>
          Effect.zipRight(
            ago(millis + length + marginMillis, breaker.trip(key)),
            ago(millis, succeed(breaker, key))
          )
        yield* begin(0)
        const from = yield* ago(0, admitting(breaker, key))
        if (chosen.admitting === undefined) return
        const perMilli = (yield* ago(-1, admitting(breaker, key))) - from
        if (!(chosen.admitting >= from && chosen.admitting < 1)) {
          return yield* refuse(`admitting must be from ${from} and below 1, received ${chosen.admitting}`)
        }
        yield* ago(0, breaker.reset(key))
        yield* begin((chosen.admitting - from) / perMilli)
      })
  }
}

// Times are rounded, so an opening that ends at this very moment could still read as Open.
const marginMillis = 1

/** Measures the first opening of a breaker: opens a circuit, reads its state and resets it. */
const openMillis = (breaker: CircuitBreaker, key: string | undefined): Effect.Effect<number> =>
  Effect.gen(function* () {
    yield* breaker.trip(key)
    const state = yield* breaker.state(key)
    yield* breaker.reset(key)
    return state._tag === "Open" ? Duration.toMillis(state.retryAfter) : 0
  })

const admitting = (breaker: CircuitBreaker, key: string | undefined): Effect.Effect<number> =>
  Effect.flatMap(breaker.state(key), (state) =>
    state._tag === "Recovering"
      ? Effect.succeed(state.admitting)
      : refuse("a breaker in the state Recovering needs the option `recovery`")
  )

/**
 * Makes probes succeed until the circuit is no longer HalfOpen, whatever the breaker's classifier makes of a success.
 */
const succeed = (breaker: CircuitBreaker, key: string | undefined): Effect.Effect<CircuitState> =>
  Effect.flatMap(breaker.admit(key), ({ settle }) => settle(Outcome.success)).pipe(
    Effect.scoped,
    Effect.orDie,
    Effect.zipRight(breaker.state(key)),
    Effect.repeat({ while: ({ _tag }) => _tag === "HalfOpen" })
  )

/** Starts a probe that runs until the scope closes. */
const beginProbe = (
  breaker: CircuitBreaker,
  { key, probing }: ChosenState & { readonly state: "HalfOpen" }
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const admitted = yield* Deferred.make<void>()
    const probe = call(breaker, Effect.zipRight(Deferred.succeed(admitted, undefined), Effect.never), key)
    const refused = refuse(`probing must be at most halfOpen.probes, received ${probing}`)
    // The circuit rejects the probe if all of its slots are taken.
    yield* Effect.forkScoped(Effect.catchAll(probe, () => Deferred.complete(admitted, refused)))
    yield* Deferred.await(admitted)
  })

const call = <A, E>(breaker: CircuitBreaker, effect: Effect.Effect<A, E>, key: string | undefined) =>
  key === undefined ? breaker.protect(effect) : breaker.protectWith(effect, { key })

const refuse = (message: string): Effect.Effect<never> => Effect.die(new RangeError(`testing: ${message}`))

/** Runs an effect with a clock that is stopped at a number of milliseconds in the past. */
type Ago = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

// All steps measure the past from the same moment, so their own duration does not matter.
const stoppedClock: Effect.Effect<Ago> = Effect.clockWith((clock) =>
  Effect.sync(() => {
    const millis = clock.unsafeCurrentTimeMillis()
    const nanos = clock.unsafeCurrentTimeNanos()
    return (ago, effect) =>
      Effect.withClock(effect, stoppedAt(millis - ago, nanos - BigInt(Math.round(ago * 1e6)), clock))
  })
)

const stoppedAt = (millis: number, nanos: bigint, clock: Clock.Clock): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => millis,
  unsafeCurrentTimeNanos: () => nanos,
  currentTimeMillis: Effect.succeed(millis),
  currentTimeNanos: Effect.succeed(nanos),
  sleep: (duration) => clock.sleep(duration)
})
