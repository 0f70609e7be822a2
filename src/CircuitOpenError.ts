/**
 * The typed error of a rejected call.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type { StateTag } from "./Transition.ts"

// An error whose constructor never runs `Error`: capturing the JavaScript stack is most of a rejection's cost, and a
// rejection says nothing about the code that happened to ask. The prototype is that of every Effect error, so it is
// an `instanceof Error` and can be yielded.
const StacklessError: new () => Cause.YieldableError = function () {} as never
StacklessError.prototype = Object.create(Cause.YieldableError.prototype)

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
export class CircuitOpenError extends StacklessError {
  readonly _tag: "CircuitOpenError" = "CircuitOpenError"
  readonly breaker: string
  readonly key: string
  readonly state: Exclude<StateTag, "Closed">
  readonly retryAfter: Duration.Duration

  constructor(props: {
    readonly breaker: string
    readonly key: string
    readonly state: Exclude<StateTag, "Closed">
    readonly retryAfter: Duration.Duration
  }) {
    super()
    this.breaker = props.breaker
    this.key = props.key
    this.state = props.state
    this.retryAfter = props.retryAfter
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
