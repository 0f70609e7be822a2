import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Admission } from "../../CircuitBreaker.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import { admission } from "./admission.ts"
import type { Breaker } from "./breaker.ts"
import type { RunningCall } from "./call.ts"
import { settle } from "./call.ts"
import type { Caller } from "../fiber/caller.ts"
import { refuseValue } from "../options/checks.ts"

/**
 * A call whose end its owner tells: admitted now, and settled before the scope closes. Nothing is answered where it runs
 * without being counted.
 *
 * @internal
 */
export const begin = (
  breaker: Breaker,
  key: string | undefined
): Effect.Effect<RunningCall | undefined, CircuitOpenError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<RunningCall | undefined, CircuitOpenError, Scope.Scope>((caller) =>
      Effect.flatMap(asked(breaker, key, caller, restore), (call) =>
        call === undefined
          ? Effect.succeed(undefined)
          : Effect.as(
              Effect.addFinalizer((exit) => giveBack(call, exit)),
              call
            )
      )
    )
  )

/** As every call, it waits first for what other processes know of its circuit. */
const asked = (
  breaker: Breaker,
  key: string | undefined,
  caller: Caller,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.Effect<RunningCall | undefined, CircuitOpenError> => {
  const before = breaker.fleet?.beforeCall(breaker.use(key, caller), caller)
  const decide = Effect.suspend(() => admission(breaker, key, caller, restore))
  return before === undefined ? decide : Effect.zipRight(restore(before), decide)
}

// A scope that closes without a verdict says nothing about the dependency.
const giveBack = (call: RunningCall, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => {
    settleOnce(call, Outcome.ignored, exit, caller)
    return written(call)
  })

/** Where everything is written through, waits until the other processes can know the outcome. */
const written = ({ breaker, held }: RunningCall): Effect.Effect<void> =>
  breaker.fleet?.isWrittenThrough === true ? breaker.fleet.afterCall(() => held) : Effect.void

/** @internal */
export const settleOnce = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  if (!call.isOn) return
  call.breaker.unsettledCalls.lapseAll(call.held)
  settle(call, outcome, exit, caller)
}

/** @internal */
export const admit = (
  breaker: Breaker,
  key: string | undefined
): Effect.Effect<Admission, CircuitOpenError, Scope.Scope> =>
  Effect.map(begin(breaker, key), (call) => ({
    settle: (outcome) =>
      Effect.withFiberRuntime((caller) => {
        checkOutcome(outcome)
        const exit = outcome._tag === "Failure" ? unexplained : Exit.void
        if (call === undefined) return Effect.void
        settleOnce(call, outcome, exit, caller)
        return written(call)
      })
  }))

/** Of a failure that its owner tells, no cause is known. */
const unexplained = Exit.failCause(Cause.empty)

const checkOutcome = (outcome: Outcome.Outcome): void => {
  const tag: unknown = outcome?._tag
  if (tag !== "Success" && tag !== "Failure" && tag !== "Ignored")
    refuseValue("Admission.settle", "given an Outcome", outcome)
}
