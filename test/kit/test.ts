/** Tests that are written as generators of effects, with a scope that closes with the test. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as TestServices from "effect/TestServices"
import type { YieldWrap } from "effect/Utils"

/** The body of a test: it yields effects that need no more than `R`. */
export type Body<R> = () => Generator<YieldWrap<Effect.Effect<unknown, unknown, R>>, void, never>

/** A test on a `TestClock`. */
export const test = (
  title: string,
  body: Body<Scope.Scope | TestServices.TestServices>,
  timeout?: number
): void => it.scoped(title, () => Effect.gen(body), timeout)

/** A test in real time. */
export const liveTest = (title: string, body: Body<Scope.Scope>, timeout?: number): void =>
  it.scopedLive(title, () => Effect.gen(body), timeout)
