/**
 * A `Schema` of {@link CircuitOpenError}, for RPC and HTTP.
 *
 * It has a module of its own, so that a program that sends no rejection to another process does not load
 * `effect/Schema`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { CircuitOpenError, isCircuitOpenError } from "./CircuitOpenError.ts"

/**
 * Encodes a {@link CircuitOpenError} as plain JSON, and decodes it again.
 *
 * **Gotchas**
 *
 * A decoded error keeps its fields and its message, but no circuit recognises it as its own rejection: if a protected
 * effect fails with it, the call is a failure.
 *
 * **Example** (Sending a rejection to another process)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Duration from "effect/Duration"
 * import * as Schema from "effect/Schema"
 * import { CircuitOpenError } from "effect-circuit-breaker"
 * import { CircuitOpenErrorSchema } from "effect-circuit-breaker/CircuitOpenErrorSchema"
 *
 * const error = new CircuitOpenError({
 *   breaker: "payments",
 *   key: "eu",
 *   state: "Isolated",
 *   retryAfter: Duration.infinity
 * })
 * const json = JSON.stringify(Schema.encodeSync(CircuitOpenErrorSchema)(error))
 * const decoded = Schema.decodeUnknownSync(CircuitOpenErrorSchema)(JSON.parse(json))
 *
 * assert.ok(decoded instanceof CircuitOpenError)
 * assert.strictEqual(decoded.message, error.message)
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const CircuitOpenErrorSchema = Schema.transform(
  Schema.TaggedStruct("CircuitOpenError", {
    breaker: Schema.String,
    key: Schema.String,
    state: Schema.Literal("Open", "HalfOpen", "Recovering", "Isolated"),
    retryAfter: Schema.Duration
  }),
  Schema.declare(isCircuitOpenError, { identifier: "CircuitOpenError" }),
  {
    strict: true,
    decode: (props) => new CircuitOpenError(props),
    encode: ({ _tag, breaker, key, state, retryAfter }) => ({ _tag, breaker, key, state, retryAfter })
  }
)
