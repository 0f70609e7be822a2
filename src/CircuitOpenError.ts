/**
 * The error of a rejected call.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import { Rejection } from "./internal/circuitOpenError.ts"
import { printable } from "./internal/core/printable.ts"
import { durationText } from "./internal/options/checks.ts"
import type { StateTag } from "./Transition.ts"

/**
 * The brand of a {@link CircuitOpenError}, the same in every copy of this package.
 *
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-circuit-breaker/CircuitOpenError")

/**
 * The type of the brand of a {@link CircuitOpenError}.
 *
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * The states in which a circuit rejects calls.
 *
 * @since 0.1.0
 * @category models
 */
export type RejectingState = Exclude<StateTag, "Closed" | "Disabled">

// A `Rejection` has the identity of its circuit. Only this library uses that, so the public type leaves it out.
const Base: new () => Cause.YieldableError = Rejection

/**
 * The error of a call that a circuit rejected. The protected effect was not started.
 *
 * **Details**
 *
 * - `state` is the state of the circuit: Open, HalfOpen with all of its slots taken, Recovering, or Isolated.
 * - `retryAfter` is the rest of the open time. It is zero while the circuit is HalfOpen or Recovering, and infinite
 *   while it is Isolated.
 * - The message is one line: characters of the key that would end it or move the cursor are escaped.
 * - The error carries no JavaScript stack, because capturing one is most of the cost of a rejection.
 *
 * `effect-circuit-breaker/CircuitOpenErrorSchema` has a `Schema` of it for RPC and HTTP.
 *
 * **Gotchas**
 *
 * An error that was decoded, or that comes from another breaker, is a failure like any other: a circuit recognises its
 * own rejections by identity.
 *
 * **Example** (Falling back)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make()
 *   yield* breaker.trip()
 *   return yield* breaker
 *     .protect(Effect.succeed("fresh"))
 *     .pipe(Effect.catchTag("CircuitOpenError", () => Effect.succeed("cached")))
 * }).pipe(Effect.scoped)
 *
 * assert.strictEqual(await Effect.runPromise(program), "cached")
 * ```
 *
 * **Example** (The message)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Duration from "effect/Duration"
 * import { CircuitOpenError } from "effect-circuit-breaker"
 *
 * const error = new CircuitOpenError({
 *   breaker: "payments",
 *   key: "eu",
 *   state: "Open",
 *   retryAfter: Duration.seconds(20)
 * })
 * assert.strictEqual(error.message, 'Circuit "eu" of breaker "payments" is open, retry after 20s')
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpenError extends Base {
  readonly _tag: "CircuitOpenError" = "CircuitOpenError"
  readonly breaker: string
  readonly key: string
  readonly state: RejectingState
  readonly retryAfter: Duration.Duration

  constructor(props: {
    readonly breaker: string
    readonly key: string
    readonly state: RejectingState
    readonly retryAfter: Duration.Duration
  }) {
    super()
    this.breaker = props.breaker
    this.key = props.key
    this.state = props.state
    this.retryAfter = props.retryAfter
  }

  // `isCircuitOpenError` reads the brand. It is on the prototype, so that it adds no cost to a rejection.
  get [TypeId](): TypeId {
    return TypeId
  }

  override get name(): string {
    return this._tag
  }

  override get message(): string {
    return `Circuit "${printable(this.key)}" of breaker "${printable(this.breaker)}" is ${situationOf(this)}`
  }
}

/**
 * Checks whether a value is a {@link CircuitOpenError}.
 *
 * **Details**
 *
 * It checks the brand, so it also recognises an error that another copy of this package made, for which `instanceof` is
 * false.
 *
 * **Example** (Recognising a rejection)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 * import { isCircuitOpenError } from "effect-circuit-breaker/CircuitOpenError"
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make()
 *   yield* breaker.isolate()
 *   return yield* Effect.flip(breaker.protect(Effect.void))
 * }).pipe(Effect.scoped)
 *
 * assert.ok(isCircuitOpenError(await Effect.runPromise(program)))
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isCircuitOpenError = (value: unknown): value is CircuitOpenError =>
  Predicate.hasProperty(value, TypeId)

const situationOf = ({ retryAfter, state }: CircuitOpenError): string => {
  switch (state) {
    case "Open":
      return `open, retry after ${durationText(retryAfter)}`
    case "HalfOpen":
      return "half-open and its probes are running, retry soon"
    case "Recovering":
      return "recovering and admits a share of the calls, retry soon"
    case "Isolated":
      return "isolated, do not retry"
  }
}
