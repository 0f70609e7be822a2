import * as Effect from "effect/Effect"
import * as Admission from "../core/admission.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { Caller, Restore } from "../fiber/caller.ts"
import type { Breaker } from "./breaker.ts"
import { RunningCall } from "./call.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import type { SharedDecision } from "./coordinator.ts"
import { callOf, isWithinCall } from "./nesting.ts"
import { reject } from "./reject.ts"
import type { Classify } from "./classify.ts"

/**
 * A request for the admission of a call to a circuit.
 *
 * @internal
 */
export interface Request {
  readonly breaker: Breaker
  readonly key: string | undefined
  readonly classify: Classify
}

/**
 * The first step of a call: begins it and passes it to `use`, which has to settle it, or fails with its rejection. Both
 * run in one uninterruptible region, so that a slot that was taken is always given back; `use` and waiting admissions
 * are interruptible where they apply `restore`. `call` is `undefined` if the effect runs without a call of its own: as
 * part of a running call of the same circuit, or in a dry run that would have rejected it.
 *
 * @internal
 */
export const begin = <A, E, R>(
  request: Request,
  use: (call: RunningCall | undefined, restore: Restore, caller: Caller) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CircuitOpenError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) =>
      Effect.flatMap(admission(request, caller, restore), (call) => use(call, restore, caller))
    )
  )

type Admitted = Effect.Effect<RunningCall | undefined, CircuitOpenError>

const admission = (request: Request, caller: Caller, restore: Restore): Admitted => {
  const { breaker, key } = request
  const { coordinator } = breaker
  if (coordinator === undefined) return decide(request, breaker.use(key, caller), caller)
  return Effect.flatMap(coordinator.decide(key, caller, restore), ({ decision, entry }) =>
    decision === undefined
      ? decide(request, entry, caller)
      : carryOut(request, { entry, decision, now: breaker.now(caller) }, caller)
  )
}

/**
 * Whether the circuit admits every call, so that an admission takes no slot and changes nothing.
 *
 * @internal
 */
export const admitsEveryCall = ({ current }: CircuitEntry): boolean =>
  current._tag === "Closed" || current._tag === "Disabled"

/** Decides by the circuit as it is in this process. */
const decide = (request: Request, entry: CircuitEntry, caller: Caller): Admitted => {
  const { breaker } = request
  const now = breaker.now(caller)
  if (!admitsEveryCall(entry)) breaker.unsettledCalls?.settleAll(entry)
  if (isWithinCall(entry, caller, now)) return Effect.succeed(undefined)
  const [decision, next] = Admission.admit(entry.current, breaker.settings.rules, now)
  breaker.announce(breaker.replace(entry, next, now), caller)
  return carryOut(request, { entry, decision, now }, caller)
}

interface Decided {
  readonly entry: CircuitEntry
  readonly decision: SharedDecision
  readonly now: number
}

/** Rejects the call, or begins it with its ticket, nested in the call that the fiber already makes. */
const carryOut = (
  { breaker, classify }: Request,
  { decision, entry, now }: Decided,
  caller: Caller
): Admitted => {
  if (decision._tag === "Rejected")
    return reject(breaker, entry, decision, caller) ?? Effect.succeed(undefined)
  const call = new RunningCall(breaker, entry, classify, now)
  call.generation = decision.ticket.generation
  call.slot = decision.ticket.slot
  call.outer = callOf(caller)
  return Effect.succeed(call)
}
