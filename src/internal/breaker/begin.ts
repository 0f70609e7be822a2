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
 * A request for the admission of a call to a circuit.
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

/**
 * Runs an effect as part of a call, so that nested calls on the same circuit need no admission of their own. A Closed
 * circuit admits nested calls anyway.
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
  // The circuit is looked up again, because it may have been dropped while the call waited.
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

/**
 * The ticket of the slot that was granted; `undefined` if none was, or if the circuit has changed while the call
 * waited.
 */
const takenSlot = (
  breaker: Breaker,
  entry: CircuitEntry,
  decision: Decision | undefined,
  now: number
): Ticket | undefined =>
  decision?._tag === "Admitted" && Machine.lands(entry.current, breaker.settings.rules, decision.ticket, now)
    ? decision.ticket
    : undefined

/** Decides by the current state of the circuit, after a slot request that has yielded no slot. */
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
      // A slot of a new half-open period would need a new request, so the call is rejected.
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
 * Whether the circuit admits every call, so that an admission takes no slot and changes nothing.
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

/** Gives a call its ticket, and the call that it is nested in. */
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
