/**
 * A circuit breaker guards calls to a dependency that may fail. While the dependency does well the circuit is Closed
 * and calls pass; when they fail too much it opens and callers fail fast with a typed error; after a while it lets a
 * probe through and, if that succeeds, closes.
 *
 * **Gotchas**
 *
 * - Build a breaker's layer once, at the program's entry or with a `ManagedRuntime`. A layer that is provided for each
 *   request makes a breaker for each, which sees one call and never opens.
 * - A breaker keeps to one `Clock` for its whole life: what was timed by the live clock means nothing under `TestClock`,
 *   and the reverse.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { CircuitOpenError } from "./CircuitOpenError.ts"
import { accessors } from "./internal/circuitBreaker/accessors.ts"
import * as layers from "./internal/circuitBreaker/layers.ts"
import * as internal from "./internal/circuitBreaker/make.ts"
import { given } from "./internal/options/checks.ts"
import * as retry from "./internal/circuitBreaker/retrySchedule.ts"
import type { Outcome } from "./Outcome.ts"
import type { Transition } from "./Transition.ts"
import type { TripPolicy } from "./TripPolicy.ts"

/**
 * One named policy that guards any number of circuits, one for each key. A call without a key uses the key
 * `"default"`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CircuitBreaker extends Operations<never> {
  readonly name: string
}

/**
 * What can be done with a breaker. `Needs` is what the operations ask of their surroundings: nothing for a breaker at
 * hand, its tag for the accessors.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operations<Needs> {
  /**
   * Guards an effect: it runs if its circuit admits the call, and otherwise the call fails with a
   * {@link CircuitOpenError} without starting it. Value, error, defect and interruption pass unchanged.
   */
  readonly protect: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpenError, R | Needs>
  /** As `protect`, with the key of a circuit, a classifier for this call, or both. */
  readonly protectWith: {
    <A, E>(options: {
      readonly key?: string | undefined
      readonly classify: (exit: Exit.Exit<A, E>) => Outcome
    }): <A2 extends A, E2 extends E, R>(
      // The first half types the exit of a classifier written in place, the second keeps the effect's own types where
      // the classifier takes wider ones.
      effect: Effect.Effect<A, E, R> & Effect.Effect<A2, E2, R>
    ) => Effect.Effect<A2, E2 | CircuitOpenError, R | Needs>
    (options: {
      readonly key?: string | undefined
    }): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpenError, R | Needs>
    <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      options: ProtectOptions<A, E>
    ): Effect.Effect<A, E | CircuitOpenError, R | Needs>
  }
  /**
   * Guards a stream as one call that lasts as long as the stream: a rejected one fails with a {@link CircuitOpenError}
   * and is not started. The first chunk settles a probe, and ends what counts as time; the stream's failure counts as
   * long as the circuit has not changed since, and its end is a success. Leaving early is a success after the first
   * chunk, and Ignored before it.
   */
  readonly protectStream: <A, E, R>(
    stream: Stream.Stream<A, E, R>,
    options?: StreamOptions
  ) => Stream.Stream<A, E | CircuitOpenError, R | Needs>
  /**
   * Admits a call that is not one effect, such as a connection, for as long as the scope lasts. The program settles it; a
   * scope that closes before that gives the call's slot back, and the call is Ignored.
   */
  readonly admit: (key?: string) => Effect.Effect<Admission, CircuitOpenError, Scope.Scope | Needs>
  /**
   * The state of a circuit. A read: it never admits a call, never takes a slot and never creates a circuit. A circuit that
   * this process has not met is first looked up in the store, if there is one, for no longer than its deadline.
   */
  readonly state: (key?: string) => Effect.Effect<CircuitState, never, Needs>
  /** State, window, totals and last failure of a circuit. A read, like `state`. */
  readonly snapshot: (key?: string) => Effect.Effect<CircuitSnapshot, never, Needs>
  /** A snapshot of every circuit the breaker holds now. */
  readonly circuits: Effect.Effect<ReadonlyArray<CircuitSnapshot>, never, Needs>
  /**
   * The transitions from the moment of subscription. A consumer that falls behind by more than 1,024 loses the oldest,
   * which shows as a gap in a circuit's `generation`; it never holds up a call.
   */
  readonly transitions: Stream.Stream<Transition, never, Needs>
  /**
   * The transitions, as `transitions` has them, as a queue that listens from the moment this effect has succeeded until
   * the scope closes. It is shut down with its breaker.
   */
  readonly subscribe: Effect.Effect<Queue.Dequeue<Transition>, never, Scope.Scope | Needs>
  /**
   * Opens a circuit now; it heals as after any trip. An Open one begins its open time anew, an Isolated or Disabled one
   * stays as it is.
   */
  readonly trip: (key?: string) => Effect.Effect<void, never, Needs>
  /**
   * Closes a circuit now, with an empty window and no backoff; isolations end, but a Disabled circuit stays so. Calls in
   * flight report into nothing.
   */
  readonly reset: (key?: string) => Effect.Effect<void, never, Needs>
  /** Holds a circuit open until the scope closes. Isolations nest: the last to end closes the circuit. */
  readonly isolate: (key?: string) => Effect.Effect<void, never, Scope.Scope | Needs>
  /**
   * Has a circuit admit every call until the scope closes: outcomes count in the totals and nowhere else. It nests as
   * isolations do, and an isolation comes first: an isolated circuit is Disabled as soon as that has ended.
   */
  readonly disable: (key?: string) => Effect.Effect<void, never, Scope.Scope | Needs>
  /**
   * Waits until a call would be admitted. It takes no slot, so another caller may be first. It is interrupted when the
   * breaker's scope closes before that.
   */
  readonly awaitReady: (key?: string) => Effect.Effect<void, never, Needs>
}

