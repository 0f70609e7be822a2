/**
 * A circuit breaker stops calls to a dependency that fails, and lets them through again when it has recovered.
 *
 * **Details**
 *
 * A breaker has one circuit for each key, and each circuit is in one of these states:
 *
 * - Closed: calls run, and the trip policy decides from their outcomes when the circuit opens.
 * - Open: calls fail with a `CircuitOpenError` without running, until the open time ends.
 * - HalfOpen: some calls run as probes and the others are rejected. If the probes succeed the circuit closes; if they
 *   fail it opens again.
 * - Recovering: a growing share of the calls runs, if the option `recovery` is set. Then the circuit closes.
 * - Isolated and Disabled: the circuit was set by hand to reject every call, or to admit every call.
 *
 * A breaker neither limits the time of a call nor repeats it. Put `Effect.timeout` and quick retries inside of it, so
 * that it sees one outcome for each call. Put retries that wait outside, with {@link retrySchedule}.
 *
 * **Gotchas**
 *
 * - Build the layer of a breaker once, at the entry of the program or with a `ManagedRuntime`. A layer that is provided
 *   for each request makes a breaker for each request, which sees one call and never opens.
 * - Use a breaker under one `Clock` for its whole life. Times measured by the live clock are meaningless under
 *   `TestClock`, and the reverse.
 *
 * **Example** (Failing fast while a dependency fails)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const charge = CircuitBreaker.protect(Effect.fail("unavailable"))
 *   // Five failures in a row open the circuit.
 *   yield* Effect.replicateEffect(Effect.ignore(charge), 5)
 *   // The next call is rejected without running.
 *   return yield* charge.pipe(Effect.catchTag("CircuitOpenError", ({ state }) => Effect.succeed(state)))
 * }).pipe(Effect.provide(CircuitBreakerLive))
 *
 * assert.strictEqual(await Effect.runPromise(program), "Open")
 * ```
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
import * as retry from "./internal/circuitBreaker/retrySchedule.ts"
import type { Outcome } from "./Outcome.ts"
import type { Transition } from "./Transition.ts"
import type { TripPolicy } from "./TripPolicy.ts"

/**
 * A named policy that guards any number of circuits, one for each key.
 *
 * **Details**
 *
 * A call without a key uses the circuit `"default"`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CircuitBreaker extends Operations<never> {
  readonly name: string
}

/**
 * The operations of a breaker.
 *
 * **Details**
 *
 * `Needs` is the environment that the operations require: none for a breaker itself, and the breaker's tag for the
 * functions of this module and of a {@link Service}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operations<Needs> {
  /**
   * Guards an effect. If the circuit rejects the call, it fails with a {@link CircuitOpenError} and the effect does not
   * run. Otherwise the effect's value, error, defect or interruption passes unchanged.
   */
  readonly protect: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpenError, R | Needs>
  /** Guards an effect like `protect`, with the key of a circuit, with a classifier for this call, or with both. */
  readonly protectWith: {
    <A, E>(options: {
      readonly key?: string | undefined
      readonly classify: (exit: Exit.Exit<A, E>) => Outcome
    }): <A2 extends A, E2 extends E, R>(
      // The first type infers the parameter of an inline classifier. The second keeps the effect's own types if the
      // classifier accepts wider ones.
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
   * Guards a stream as one call that lasts as long as the stream. If the circuit rejects the call, the stream fails
   * with a {@link CircuitOpenError} and does not start.
   */
  readonly protectStream: <A, E, R>(
    stream: Stream.Stream<A, E, R>,
    options?: StreamOptions
  ) => Stream.Stream<A, E | CircuitOpenError, R | Needs>
  /**
   * Admits a call that is not a single effect, such as a connection, for as long as the scope lasts. The program
   * settles it.
   */
  readonly admit: (key?: string) => Effect.Effect<Admission, CircuitOpenError, Scope.Scope | Needs>
  /**
   * Reads the state of a circuit. A read never admits a call, takes no slot and makes no circuit. A circuit that this
   * process has not used is read from the store, if there is one, within its deadline.
   */
  readonly state: (key?: string) => Effect.Effect<CircuitState, never, Needs>
  /** Reads the state, the window, the totals and the last failure of a circuit. */
  readonly snapshot: (key?: string) => Effect.Effect<CircuitSnapshot, never, Needs>
  /** Reads a snapshot of every circuit that the breaker holds. */
  readonly circuits: Effect.Effect<ReadonlyArray<CircuitSnapshot>, never, Needs>
  /**
   * Emits the transitions from the moment of subscription. A consumer that is more than 1,024 transitions behind loses
   * the oldest ones, and never delays a call.
   */
  readonly transitions: Stream.Stream<Transition, never, Needs>
  /**
   * Subscribes to the transitions as a queue. The subscription has begun when this effect succeeds, and ends with the
   * scope. The queue is shut down when the breaker's scope closes.
   */
  readonly subscribe: Effect.Effect<Queue.Dequeue<Transition>, never, Scope.Scope | Needs>
  /**
   * Opens a circuit, which then heals as after any opening. The open time of an Open circuit starts again. An Isolated
   * or Disabled circuit does not change.
   */
  readonly trip: (key?: string) => Effect.Effect<void, never, Needs>
  /**
   * Closes a circuit, with an empty window and without backoff, and ends its isolations. A Disabled circuit stays
   * Disabled. The outcomes of running calls are discarded.
   */
  readonly reset: (key?: string) => Effect.Effect<void, never, Needs>
  /**
   * Makes a circuit reject every call until the scope closes. Isolations nest: the last one to end closes the circuit.
   */
  readonly isolate: (key?: string) => Effect.Effect<void, never, Scope.Scope | Needs>
  /**
   * Makes a circuit admit every call until the scope closes. Outcomes count only in the totals. Like isolations it
   * nests, and an isolation takes precedence over it.
   */
  readonly disable: (key?: string) => Effect.Effect<void, never, Scope.Scope | Needs>
  /**
   * Waits until a circuit would admit a call. It takes no slot, so another caller may be first. It is interrupted if
   * the breaker's scope closes.
   */
  readonly awaitReady: (key?: string) => Effect.Effect<void, never, Needs>
}

/**
 * A call that was admitted by `admit`, and that the program settles.
 *
 * @since 0.1.0
 * @category models
 */
export interface Admission {
  /** Settles the call. Only the first outcome counts, and only while the scope is open. */
  readonly settle: (outcome: Outcome) => Effect.Effect<void>
}

/**
 * A function that classifies the exit of a call as an outcome.
 *
 * **Gotchas**
 *
 * - An exit that is only interruption is always `Ignored`; the function is not called.
 * - If the function throws, the caller still gets the exit of its call, the outcome is `Ignored`, and the defect is
 *   logged once per breaker.
 *
 * @since 0.1.0
 * @category models
 */
export type Classify = (exit: Exit.Exit<unknown, unknown>) => Outcome

/**
 * The state of a circuit.
 *
 * **Details**
 *
 * - `retryAfter` is the rest of the open time.
 * - `openings` is the number of openings since the backoff last started over.
 * - `probing` and `succeeded` are the numbers of probes that are running and that have succeeded.
 * - `admitting` is the share of calls that is admitted, from 0 to 1.
 *
 * A circuit whose open time has ended reads as HalfOpen, even if no call has come since.
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
 * The state of a circuit, and the calls that it has counted.
 *
 * **Details**
 *
 * - `window` counts the calls that the trip policy considers now. Under `consecutive` it counts the failures in a row,
 *   and under `failureCount` only failures. Under `anyOf` and `allOf` it has the largest counts of the combined
 *   policies. Under a custom policy it is empty.
 * - `totals` count all calls since the circuit was made.
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
 * The latest call of a circuit that was a failure.
 *
 * **Details**
 *
 * - `at` is the time at which the call was settled, in epoch milliseconds.
 * - `cause` is the cause of the failed call. If a value was classified as a failure, `cause` is a `Cause.fail` of that
 *   value, or, for an HTTP response, of a line such as `GET https://host/path answered 503`. It is empty if the program
 *   settled an {@link Admission} as a failure.
 *
 * @since 0.1.0
 * @category models
 */
export interface LastFailure {
  readonly at: number
  readonly cause: Cause.Cause<unknown>
}

/**
 * The static members of a class that is made by {@link Service}: a tag, its layers, and the operations of its breaker.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceClass<Self, Id extends string>
  extends Context.TagClass<Self, `effect-circuit-breaker/${Id}`, CircuitBreaker>, Operations<Self> {
  /** Provides the breaker with the options of the class. */
  readonly layer: Layer.Layer<Self>
  /**
   * Provides the breaker with `options` that override those of the class, as in tests. An option is replaced as a
   * whole, so give `halfOpen` and `recovery` in full.
   */
  readonly layerWith: (options: Options) => Layer.Layer<Self>
  /**
   * Provides the breaker with options from configuration that override those of the class, as {@link layerConfig} does.
   */
  readonly layerConfig: (options: ConfigOptions) => Layer.Layer<Self, ConfigError.ConfigError>
}

