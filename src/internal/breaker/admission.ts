import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RejectingState } from "../../CircuitOpenError.ts"
import { CircuitOpenError } from "../../CircuitOpenError.ts"
import { announceRejection } from "../observe/log.ts"
import type { Breaker } from "./breaker.ts"
import { callOf, isWithinCall, RunningCall } from "./call.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Held } from "./circuits.ts"
import type { Ticket } from "../core/circuit.ts"
import * as Circuit from "../core/circuit.ts"
import type { Claim } from "../fleet/claim.ts"
import { increment } from "../observe/meters.ts"
import { Rejection } from "../circuitOpenError.ts"

/** @internal */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Admits a call or fails with its rejection. It is run in a region that cannot be interrupted, in which the call is to
 * be settled; `restore` lets go of the region while it waits. Nothing is answered where the call runs without being
 * counted: as part of a call that has been admitted, or in a dry run.
 *
 * @internal
 */
export const admission = (
  breaker: Breaker,
  key: string | undefined,
  caller: Caller,
  restore: Restore
): Effect.Effect<RunningCall | undefined, CircuitOpenError> => {
  const held = breaker.use(key, caller)
  const { fleet } = breaker
  if (fleet?.turnsAway === true) return rejection(breaker, held, fleet.retryMillis, caller, "Open")
  const claim = fleet?.claim(held, caller)
  if (claim === undefined) return decided(breaker, held, caller)
  return Effect.matchCauseEffect(restore(claim.wait), {
    onFailure: (cause) => {
      claim.abandon()
      return Effect.failCause(cause)
    },
    onSuccess: () => afterClaim(breaker, held, claim, caller)
  })
}

/** The circuit may have changed while its other processes were asked for a slot, so it is looked at again. */
const afterClaim = (
  breaker: Breaker,
  held: Held,
  claim: Claim,
  caller: Caller
): Effect.Effect<RunningCall | undefined, CircuitOpenError> => {
  const { rules } = breaker.settings
  const { decision } = claim
  if (decision?._tag === "Admitted") {
    if (Circuit.lands(held.current, rules, decision.ticket, breaker.now(caller)))
      return Effect.succeed(begun(breaker, held, decision.ticket, caller))
    claim.abandon()
    const [now, next] = Circuit.admit(held.current, rules, breaker.now(caller))
    // A slot of another opening has to be asked for as this one was.
    return next._tag === "HalfOpen" && now._tag === "Admitted"
      ? rejection(breaker, held, 0, caller)
      : decided(breaker, held, caller)
  }
  claim.abandon()
  if (decision?._tag === "Rejected" && held.current._tag !== "Closed" && held.current._tag !== "Disabled")
    return rejection(breaker, held, decision.retryAfterMillis, caller)
  const { fleet } = breaker
  return fleet?.turnsAway === true
    ? rejection(breaker, held, fleet.retryMillis, caller, "Open")
    : decided(breaker, held, caller)
}

const decided = (
  breaker: Breaker,
  held: Held,
  caller: Caller
): Effect.Effect<RunningCall | undefined, CircuitOpenError> => {
  const now = breaker.now(caller)
  breaker.unsettledCalls.lapseAll(held)
  if (isWithinCall(held, caller, now)) return Effect.succeed(undefined)
  const [decision, next] = Circuit.admit(held.current, breaker.settings.rules, now)
  breaker.move(held, next, caller)
  return decision._tag === "Rejected"
    ? rejection(breaker, held, decision.retryAfterMillis, caller)
    : Effect.succeed(begun(breaker, held, decision.ticket, caller))
}

const begun = (breaker: Breaker, held: Held, ticket: Ticket, caller: Caller): RunningCall => {
  const running = new RunningCall(breaker, held, ticket.generation, breaker.now(caller))
  running.slot = ticket.slot
  running.outer = callOf(caller)
  return running
}

const rejection = (
  breaker: Breaker,
  held: Held,
  retryAfterMillis: number,
  caller: Caller,
  state?: RejectingState
): Effect.Effect<undefined, CircuitOpenError> =>
  reject(breaker, held, retryAfterMillis, caller, state) ?? Effect.succeed(undefined)

/**
 * Counts and makes the rejection of a call: nothing where the breaker only observes.
 *
 * @internal
 */
export const reject = (
  breaker: Breaker,
  held: Held,
  retryAfterMillis: number,
  caller: Caller,
  state = held.current._tag
): Exit.Exit<never, CircuitOpenError> | undefined => {
  const { name, observe } = breaker.settings
  held.rejected++
  increment(held.series.rejected)
  if (observe || state === "Closed" || state === "Disabled") return undefined
  announceRejection(caller, held, name, state)
  // Whole milliseconds, rounded up: a timer cut short would only be rejected once more.
  const retryAfter = Duration.millis(Math.ceil(retryAfterMillis))
  const error = new CircuitOpenError({ breaker: name, key: held.key, state, retryAfter })
  return Exit.fail(Rejection.by(held, error))
}
