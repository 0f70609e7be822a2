import * as Data from "effect/Data"

/**
 * The error of a store that cannot complete an operation.
 *
 * **Details**
 *
 * Callers of a breaker never receive it. The breaker logs the message once when the store begins to fail.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitStoreError extends Data.TaggedError("CircuitStoreError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
