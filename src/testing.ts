/**
 * Test support: breakers in a chosen state, and the laws of circuit stores.
 *
 * **When to use**
 *
 * Use {@link breaker}, {@link layer} or {@link layerOf} to test a fallback without driving a circuit open first. Use
 * {@link storeLaws} to test a `CircuitStore` of your own. Neither depends on a test runner.
 *
 * **Gotchas**
 *
 * - Make a breaker in the test that uses it, because a breaker needs one `Clock` for its whole life. A breaker that was
 *   tripped under the live clock and is read under `TestClock`, as with a `ManagedRuntime` shared by tests, has a
 *   `retryAfter` of thousands of days. In the reverse case its opening has already ended.
 * - Use `TestClock` instead of fake timers such as those of vitest. Fake timers affect `Effect.sleep`, but not the time
 *   of a circuit, because Effect's live `Clock` keeps the `process.hrtime` that it found when it was loaded.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CircuitBreaker, type Options } from "./CircuitBreaker.ts"
import type { Store } from "./CircuitStore.ts"
import { answers } from "./internal/testing/answers.ts"
import * as chosen from "./internal/testing/chosen.ts"
import type { Law } from "./internal/testing/law.ts"
import { notifications } from "./internal/testing/notifications.ts"
import { leases } from "./internal/testing/leases.ts"
import { states } from "./internal/testing/states.ts"
import { storage } from "./internal/testing/storage.ts"
import { windows } from "./internal/testing/windows.ts"

/**
 * The state in which a breaker of a test begins.
 *
 * **Details**
 *
 * The state is that of the circuit `key` (default `"default"`, the circuit of calls without a key).
 *
 * - `Open`: `retryAfter` is the rest of the open time (default: the whole open time).
 * - `HalfOpen`: `probing` is the number of probes that run until the scope closes (default 0: the next call is a
 *   probe). If it is `halfOpen.probes`, further calls are rejected.
 * - `Recovering`: `admitting` is the share of calls that is admitted now (default: the share at which a recovery
 *   begins).
 * - `Isolated`: the circuit is isolated until the scope closes.
 *
 * @since 0.1.0
 * @category models
 */
export type ChosenState =
  | {
      readonly state: "Open"
      readonly retryAfter?: Duration.DurationInput | undefined
      readonly key?: string | undefined
    }
  | { readonly state: "HalfOpen"; readonly probing?: number | undefined; readonly key?: string | undefined }
  | {
      readonly state: "Recovering"
      readonly admitting?: number | undefined
      readonly key?: string | undefined
    }
  | { readonly state: "Isolated"; readonly key?: string | undefined }

