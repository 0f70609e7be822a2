/**
 * A circuit breaker for Effect: wrap any effect; when its dependency fails, callers fail fast with a typed error, and
 * the circuit heals itself.
 *
 * @since 0.1.0
 */

/**
 * Breakers, their options and operations.
 *
 * @since 0.1.0
 */
export * as CircuitBreaker from "./CircuitBreaker.ts"

export {
  /**
   * A breaker with every option at its default.
   *
   * @since 0.1.0
   * @category layers
   */
  CircuitBreakerLive
} from "./CircuitBreaker.ts"

/**
 * The list of all live breakers of a process.
 *
 * @since 0.1.0
 */
export * as CircuitBreakerRegistry from "./CircuitBreakerRegistry.ts"

/**
 * The Effect `Metric`s that every breaker updates.
 *
 * @since 0.1.0
 */
export * as CircuitMetrics from "./CircuitMetrics.ts"

export {
  /**
   * The error of a call that a circuit rejected.
   *
   * @since 0.1.0
   * @category errors
   */
  CircuitOpenError
} from "./CircuitOpenError.ts"

/**
 * Stores through which several processes share circuits.
 *
 * @since 0.1.0
 */
export * as CircuitStore from "./CircuitStore.ts"

/**
 * The verdict on one call: `Success`, `Failure` or `Ignored`.
 *
 * @since 0.1.0
 */
export * as Outcome from "./Outcome.ts"

/**
 * Changes of a circuit's state, as a breaker publishes them.
 *
 * @since 0.1.0
 */
export * as Transition from "./Transition.ts"

/**
 * Policies that decide when a Closed circuit opens.
 *
 * @since 0.1.0
 */
export * as TripPolicy from "./TripPolicy.ts"
