/**
 * @since 0.1.0
 */
export * as CircuitBreaker from "./CircuitBreaker.ts"
export { CircuitBreakerLive } from "./CircuitBreaker.ts"
export * as CircuitBreakerRegistry from "./CircuitBreakerRegistry.ts"
export * as CircuitMetrics from "./CircuitMetrics.ts"
export { CircuitOpenError } from "./CircuitOpenError.ts"
export * as CircuitStore from "./CircuitStore.ts"
export * as Outcome from "./Outcome.ts"
export * as Transition from "./Transition.ts"
export * as TripPolicy from "./TripPolicy.ts"
