import { kind as allOf } from "./allOf.ts"
import { kind as anyOf } from "./anyOf.ts"
import { kind as consecutive } from "./consecutive.ts"
import { kind as custom } from "./custom.ts"
import { kind as failureCount } from "./failureCount.ts"
import { kind as failureRate } from "./failureRate.ts"
import { kind as slowCallRate } from "./slowCallRate.ts"

/**
 * Every kind of policy by its tag. A new one needs its file, a line here, and its type and constructor in `TripPolicy`.
 *
 * @internal
 */
export const kinds = {
  Consecutive: consecutive,
  FailureCount: failureCount,
  FailureRate: failureRate,
  SlowCallRate: slowCallRate,
  AnyOf: anyOf,
  AllOf: allOf,
  Custom: custom
}
