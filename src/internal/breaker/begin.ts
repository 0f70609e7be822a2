import * as Effect from "effect/Effect"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { Decision, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Breaker } from "./breaker.ts"
import { callOf, isWithinCall, RunningCall, runningCall } from "./call.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import type { Coordinator } from "./coordinator.ts"
import { reject } from "./reject.ts"
import type { Classify } from "./verdict.ts"

/**
 * Asks a circuit for admission.
 *
 * @internal
 */
export interface Request {
  readonly breaker: Breaker
  readonly key: string | undefined
  readonly classify: Classify
}

/** @internal */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * The first step of a call: begins it, or fails with its rejection, and hands it to whoever settles it. Both happen in a
 * region that cannot be interrupted, so that whatever the call was given is given back; `restore` leaves the region while
 * something waits. There is no call where the effect runs without being counted: as part of a call that was admitted, or
 * in a dry run.
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

/**
 * Runs an effect as part of a call, so that what it calls on the same circuit needs no admission of its own. A Closed
 * circuit admits nested use anyway.
 *
 * @internal
 */
export const within = <A, E, R>(call: RunningCall, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  call.entry.current._tag === "Closed" ? effect : Effect.locally(effect, runningCall, call)

type Admission = Effect.Effect<RunningCall | undefined, CircuitOpenError>

const admission = (request: Request, caller: Caller, restore: Restore): Admission => {
  const { breaker, key } = request
  const entry = breaker.use(key, caller)
  const { coordinator } = breaker
  if (coordinator === undefined) return decide(request, entry, caller)
  const ready = coordinator.ready(entry, caller)
  return ready === undefined
    ? coordinated(request, coordinator, caller, restore)
    : Effect.zipRight(
        restore(ready),
        Effect.suspend(() => coordinated(request, coordinator, caller, restore))
      )
}

const coordinated = (
  request: Request,
  coordinator: Coordinator,
  caller: Caller,
  restore: Restore
): Admission => {
  const { breaker, classify, key } = request
  // Looked up again: the circuit may have been dropped while the call waited.
  const entry = breaker.use(key, caller)
  if (coordinator.outageMillis !== undefined) return rejectForOutage(breaker, entry, caller)
  const slot = coordinator.requestSlot(entry, caller)
  if (slot === undefined) return decide(request, entry, caller)
  return Effect.matchCauseEffect(restore(slot.decision), {
    onFailure: (cause) => {
      slot.abandon()
      return Effect.failCause(cause)
    },
    onSuccess: (decision) => {
      const now = breaker.now(caller)
      const taken = takenSlot(breaker, entry, decision, now)
      if (taken !== undefined)
        return Effect.succeed(begun(new RunningCall(breaker, entry, classify, now), taken, caller))
      slot.abandon()
      return withoutSlot(request, entry, decision, caller)
    }
  })
}

/** The slot that was granted, if the circuit has not changed while other processes were asked for it. */
const takenSlot = (
  breaker: Breaker,
  entry: CircuitEntry,
  decision: Decision | undefined,
  now: number
): Ticket | undefined =>
  decision?._tag === "Admitted" && Machine.lands(entry.current, breaker.settings.rules, decision.ticket, now)
    ? decision.ticket
    : undefined

/** Decides again, by the circuit as it is after the wait. */
const withoutSlot = (
  request: Request,
  entry: CircuitEntry,
  decision: Decision | undefined,
  caller: Caller
): Admission => {
  const { breaker } = request
  switch (decision?._tag) {
    case "Admitted": {
      const [again, next] = Machine.admit(entry.current, breaker.settings.rules, breaker.now(caller))
      // A slot of another opening has to be asked for as this one was.
      return next._tag === "HalfOpen" && again._tag === "Admitted"
        ? rejection(breaker, entry, 0, caller)
        : decide(request, entry, caller)
    }
    case "Rejected":
      return admitsEveryCall(entry)
        ? decide(request, entry, caller)
        : rejection(breaker, entry, decision.retryAfterMillis, caller)
    case undefined:
      return breaker.coordinator?.outageMillis === undefined
        ? decide(request, entry, caller)
        : rejectForOutage(breaker, entry, caller)
  }
}

/**
 * Whether the circuit admits every call, and claims nothing.
 *
 * @internal
 */
export const admitsEveryCall = ({ current }: CircuitEntry): boolean =>
  current._tag === "Closed" || current._tag === "Disabled"

const decide = (request: Request, entry: CircuitEntry, caller: Caller): Admission => {
  const { breaker, classify } = request
  const now = breaker.now(caller)
  if (!admitsEveryCall(entry)) breaker.unsettledCalls?.settleAll(entry)
  if (isWithinCall(entry, caller, now)) return Effect.succeed(undefined)
  const [decision, next] = Machine.admit(entry.current, breaker.settings.rules, now)
  breaker.announce(breaker.replace(entry, next, now), caller)
  return decision._tag === "Rejected"
    ? rejection(breaker, entry, decision.retryAfterMillis, caller)
    : Effect.succeed(begun(new RunningCall(breaker, entry, classify, now), decision.ticket, caller))
}

/** The call of a ticket, nested in the caller's own. */
const begun = (call: RunningCall, { generation, slot }: Ticket, caller: Caller): RunningCall => {
  call.generation = generation
  call.slot = slot
  call.outer = callOf(caller)
  return call
}

const rejection = (
  breaker: Breaker,
  entry: CircuitEntry,
  retryAfterMillis: number,
  caller: Caller
): Admission => reject(breaker, entry, { retryAfterMillis }, caller) ?? Effect.succeed(undefined)

const rejectForOutage = (breaker: Breaker, entry: CircuitEntry, caller: Caller): Admission =>
  reject(
    breaker,
    entry,
    { state: "Open", retryAfterMillis: breaker.coordinator?.outageMillis ?? 0 },
    caller
  ) ?? Effect.succeed(undefined)