/**
 * Options of a breaker. Each has a default.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The name in errors, logs, metrics, the registry and the store (default `"default"`; not empty). */
  readonly name?: string | undefined
  /** The policy that decides when a Closed circuit opens (default `TripPolicy.consecutive(5)`). */
  readonly tripPolicy?: TripPolicy | undefined
  /**
   * The length of an opening (default 30 seconds; finite and above 0). With a schedule, the n-th opening lasts the n-th
   * delay, and the last delay repeats. The schedule takes a step at the moment of each opening, so it may depend on the
   * time of day, and the step must not wait.
   */
  readonly openDuration?: Duration.DurationInput | Schedule.Schedule<unknown, number> | undefined
  /** The longest opening that the `retryAfter` of a failure can cause (default 1 hour; above 0). */
  readonly maxOpenDuration?: Duration.DurationInput | undefined
  /** The probes by which a HalfOpen circuit tests whether its dependency works again (default: one at a time). */
  readonly halfOpen?: HalfOpenOptions | undefined
  /** The recovery after successful probes, in which a growing share of calls is admitted (default: close at once). */
  readonly recovery?: RecoveryOptions | undefined
  /** The classifier of exits (default `Outcome.fromExit`). */
  readonly classify?: Classify | undefined
  /**
   * Whether the breaker rejects calls (default `"enforce"`). `"observe"` is a dry run: a call that would have been
   * rejected runs, counts as `rejected`, and its outcome counts nowhere else.
   */
  readonly mode?: "enforce" | "observe" | undefined
  /**
   * The largest number of keyed circuits (default 10,000; at least 1). Beyond it, the breaker drops the Closed circuit
   * that was used least recently. If none is Closed, it drops a Recovering one, or else any other, with a warning in
   * the log and a transition to Closed.
   */
  readonly capacity?: number | undefined
  /** The time after which a keyed Closed circuit without calls is dropped (default 1 hour; above 0). */
  readonly idleTimeToLive?: Duration.DurationInput | undefined
  /**
   * Whether metrics also have the circuit's key as a label (default false). Use it only with few keys, because Effect
   * never forgets a metric. See `CircuitMetrics`.
   */
  readonly metricsByKey?: boolean | undefined
}

