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
import { plainOutcome } from "./classify.ts"

/**
 * Begins a call that ends with the scope at the latest. If the scope closes before the call was settled, the outcome is
 * Ignored. The result is `undefined` if {@link begin} gives no call.
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
 * The operation `admit` of a breaker: begins a call that the program settles itself.
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
        const plain = plainOutcome(outcome) ?? refuseValue("Admission.settle", "given an Outcome", outcome)
        if (call === undefined) return Effect.void
        return settle(call, plain, plain._tag === "Failure" ? failureWithoutCause : Exit.void)
      })
  }))

/** The exit of a failed admission: the program settles it with an outcome, which has no cause. */
const failureWithoutCause = Exit.failCause(Cause.empty)
