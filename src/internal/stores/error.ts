import * as Data from "effect/Data"

/**
 * The store could not be asked. It never reaches a caller of a breaker.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitStoreError extends Data.TaggedError("CircuitStoreError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