/**
 * Options of the probes of a HalfOpen circuit.
 *
 * @since 0.1.0
 * @category options
 */
export interface HalfOpenOptions {
  /** The number of probes that have to succeed, and the largest number that run at a time (default 1; at least 1). */
  readonly probes?: number | undefined
  /** The number of failed probes that opens the circuit again (default 1; at least 1). */
  readonly failuresToReopen?: number | undefined
  /** The time for which a probe holds its slot; a later outcome is discarded (default 1 minute; above 0 and finite). */
  readonly probeTimeout?: Duration.DurationInput | undefined
}

/**
 * Options of the recovery of a circuit after its probes.
 *
 * @since 0.1.0
 * @category options
 */
export interface RecoveryOptions {
  /** The time in which the share of admitted calls grows to 1 (finite and above 0). */
  readonly duration: Duration.DurationInput
  /** The share of calls that is admitted at first (default 0.1; above 0 and at most 1). */
  readonly from?: number | undefined
}

/**
 * Options of a breaker that are read from configuration.
 *
 * **Gotchas**
 *
 * A function cannot be configured, so `classify` is not among them.
 *
 * @since 0.1.0
 * @category options
 */
export type ConfigOptions = Config.Config.Wrap<Omit<Options, "classify">>

/**
 * Options of `protectWith`.
 *
 * @since 0.1.0
 * @category options
 */
