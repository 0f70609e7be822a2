import * as AllOf from "./allOf.ts"
import * as AnyOf from "./anyOf.ts"
import * as Consecutive from "./consecutive.ts"
import * as Custom from "./custom.ts"
import * as FailureCount from "./failureCount.ts"
import * as FailureRate from "./failureRate.ts"
import type { Share, ShareAny } from "./policy.ts"
import * as SlowCallRate from "./slowCallRate.ts"

/**
 * All kinds of policies by tag, and the functions that make their shared forms. A new kind needs a file, a line in both
 * tables here, and a type and a constructor in `TripPolicy`.
 *
 * A policy carries its own kind, so only code that handles every kind imports this file, such as reading a policy from
 * configuration. Other programs bundle only the policies that they use.
 *
 * @internal
 */
export const kinds = {
  Consecutive: Consecutive.kind,
  FailureCount: FailureCount.kind,
  FailureRate: FailureRate.kind,
  SlowCallRate: SlowCallRate.kind,
  AnyOf: AnyOf.kind,
  AllOf: AllOf.kind,
  Custom: Custom.kind
}

const shares: Readonly<Record<keyof typeof kinds, Share>> = {
  Consecutive: Consecutive.share,
  FailureCount: FailureCount.share,
  FailureRate: FailureRate.share,
  SlowCallRate: SlowCallRate.share,
  AnyOf: AnyOf.share,
  AllOf: AllOf.share,
  Custom: Custom.share
}

/** @internal */
export const share: ShareAny = (data) =>
  Object.entries<Share>(shares).find(([tag]) => tag === data._tag)?.[1](data, share)
