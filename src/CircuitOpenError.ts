/**
 * The typed error of a rejected call.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import { Rejection } from "./internal/circuitOpenError.ts"
import type { StateTag } from "./Transition.ts"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-circuit-breaker/CircuitOpenError")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * Whether a value is a {@link CircuitOpenError}, also where another copy of this package made it.
 *
 * @example
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

// What a rejection knows of its circuit is nobody else's business, and not in its type.
const Base: new () => Cause.YieldableError = Rejection

/**
 * The states in which a circuit turns calls away.
 *
 * @since 0.1.0
 * @category models
 */
export type RejectingState = Exclude<StateTag, "Closed" | "Disabled">

/**
 * A call was rejected: the circuit was not Closed and had no place for it. The protected effect was not started.
 *
 * `retryAfter` is how long the circuit stays Open if nothing else happens: zero while it is HalfOpen or Recovering,
 * infinite while it is Isolated. The error carries no JavaScript stack.
 *
 * A `Schema` for it, for RPC and HTTP, is in `effect-circuit-breaker/CircuitOpenErrorSchema`.
 *
 * @example
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

  // Read by `isCircuitOpenError`; on the prototype, so that it costs a rejection nothing.
  get [TypeId](): TypeId {
    return TypeId
  }

  override get name(): string {
    return this._tag
  }

  override get message(): string {
    return `Circuit "${this.key}" of breaker "${this.breaker}" is ${situationOf(this)}`
  }
}

const situationOf = ({ retryAfter, state }: CircuitOpenError): string => {
  switch (state) {
    case "Open":
      return `open, retry after ${Duration.format(retryAfter)}`
    case "HalfOpen":
      return "half-open and its probes are running, retry soon"
    case "Recovering":
      return "recovering and admits a share of the calls, retry soon"
    case "Isolated":
      return "isolated, do not retry"
  }
}