export interface ProtectOptions<in A, in E> {
  /** The key of the circuit (default `"default"`). */
  readonly key?: string | undefined
  /** The classifier of this call's exit (default: the breaker's own). */
  readonly classify?: ((exit: Exit.Exit<A, E>) => Outcome) | undefined
}

/**
 * Options of `protectStream`.
 *
 * @since 0.1.0
 * @category options
 */
export interface StreamOptions {
  /** The key of the circuit (default `"default"`). */
  readonly key?: string | undefined
}

/**
 * Options of {@link retrySchedule}.
 *
 * @since 0.1.0
 * @category options
 */
export interface RetryOptions<E, R> {
  /** The schedule for every error but a `CircuitOpenError` (default: such errors are not retried). */
  readonly schedule?: Schedule.Schedule<unknown, E, R> | undefined
  /**
   * The schedule for a rejection by a HalfOpen or Recovering circuit (default: exponential from 100 milliseconds up to
   * 5 seconds, with jitter).
   */
  readonly backoff?: Schedule.Schedule<unknown, CircuitOpenError, R> | undefined
}

/**
 * The tag of a program's only breaker.
 *
 * **When to use**
 *
 * Use it if a program has one breaker. If it has several, give each a tag of its own with {@link Service}.
 *
 * @since 0.1.0
 * @category tags
 */
export const CircuitBreaker: Context.Tag<CircuitBreaker, CircuitBreaker> = Context.GenericTag<CircuitBreaker>(
  // The keys of services begin with `effect-circuit-breaker/`, so none of them equals this one.
  "@effect-circuit-breaker/CircuitBreaker"
)

/**
 * Makes a breaker that lives until the scope closes.
 *
 * **Details**
 *
 * The breaker is listed in the `CircuitBreakerRegistry`. It shares its circuits through the `CircuitStore` in the
 * environment, if there is one. When the scope closes, its `transitions` end.
 *
 * **Gotchas**
 *
 * An option out of range is a defect: a `RangeError` that names the option, the received value and the allowed range.
 *
 * **Example** (A breaker that opens on the second failure in a row)
 *
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
 * Makes a class that is the tag of a breaker, and has its layers and operations.
 *
 * **When to use**
 *
 * Use it if a program has several breakers, one for each dependency.
 *
 * **Details**
 *
 * `id` is the name of the breaker, unless the options have another. The key of the tag is `effect-circuit-breaker/`
 * followed by `id`, so that it differs from every tag of the program.
 *
 * **Example** (A breaker for payments)
 *
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
    const optionsWith = (over: Options): Options => layers.combined(id, options, over)
    const layerWith = (over: Options): Layer.Layer<Self> => layers.scoped(tag, () => optionsWith(over))
    const layerConfig = (over: ConfigOptions): Layer.Layer<Self, ConfigError.ConfigError> =>
      layers.scopedFromConfig(tag, over, optionsWith)
    return Object.assign(tag, accessors(tag), { layer: layerWith({}), layerWith, layerConfig })
  }

const operations = accessors(CircuitBreaker)

/**
 * Guards an effect with the breaker in the environment.
 *
 * **Details**
 *
 * If the circuit admits the call, the effect runs, and its value, error, defect or interruption passes unchanged. If it
 * rejects the call, the effect does not run and the call fails with a `CircuitOpenError`.
 *
 * **Example** (Falling back)
 *
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
 * Guards an effect like {@link protect}, with the key of a circuit, with a classifier for this call, or with both.
 *
 * **Example** (A circuit for each host)
 *
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
 * Guards a stream as one call that lasts as long as the stream.
 *
 * **Details**
 *
 * - If the circuit rejects the call, the stream fails with a `CircuitOpenError` and does not start.
 * - The first chunk settles a probe as a success, and ends the time that a slow-call policy measures.
 * - A failure of the stream counts unless the circuit has changed its state since the call was admitted.
 * - The end of the stream is a success. If the consumer leaves before the end, that is a success after the first chunk,
 *   and Ignored before it.
 *
 * **Example** (Guarding a stream of prices)
 *
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
 * Admits a call that is not a single effect, for as long as the scope lasts.
 *
 * **When to use**
 *
 * Use it for a call that does not end with an effect, such as a connection. Use {@link protect} for an effect, and
 * {@link protectStream} for a stream.
 *
 * **Details**
 *
 * The program settles the call, and only the first outcome counts. If the scope closes first, the call is Ignored and
 * gives its slot back.
 *
 * **Example** (Guarding a connection)
 *
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
 *     // The connection may last for hours, but the call has succeeded.
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
 * Reads the state of a circuit.
 *
 * **Details**
 *
 * A read never admits a call, takes no slot and makes no circuit. A circuit that this process has not used is read from
 * the store, if there is one, within its deadline.
 *
 * @since 0.1.0
 * @category reading
 */
