import type { Breaker } from "./breaker.ts"

/**
 * The private parts of a breaker that the admin API reads. The API uses them neither to admit a call, nor to make or
 * change a circuit.
 *
 * @internal
 */
export interface Inspected extends Pick<
  Breaker,
  "settings" | "circuits" | "isShared" | "meters" | "coordinator" | "now" | "seen"
> {}

/**
 * The property of a public breaker that holds its {@link Inspected}. The symbol is the same in every copy of this
 * package.
 *
 * @internal
 */
export const inspectedKey: unique symbol = Symbol.for("effect-circuit-breaker/CircuitBreaker/inspected/1")

/**
 * The private parts of a breaker; `undefined` for a breaker that this library did not make.
 *
 * @internal
 */
export const inspectedIn = (service: object): Inspected | undefined =>
  (service as { readonly [inspectedKey]?: Inspected })[inspectedKey]
