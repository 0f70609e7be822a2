import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import { refuseValue } from "../options/checks.ts"
import type { Request } from "./begin.ts"
import { begin } from "./begin.ts"
import type { RunningCall } from "./call.ts"

/**
 * Begins a call that lasts until the scope closes at most. A scope that closes without a verdict says nothing about the
 * dependency. There is no call where it would run without being counted.
 *
 * @internal
 */
export const beginScoped = (
  request: Request
): Effect.Effect<RunningCall | undefined, CircuitOpenError, Scope.Scope> =>
  begin(request, (call) =>
    call === undefined
      ? Effect.succeed(undefined)
      : Effect.as(
          Effect.addFinalizer((exit) => settle(call, Outcome.ignored, exit)),
          call
        )
  )

const settle = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => call.settleOnce(outcome, exit, caller) ?? Effect.void)

/**
 * The public form of the two steps: an admission that its owner settles.
 *
 * @internal
 */
export const admit = (
  request: Request
): Effect.Effect<
  { readonly settle: (outcome: Outcome.Outcome) => Effect.Effect<void> },
  CircuitOpenError,
  Scope.Scope
> =>
  Effect.map(beginScoped(request), (call) => ({
    settle: (outcome) =>
      Effect.suspend(() => {
        checkOutcome(outcome)
        if (call === undefined) return Effect.void
        return settle(call, outcome, outcome._tag === "Failure" ? unexplained : Exit.void)
      })
  }))

/** The owner of an admission gives a verdict, but no cause. */
const unexplained = Exit.failCause(Cause.empty)

const checkOutcome = (outcome: Outcome.Outcome): void => {
  const tag: unknown = outcome?._tag
  if (tag !== "Success" && tag !== "Failure" && tag !== "Ignored")
    refuseValue("Admission.settle", "given an Outcome", outcome)
}