export const state: Operations<CircuitBreaker>["state"] = operations.state

/**
 * Reads the state, the window, the totals and the last failure of a circuit.
 *
 * **Details**
 *
 * It is a read, as {@link state} is.
 *
 * **Example** (Reading how often a circuit rejected calls)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   yield* CircuitBreaker.trip("eu")
 *   yield* Effect.ignore(CircuitBreaker.protectWith(Effect.void, { key: "eu" }))
 *   return yield* CircuitBreaker.snapshot("eu")
 * }).pipe(Effect.provide(CircuitBreakerLive))
 *
 * const { state, totals } = await Effect.runPromise(program)
 * assert.strictEqual(state._tag, "Open")
 * assert.deepStrictEqual(totals, { succeeded: 0, failed: 0, ignored: 0, rejected: 1 })
 * ```
 *
 * @since 0.1.0
 * @category reading
 */
export const snapshot: Operations<CircuitBreaker>["snapshot"] = operations.snapshot

/**
 * Reads a snapshot of every circuit that the breaker holds.
 *
 * @since 0.1.0
 * @category reading
 */
export const circuits: Operations<CircuitBreaker>["circuits"] = operations.circuits

/**
 * Emits the transitions from the moment of subscription.
 *
 * **When to use**
 *
 * Use it for an observer that may miss the transitions before its fiber starts. Use {@link subscribe} if it must not.
 *
 * **Gotchas**
 *
 * A consumer that is more than 1,024 transitions behind loses the oldest ones, which a gap in a circuit's `generation`
 * shows. It never delays a call.
 *
 * @since 0.1.0
 * @category reading
 */
export const transitions: Operations<CircuitBreaker>["transitions"] = operations.transitions

/**
 * Subscribes to the transitions as a queue.
 *
 * **Details**
 *
 * The subscription has begun when this effect succeeds, and ends with the scope. The queue is shut down when the
 * breaker's scope closes.
 *
 * **Gotchas**
 *
 * A reader that is more than 1,024 transitions behind loses the oldest ones, as with {@link transitions}.
 *
 * **Example** (Waiting for a transition)
 *
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
 * Opens a circuit, which then heals as after any opening.
 *
 * **Details**
 *
 * The open time of an Open circuit starts again. An Isolated or Disabled circuit does not change.
 *
 * @since 0.1.0
 * @category control
 */
export const trip: Operations<CircuitBreaker>["trip"] = operations.trip

/**
 * Closes a circuit, with an empty window and without backoff.
 *
 * **Details**
 *
 * Isolations of the circuit end. The outcomes of running calls are discarded.
 *
 * **Gotchas**
 *
 * A Disabled circuit stays Disabled.
 *
 * @since 0.1.0
 * @category control
 */
export const reset: Operations<CircuitBreaker>["reset"] = operations.reset

/**
 * Makes a circuit reject every call until the scope closes.
 *
 * **When to use**
 *
 * Use it for maintenance of a dependency, or in an incident, while no call should reach it.
 *
 * **Details**
 *
 * Isolations nest: the last one to end closes the circuit.
 *
 * **Example** (Isolating a circuit during maintenance)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, CircuitBreakerLive } from "effect-circuit-breaker"
 *
 * const call = CircuitBreaker.protect(Effect.succeed("charged")).pipe(
 *   Effect.catchTag("CircuitOpenError", ({ state }) => Effect.succeed(state))
 * )
 *
 * const program = Effect.gen(function* () {
 *   const during = yield* Effect.scoped(Effect.zipRight(CircuitBreaker.isolate(), call))
 *   const after = yield* call
 *   return [during, after]
 * }).pipe(Effect.provide(CircuitBreakerLive))
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["Isolated", "charged"])
 * ```
 *
 * @since 0.1.0
 * @category control
 */