/**
 * One requirement on a `CircuitStore.Store`, and the check that tests it.
 *
 * **Details**
 *
 * `about` is the part of a store that the law concerns:
 *
 * - `"answers"`: the form of its answers and the time of its clock.
 * - `"storage"`: states are kept as they were written, reports are counted once, leases are renewed, and all of it
 *   expires.
 * - `"notifications"`: subscribers receive the changes of their breaker.
 *
 * `check` runs `connect` several times, and each run has to make another client of the same store; its scope closes the
 * client. A check uses a breaker name of its own, so the store need not be empty. It waits in real time, half a second
 * at most, and fails with a {@link StoreLawBroken}.
 *
 * **Gotchas**
 *
 * `CircuitStore.alone`, the default, obeys only the laws about `"answers"`, because it stores nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreLaw {
  readonly about: "answers" | "storage" | "notifications"
  readonly name: string
  readonly check: (connect: Effect.Effect<Store, never, Scope.Scope>) => Effect.Effect<void, StoreLawBroken>
}

/**
 * The error of a store that breaks a law.
 *
 * **Details**
 *
 * `law` is the name of the law. `message` begins with it, and continues with the value expected and the value received.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreLawBroken extends Data.TaggedError("StoreLawBroken")<{
  readonly law: string
  readonly message: string
  readonly cause: unknown
}> {}

/**
 * Makes a breaker that is already in a chosen state.
 *
 * **Details**
 *
 * It is a real breaker with the given `options`, and changes state from there like every breaker. It uses no store,
 * even if there is one in the environment, and the transitions that lead to the chosen state are not logged. A breaker
 * in the state Recovering recovers over a minute unless the option `recovery` is given.
 *
 * **Gotchas**
 *
 * - The breaker uses the clock of the test. Under `TestClock`, an open circuit stays open until the test adjusts the
 *   clock.
 * - A state or an option out of range is a defect, a `RangeError` that names it.
 *
 * **Example** (Testing a fallback)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as testing from "effect-circuit-breaker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* testing.breaker({ state: "Open", retryAfter: "10 seconds" })
 *   const price = Effect.succeed("fresh").pipe(
 *     breaker.protect,
 *     Effect.catchTag("CircuitOpenError", () => Effect.succeed("cached"))
 *   )
 *   return yield* price
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), "cached")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const breaker: (
  chosen: ChosenState,
  options?: Options
) => Effect.Effect<CircuitBreaker, never, Scope.Scope> = chosen.breaker

/**
 * Checks of all laws of stores, one test each.
 *
 * **Example** (Checking a store)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { CircuitStore } from "effect-circuit-breaker"
 * import * as testing from "effect-circuit-breaker/testing"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* CircuitStore.makeMemory()
 *   // With a test runner: it(law.name, () => Effect.runPromise(law.check(connect)))
 *   for (const law of testing.storeLaws) yield* law.check(Effect.succeed(store))
 * })
 *
 * await Effect.runPromise(program)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeLaws: ReadonlyArray<StoreLaw> = [
  ...answers,
  ...storage,
  ...states,
  ...windows,
  ...leases,
  ...notifications
].map(({ about, check, name }: Law) => ({
  about,
  name,
  check: (connect) =>
    Effect.suspend(() => check(connect, `law-${globalThis.crypto.randomUUID()}`)).pipe(
      Effect.scoped,
      // The stores under test may use real time, so the checks do, too.
      Effect.withClock(Clock.make()),
      Effect.mapError(
        (cause) => new StoreLawBroken({ law: name, message: `${name}: ${cause.message}`, cause })
      ),
      Effect.catchAllDefect((cause) => {
        const message = `${name}: the store has a defect: ${String(cause)}`
        return Effect.fail(new StoreLawBroken({ law: name, message, cause }))
      })
    )
}))

/**
 * Provides the breaker of a program that has only one, in a chosen state.
 *
 * **Example** (Testing a fallback while a probe runs)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 * import * as testing from "effect-circuit-breaker/testing"
 *
 * const program = CircuitBreaker.protect(Effect.succeed("fresh")).pipe(
 *   Effect.catchTag("CircuitOpenError", ({ state }) => Effect.succeed(`cached, because it is ${state}`))
 * )
 *
 * // The only probe that the circuit admits is running.
 * const HalfOpen = testing.layer({ state: "HalfOpen", probing: 1 })
 *
 * const answer = await Effect.runPromise(Effect.provide(program, HalfOpen))
 * assert.strictEqual(answer, "cached, because it is HalfOpen")
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (chosen: ChosenState, options?: Options): Layer.Layer<CircuitBreaker> =>
  Layer.scoped(CircuitBreaker, breaker(chosen, options))

/**
 * Provides the breaker of a `CircuitBreaker.Service` in a chosen state.
 *
 * **Details**
 *
 * The breaker has the options of its class, and `options` override them.
 *
 * **Gotchas**
 *
 * The state Recovering needs the option `recovery`, either of the class or in `options`.
 *
 * **Example** (Testing a service while it is isolated)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
 * import * as testing from "effect-circuit-breaker/testing"
 *
 * class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
 *   tripPolicy: TripPolicy.consecutive(3)
 * }) {}
 *
 * const charge = Effect.succeed("charged").pipe(
 *   Payments.protectWith({ key: "eu" }),
 *   Effect.catchTag("CircuitOpenError", () => Effect.succeed("queued"))
 * )
 *
 * const PaymentsIsolated = testing.layerOf(Payments, { state: "Isolated", key: "eu" })
 *
 * assert.strictEqual(await Effect.runPromise(Effect.provide(charge, PaymentsIsolated)), "queued")
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOf: <Self>(
  service: Context.Tag<Self, CircuitBreaker> & {
    readonly layerWith: (options: Options) => Layer.Layer<Self>
  },
  chosen: ChosenState,
  options?: Options
) => Layer.Layer<Self> = chosen.layerOf
