import type { Breaker } from "./breaker.ts"

/**
 * The inside of a breaker that an administrator reads beyond its public interface. Nothing of it admits a call, or makes
 * or moves a circuit.
 *
 * @internal
 */
export interface Inspected extends Pick<
  Breaker,
  "settings" | "circuits" | "isShared" | "meters" | "coordinator" | "now" | "seen"
> {}

/**
 * Where a breaker holds its inside. The name is the same in every copy of this package.
 *
 * @internal
 */
export const inspectedKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitBreaker/inspected/1")

/**
 * The inside of a breaker; none of one that somebody else has made.
 *
 * @internal
 */
export const inspectedIn = (service: object): Inspected | undefined =>
  (service as { readonly [inspectedKey]?: Inspected })[inspectedKey]
