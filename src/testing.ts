/**
 * For tests: breakers in a chosen state, and the laws that a store has to keep. None of it depends on a test runner.
 *
 * **Gotchas**
 *
 * - A breaker keeps to one clock for its whole life. One that was tripped under the live clock and is read under
 *   `TestClock`, as with a `ManagedRuntime` that tests share, shows a `retryAfter` of thousands of days; the other way
 *   round, its opening is over at once. Make the breaker in the test.
 * - Fake timers, such as those of vitest, move timers and thereby `Effect.sleep`, but not the clock that a circuit goes
 *   by: Effect's live `Clock` reads the `process.hrtime` that it found when it was loaded. Use `TestClock`.
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
import { answering } from "./internal/testing/answering.ts"
import * as chosen from "./internal/testing/chosen.ts"
import { keeping } from "./internal/testing/keeping.ts"
import type { Law } from "./internal/testing/law.ts"
import { telling } from "./internal/testing/telling.ts"

// -------------------------------------------------------------------------------------------------------------------
// Breakers in a chosen state

/**
 * The state that a breaker is to begin in: that of the circuit of `key`, or of calls without a key.
 *
 * - `Open`: `retryAfter` is what is left of the open time (default: all of it).
 * - `HalfOpen`: `probing` calls are on their way until the scope closes (default 0: the next call is a probe). With as
 *   many as `halfOpen.probes`, a call is rejected.
 * - `Recovering`: `admitting` is the share of calls that is admitted now (default: that at which a recovery begins).
 * - `Isolated`: until the scope closes.
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
 * Makes a breaker that is in a chosen state: a real one, which goes on from there by its `options`. It is alone with its
 * process, whatever store is in the environment, and logs nothing of how it got there.
 *
 * It goes by the clock of the test: with `TestClock`, an open circuit stays open until the clock is adjusted. Without
 * the option `recovery`, a Recovering one recovers over a minute.
 *
 * @example
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
 * @category breakers
 */
export const breaker: (
  chosen: ChosenState,
  options?: Options
) => Effect.Effect<CircuitBreaker, never, Scope.Scope> = chosen.breaker

/**
 * The breaker of a program that has one, as {@link breaker} makes it.
 *
 * @example
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
 * // The one probe that it allows is under way.
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
 * The breaker of a service of its own, with the options of its class and `options` over them, in a chosen state. One
 * that is to be Recovering needs the option `recovery`.
 *
 * @example
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

// -------------------------------------------------------------------------------------------------------------------
// The laws of stores

/**
 * What a `CircuitStore.Store` has to do. `about` says which part of it: how it answers, what it keeps, and what it tells
 * those who listen.
 *
 * `check` connects to the store several times, so `connect` has to give another client of one and the same store each
 * time it is run; the connection is closed with its scope. What is in the store already does not matter: every check
 * uses a name of its own. It waits in real time, the longest half a second, and fails with what is wrong.
 *
 * `CircuitStore.alone`, the default, keeps the laws about `"answering"` only: it takes in what it is told, and keeps and
 * tells nothing. A breaker on it does not ask it.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreLaw {
  readonly about: "answering" | "keeping" | "telling"
  readonly name: string
  readonly check: (connect: Effect.Effect<Store, never, Scope.Scope>) => Effect.Effect<void, StoreLawBroken>
}

/**
 * A store does not do what it has to. The message names the law, and what was found and expected.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreLawBroken extends Data.TaggedError("StoreLawBroken")<{
  readonly law: string
  readonly message: string
  readonly cause: unknown
}> {}

const storeLaw = ({ about, check, name }: Law): StoreLaw => ({
  about,
  name,
  check: (connect) =>
    Effect.suspend(() => check(connect, `law-${globalThis.crypto.randomUUID()}`)).pipe(
      Effect.scoped,
      Effect.withClock(Clock.make()),
      Effect.mapError(
        (cause) => new StoreLawBroken({ law: name, message: `${name}: ${cause.message}`, cause })
      )
    )
})

/**
 * The laws of stores, to be checked one by one: each is a test.
 *
 * @example
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
 * @category laws
 */
export const storeLaws: ReadonlyArray<StoreLaw> = [...answering, ...keeping, ...telling].map(storeLaw)