/**
 * A call that was admitted in a scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Admission {
  /** Settles the call. The first outcome counts, and only while the scope is open. */
  readonly settle: (outcome: Outcome) => Effect.Effect<void>
}

/**
 * Options of `protectStream`.
 *
 * @since 0.1.0
 * @category options
 */
export interface StreamOptions {
  /** The circuit to use (default `"default"`). */
  readonly key?: string | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ProtectOptions<in A, in E> {
  /** The circuit to use (default `"default"`). */
  readonly key?: string | undefined
  /** The verdict on this call's exit, in place of the breaker's own classifier. */
  readonly classify?: ((exit: Exit.Exit<A, E>) => Outcome) | undefined
}

/**
 * Turns the exit of a call into an outcome. It is not asked about an exit that is only interruption, which is
 * `Ignored`.
 *
 * @since 0.1.0
 * @category models
 */
export type Classify = (exit: Exit.Exit<unknown, unknown>) => Outcome

/**
 * The state of a circuit as a reader sees it. `retryAfter` is what is left of the open time, `openings` counts the
 * openings until the backoff starts over, `probing` and `succeeded` are probes, and `admitting` is a share from 0 to 1.
 *
 * A circuit whose open time has passed reads as HalfOpen, whether or not a call has come since.
 *
 * @since 0.1.0
 * @category models
 */
export type CircuitState =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Open"; readonly retryAfter: Duration.Duration; readonly openings: number }
  | {
      readonly _tag: "HalfOpen"
      readonly probing: number
      readonly succeeded: number
      readonly openings: number
    }
  | { readonly _tag: "Recovering"; readonly admitting: number; readonly openings: number }
  | { readonly _tag: "Isolated" }
  | { readonly _tag: "Disabled" }

/**
 * `window` is what the trip policy sees now; `totals` count since the circuit was made.
 *
 * A `consecutive` policy's window is the running streak, and a `failureCount`'s holds failures only. Of `anyOf` and
 * `allOf`, the window shows the largest figures; of a custom policy, none.
 *
 * @since 0.1.0
 * @category models
 */
export interface CircuitSnapshot {
  readonly breaker: string
  readonly key: string
  readonly state: CircuitState
  readonly window: { readonly calls: number; readonly failures: number; readonly slow: number }
  readonly totals: {
    readonly succeeded: number
    readonly failed: number
    readonly ignored: number
    readonly rejected: number
  }
  readonly lastFailure: Option.Option<LastFailure>
}

/**
 * `at` is epoch milliseconds. Where a value was judged a failure, the cause is a `Cause.fail` of it, or, of an HTTP
 * response, of a line such as `GET https://host/path answered 503`. The cause is empty where an {@link Admission} was
 * settled as a failure.
 *
 * @since 0.1.0
 * @category models
 */
export interface LastFailure {
  readonly at: number
  readonly cause: Cause.Cause<unknown>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** In errors, logs, metrics and the registry (default `"default"`). */
  readonly name?: string | undefined
  /** When a Closed circuit opens (default `TripPolicy.consecutive(5)`). */
  readonly tripPolicy?: TripPolicy | undefined
  /**
   * How long an opening lasts (default 30 seconds): a duration, or a schedule whose n-th delay is the length of the
   * n-th opening and whose last delay repeats. A step is taken at the moment of the opening, so it may go by the time of
   * day, and must not wait. Finite and above 0.
   */
  readonly openDuration?: Duration.DurationInput | Schedule.Schedule<unknown, number> | undefined
  /** The most that a failure's `retryAfter` hint can lengthen an opening to (default 1 hour). */
  readonly maxOpenDuration?: Duration.DurationInput | undefined
  /** How a circuit finds out whether its dependency is well again. */
  readonly halfOpen?: HalfOpenOptions | undefined
  /** After the probes succeed, admit a growing share of the calls before closing (default: close at once). */
  readonly recovery?: RecoveryOptions | undefined
  /** The verdict on an exit (default `Outcome.fromExit`). */
  readonly classify?: Classify | undefined
  /**
   * `"observe"` is a dry run: a call that would have been rejected runs, is counted in `rejected`, and its outcome
   * counts nowhere else (default `"enforce"`).
   */
  readonly mode?: "enforce" | "observe" | undefined
  /**
   * The most keyed circuits held (default 10,000). Beyond it the least recently used Closed one is dropped; only where
   * none is Closed a Recovering one goes, or else any other, with a warning and a transition to Closed.
   */
  readonly capacity?: number | undefined
  /** How long a keyed Closed circuit is held without a call (default 1 hour). */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  /**
   * Label the metrics with the circuit's key, too (default false): for few keys only, because a metric, once there,
   * stays. See `CircuitMetrics`.
   */
  readonly metricsByKey?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface HalfOpenOptions {
  /** How many probes have to succeed, and the most that run at a time (default 1). */
  readonly probes?: number | undefined
  /** How many failed probes open the circuit again (default 1). */
  readonly failuresToReopen?: number | undefined
  /** How long a probe holds its slot; what comes later counts nowhere (default 1 minute; finite). */
  readonly probeTimeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface RecoveryOptions {
  /** How long the share grows; finite and above 0. */
  readonly duration: Duration.DurationInput
  /** The share to begin with; above 0 and at most 1 (default 0.1). */
  readonly from?: number | undefined
}

/**
 * The service of a program that has one breaker. For several, give each a tag of its own with {@link Service}.
 *
 * @since 0.1.0
 * @category tags
 */
export const CircuitBreaker: Context.Tag<CircuitBreaker, CircuitBreaker> = Context.GenericTag<CircuitBreaker>(
  "effect-circuit-breaker/CircuitBreaker"
)

/**
 * Makes a breaker that is listed in the registry until the scope closes. Closing it ends the breaker's `transitions`;
 * there is nothing else to release.
 *
 * An option out of range is a defect: a `RangeError` that names the option, the value received and what is allowed.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(2) })
 *   const call = breaker.protect(Effect.fail("unavailable"))
 *   const first = yield* Effect.flip(call)
 *   const second = yield* Effect.flip(call)
 *   const third = yield* Effect.flip(call)
 *   return [first, second, typeof third === "string" ? third : third._tag]
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["unavailable", "unavailable", "CircuitOpenError"])
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<CircuitBreaker, never, Scope.Scope> =>
  internal.make(options)

/**
 * Provides a breaker as {@link CircuitBreaker}.
 *
 * **Gotchas**
 *
 * Provide it once, and not for each request: every build of the layer is a breaker of its own. A warning in the log says
 * so when breakers of one name come and go with a few calls each.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<CircuitBreaker> =>
  layers.scoped(CircuitBreaker, options)

/**
 * Provides a breaker whose options are read from configuration. An option out of range is a `ConfigError`. What is
 * not configurable, a policy or a schedule from the program, is given as `Config.succeed(value)`.
 *
 * Config reads the environment unless the program sets another provider: there, the options of the example are the
 * variables `TRIP_TYPE`, `TRIP_FAILURES` and `OPEN_FOR`.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Config from "effect/Config"
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 *
 * const BreakerLive = CircuitBreaker.layerConfig({
 *   tripPolicy: TripPolicy.config("TRIP"),
 *   openDuration: Config.duration("OPEN_FOR")
 * })
 *
 * const provider = ConfigProvider.fromMap(
 *   new Map([
 *     ["TRIP.TYPE", "consecutive"],
 *     ["TRIP.FAILURES", "3"],
 *     ["OPEN_FOR", "10 seconds"]
 *   ])
 * )
 * const state = await Effect.runPromise(
 *   CircuitBreaker.state().pipe(
 *     Effect.provide(BreakerLive),
 *     Effect.provide(Layer.setConfigProvider(provider))
 *   )
 * )
 * assert.deepStrictEqual(state, { _tag: "Closed" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (options: ConfigOptions): Layer.Layer<CircuitBreaker, ConfigError.ConfigError> =>
  layers.scopedFromConfig(CircuitBreaker, options, (read) => read)

/**
 * Options that are read from configuration.
 *
 * @since 0.1.0
 * @category options
 */
export type ConfigOptions = Config.Config.Wrap<Omit<Options, "classify">>

const operations = accessors(CircuitBreaker)

/**
 * Guards an effect with the breaker in the environment. It runs if the circuit admits the call; otherwise the call
 * fails with a `CircuitOpenError` and the effect is not started.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const charge = Effect.succeed("charged")
 *
 * const program = charge.pipe(
 *   CircuitBreaker.protect,
 *   Effect.catchTag("CircuitOpenError", () => Effect.succeed("try later"))
 * )
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, CircuitBreakerLive)), "charged")
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const protect: Operations<CircuitBreaker>["protect"] = operations.protect

/**
 * As {@link protect}, with the key of a circuit, a classifier for this call, or both.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive, Outcome } from "effect-circuit-breaker"
 *
 * const read = (host: string): Effect.Effect<string, "NotFound" | "Unavailable"> =>
 *   host === "a.example" ? Effect.succeed("a page") : Effect.fail("NotFound")
 *
 * const guarded = (host: string) =>
 *   read(host).pipe(
 *     CircuitBreaker.protectWith({
 *       key: host,
 *       classify: Outcome.ignoreWhen((error) => error === "NotFound")
 *     })
 *   )
 *
 * const program = Effect.provide(guarded("a.example"), CircuitBreakerLive)
 * assert.strictEqual(await Effect.runPromise(program), "a page")
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const protectWith: Operations<CircuitBreaker>["protectWith"] = operations.protectWith

/**
 * Guards a stream as one call that lasts as long as the stream. A rejected one fails with a `CircuitOpenError` and is not
 * started.
 *
 * **Details**
 *
 * The first chunk settles a probe, and ends what a slow-call policy measures. The stream's failure counts as long as the
 * circuit has not changed since it was admitted, and its end is a success. A consumer that leaves early counts as a
 * success if it got something, and as Ignored if not.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const prices = CircuitBreaker.protectStream(Stream.make(12, 14, 13), { key: "prices" })
 *
 * const program = Effect.gen(function* () {
 *   const sum = yield* Stream.runSum(prices)
 *   const { totals } = yield* CircuitBreaker.snapshot("prices")
 *   return [sum, totals.succeeded]
 * })
 *
 * assert.deepStrictEqual(await Effect.runPromise(Effect.provide(program, CircuitBreakerLive)), [39, 1])
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const protectStream: Operations<CircuitBreaker>["protectStream"] = operations.protectStream

/**
 * Admits a call that is not one effect, such as a connection, for as long as the scope lasts.
 *
 * **Details**
 *
 * The program settles the call, and the first outcome counts. A scope that closes before that gives the call's slot back,
 * and the call is Ignored.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive, Outcome } from "effect-circuit-breaker"
 *
 * const connect = Effect.succeed("connected")
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const admission = yield* CircuitBreaker.admit("chat")
 *     const connection = yield* Effect.onError(connect, () => admission.settle(Outcome.failure()))
 *     // However long the connection lasts, it has succeeded as soon as it stands.
 *     yield* admission.settle(Outcome.success)
 *     return connection
 *   })
 * )
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, CircuitBreakerLive)), "connected")
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const admit: Operations<CircuitBreaker>["admit"] = operations.admit

/**
 * The state of a circuit. A read: it never admits a call, never takes a slot and never creates a circuit. A circuit that
 * this process has not met is first looked up in the store, if there is one, for no longer than its deadline.
 *
 * @since 0.1.0
 * @category reading
 */
export const state: Operations<CircuitBreaker>["state"] = operations.state

/**
 * State, window, totals and last failure of a circuit. A read, like {@link state}.
 *
 * @since 0.1.0
 * @category reading
 */
export const snapshot: Operations<CircuitBreaker>["snapshot"] = operations.snapshot

/**
 * A snapshot of every circuit the breaker holds now.
 *
 * @since 0.1.0
 * @category reading
 */
export const circuits: Operations<CircuitBreaker>["circuits"] = operations.circuits

/**
 * The transitions from the moment of subscription. A consumer that falls behind by more than 1,024 loses the oldest,
 * which shows as a gap in a circuit's `generation`; it never holds up a call.
 *
 * @since 0.1.0
 * @category reading
 */
export const transitions: Operations<CircuitBreaker>["transitions"] = operations.transitions

/**
 * The transitions as a queue that listens from the moment this effect has succeeded until the scope closes. A reader that
 * falls behind by more than 1,024 loses the oldest, as with {@link transitions}. It is shut down with its breaker.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Queue from "effect/Queue"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const transitions = yield* CircuitBreaker.subscribe
 *     yield* CircuitBreaker.trip()
 *     const { from, to } = yield* Queue.take(transitions)
 *     return `${from} to ${to}`
 *   })
 * )
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, CircuitBreakerLive)), "Closed to Open")
 * ```
 *
 * @since 0.1.0
 * @category reading
 */
export const subscribe: Operations<CircuitBreaker>["subscribe"] = operations.subscribe

/**
 * Opens a circuit now; it heals as after any trip. An Open one begins its open time anew, an Isolated or Disabled one
 * stays as it is.
 *
 * @since 0.1.0
 * @category control
 */
export const trip: Operations<CircuitBreaker>["trip"] = operations.trip

/**
 * Closes a circuit now, with an empty window and no backoff; isolations end, but a Disabled circuit stays so. Calls in
 * flight report into nothing.
 *
 * @since 0.1.0
 * @category control
 */
export const reset: Operations<CircuitBreaker>["reset"] = operations.reset

/**
 * Holds a circuit open until the scope closes. Isolations nest: the last to end closes the circuit.
 *
 * @since 0.1.0
 * @category control
 */
export const isolate: Operations<CircuitBreaker>["isolate"] = operations.isolate

/**
 * Has a circuit admit every call until the scope closes: for an incident in which the breaker itself is in the way.
 * Outcomes count in the totals and nowhere else. The last to end closes the circuit. An isolation comes first, and a
 * `reset` leaves the circuit Disabled.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make()
 *   yield* breaker.trip()
 *   const during = yield* Effect.scoped(
 *     Effect.zipRight(breaker.disable(), breaker.protect(Effect.succeed("charged")))
 *   )
 *   const after = yield* breaker.state()
 *   return [during, after._tag]
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["charged", "Closed"])
 * ```
 *
 * @since 0.1.0
 * @category control
 */
export const disable: Operations<CircuitBreaker>["disable"] = operations.disable

/**
 * Waits until a call would be admitted: for a consumer that would rather pause than be rejected. It takes no slot, so
 * another caller may be first. Waiting is no call: while Recovering, it is other calls or the end of the recovery that
 * bring a waiter's turn. It is interrupted when the breaker's scope closes before that.
 *
 * @since 0.1.0
 * @category control
 */
export const awaitReady: Operations<CircuitBreaker>["awaitReady"] = operations.awaitReady

/**
 * What {@link Service} gives a class: a tag, its layers and the operations of its breaker.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceClass<Self, Id extends string>
  extends Context.TagClass<Self, `effect-circuit-breaker/${Id}`, CircuitBreaker>, Operations<Self> {
  /** The breaker with the class's own options. */
  readonly layer: Layer.Layer<Self>
  /**
   * The breaker with `options` over the class's own: for tests and configuration. An option that is given replaces the
   * class's as a whole, so `halfOpen` and `recovery` are given in full.
   */
  readonly layerWith: (options: Options) => Layer.Layer<Self>
  /** The breaker with options from configuration over the class's own, as {@link layerConfig} reads them. */
  readonly layerConfig: (options: ConfigOptions) => Layer.Layer<Self, ConfigError.ConfigError>
}

/**
 * Declares a breaker as a service of its own: a tag, its layers and the operations in one class. The breaker has the name
 * that is given here unless the options say otherwise; the tag's key is `effect-circuit-breaker/` and that name, so that
 * it never meets a tag of the program.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 *
 * class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
 *   tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "30 seconds", minimumCalls: 20 }),
 *   openDuration: Schedule.exponential("1 second")
 * }) {}
 *
 * const program = Payments.protect(Effect.succeed("charged"))
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, Payments.layer)), "charged")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const Service =
  <Self>() =>
  <const Id extends string>(id: Id, options?: Options): ServiceClass<Self, Id> => {
    const tag = Context.Tag(`effect-circuit-breaker/${id}`)<Self, CircuitBreaker>()
    const optionsWith = (over: Options): Options => ({ name: id, ...given(options ?? {}), ...given(over) })
    const layerWith = (over: Options): Layer.Layer<Self> => layers.scoped(tag, optionsWith(over))
    const layerConfig = (over: ConfigOptions): Layer.Layer<Self, ConfigError.ConfigError> =>
      layers.scopedFromConfig(tag, over, optionsWith)
    return Object.assign(tag, accessors(tag), { layer: layerWith({}), layerWith, layerConfig })
  }

/**
 * @since 0.1.0
 * @category options
 */
export interface RetryOptions<E, R> {
  /** For every error but a `CircuitOpenError` (default: such an error is not retried). */
  readonly schedule?: Schedule.Schedule<unknown, E, R> | undefined
  /**
   * For a rejection by a circuit that is HalfOpen or Recovering (default: exponential from 100 milliseconds up to 5
   * seconds, with jitter).
   */
  readonly backoff?: Schedule.Schedule<unknown, CircuitOpenError, R> | undefined
}

/**
 * A schedule for `Effect.retry` that knows rejections: it waits an Open circuit's `retryAfter`, however long that is,
 * backs off with jitter while the circuit is HalfOpen or Recovering, never retries an Isolated one, and leaves every
 * other error to the schedule it is given.
 *
 * Retry outside of the breaker, so that each attempt is a call, and bound it: with `times`, or with `while` where a
 * caller cannot wait long (`error.state !== "Open" || Duration.lessThan(error.retryAfter, "200 millis")`: a
 * `retryAfter` of zero, while HalfOpen or Recovering, still waits for the backoff).
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * let attempts = 0
 * const charge = Effect.suspend(() => (++attempts < 3 ? Effect.fail("unavailable") : Effect.succeed("charged")))
 *
 * const program = charge.pipe(
 *   CircuitBreaker.protect,
 *   Effect.retry({
 *     schedule: CircuitBreaker.retrySchedule({ schedule: Schedule.spaced("10 millis") }),
 *     times: 3
 *   })
 * )
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, CircuitBreakerLive)), "charged")
 * ```
 *
 * @since 0.1.0
 * @category schedules
 */
export const retrySchedule = <E = unknown, R = never>(
  options: RetryOptions<E, R> | Schedule.Schedule<unknown, E, R> = {}
): Schedule.Schedule<unknown, E | CircuitOpenError, NoInfer<R>> =>
  Schedule.isSchedule(options)
    ? retry.make(options, undefined)
    : retry.make(options.schedule, options.backoff)

/**
 * A breaker with every option at its default.
 *
 * @since 0.1.0
 * @category layers
 */
export const CircuitBreakerLive: Layer.Layer<CircuitBreaker> = layer()
