import * as AllOf from "./allOf.ts"
import * as AnyOf from "./anyOf.ts"
import * as Consecutive from "./consecutive.ts"
import * as Custom from "./custom.ts"
import * as FailureCount from "./failureCount.ts"
import * as FailureRate from "./failureRate.ts"
import type { Share, ShareAny } from "./policy.ts"
import * as SlowCallRate from "./slowCallRate.ts"

/**
 * Every kind of policy by its tag, and how the windows of several processes are put together. A new one needs its file,
 * a line in both lists here, and its type and constructor in `TripPolicy`.
 *
 * A policy carries its own kind, so that a program bundles the policies that it uses; only what is for all of them, such
 * as reading one from configuration, comes here.
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