export const isolate: Operations<CircuitBreaker>["isolate"] = operations.isolate

/**
 * Makes a circuit admit every call until the scope closes.
 *
 * **When to use**
 *
 * Use it in an incident in which the breaker itself is the obstacle.
 *
 * **Details**
 *
 * Outcomes count only in the totals. Like isolations it nests: the last one to end closes the circuit. An isolation
 * takes precedence: the circuit is Disabled when the isolation ends. A `reset` leaves the circuit Disabled.
 *
 * **Example** (Disabling an open circuit)
 *
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
 * Waits until a circuit would admit a call.
 *
 * **When to use**
 *
 * Use it for a consumer, such as that of a queue, that should pause instead of being rejected.
 *
 * **Details**
 *
 * It takes no slot, so another caller may be first. It is interrupted if the breaker's scope closes.
 *
 * **Gotchas**
 *
 * Waiting is not a call. While the circuit is Recovering, a waiter is released by the calls of others or by the end of
 * the recovery.
 *
 * @since 0.1.0
 * @category control
 */
export const awaitReady: Operations<CircuitBreaker>["awaitReady"] = operations.awaitReady

/**
 * Makes a schedule for `Effect.retry` that waits as long as a rejection says.
 *
 * **Details**
 *
 * - For a rejection by an Open circuit, it waits for `retryAfter`, however long that is.
 * - For a rejection by a HalfOpen or Recovering circuit, it waits for the next delay of `backoff`.
 * - It never retries a rejection by an Isolated circuit.
 * - It leaves every other error to `schedule`. A schedule in place of the options is the same as `{ schedule }`.
 *
 * **Gotchas**
 *
 * - Throws a `RangeError` that names the option if one is not a schedule.
 * - Retry outside of the breaker, so that each attempt is a call.
 * - Limit the retries: with `times`, or with `while` if the caller cannot wait long, as in
 *   `error.state !== "Open" || Duration.lessThan(error.retryAfter, "200 millis")`. `retryAfter` is zero while the
 *   circuit is HalfOpen or Recovering, and the schedule then still waits for the backoff.
 *
 * **Example** (Retrying outside of the breaker)
 *
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
  Schedule.isSchedule(options) ? retry.make({ schedule: options }) : retry.make(options)

/**
 * Provides a breaker as {@link CircuitBreaker}.
 *
 * **Gotchas**
 *
 * Provide the layer once rather than for each request, because each build of it makes a breaker. If breakers of one
 * name are built again and again with a few calls each, a warning is logged.
 *
 * **Example** (Providing a breaker)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 *
 * const PaymentsLive = CircuitBreaker.layer({
 *   name: "payments",
 *   tripPolicy: TripPolicy.failureCount({ failures: 10, within: "1 minute" }),
 *   openDuration: "15 seconds"
 * })
 *
 * const program = CircuitBreaker.protect(Effect.succeed("charged"))
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, PaymentsLive)), "charged")
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<CircuitBreaker> =>
  layers.scoped(CircuitBreaker, () => options)

/**
 * Provides a breaker with options that are read from configuration.
 *
 * **Details**
 *
 * - An option out of range is a `ConfigError`.
 * - `TripPolicy.config` reads a policy. A policy or a schedule of the program itself is given as
 *   `Config.succeed(value)`.
 * - Effect reads configuration from the environment by default. The options of the example are then the variables
 *   `TRIP_TYPE`, `TRIP_FAILURES` and `OPEN_FOR`.
 *
 * **Example** (Reading a policy and an open time)
 *
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
 * A breaker with every option at its default.
 *
 * @since 0.1.0
 * @category layers
 */
export const CircuitBreakerLive: Layer.Layer<CircuitBreaker> = layer()
