import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Outcome from "../../Outcome.ts"
import type { Breaker, Trip } from "./breaker.ts"
import type { Caller } from "../fiber/caller.ts"
import { clockOf } from "../fiber/caller.ts"
import type { Held } from "./circuits.ts"
import type { Ticket } from "../core/circuit.ts"
import * as Circuit from "../core/circuit.ts"
import type { Call } from "../core/policies/policy.ts"
import { increment } from "../observe/meters.ts"
import { descriptionOf } from "../observe/description.ts"
import { withoutRejections } from "../circuitOpenError.ts"

/**
 * A call that a circuit has admitted. It is settled once, and is over then; what it leaves running behind it asks for
 * admission itself.
 *
 * @internal
 */
export class RunningCall implements Ticket {
  readonly breaker: Breaker
  readonly held: Held
  readonly generation: number
  readonly startedAt: number
  /** The slot that it holds, if it is a probe. */
  slot = 0
  /** When the dependency had done its part, where that was before the call ends. */
  endedAt: number | undefined = undefined
  /** The running call that this one is nested in. */
  outer: RunningCall | undefined = undefined
  isOn = true

  constructor(breaker: Breaker, held: Held, generation: number, startedAt: number) {
    this.breaker = breaker
    this.held = held
    this.generation = generation
    this.startedAt = startedAt
  }

  /** Whether its outcome would still change its circuit. */
  lands(now: number): boolean {
    return Circuit.lands(this.held.current, this.breaker.settings.rules, this, now)
  }
}

/** @internal */
export type Classify<A, E> = (exit: Exit.Exit<A, E>) => Outcome.Outcome

/**
 * The calls that a fiber runs under, so that nested use of a circuit is part of the call that was admitted.
 *
 * @internal
 */
export const runningCall: FiberRef.FiberRef<RunningCall | undefined> = FiberRef.unsafeMake<
  RunningCall | undefined
>(undefined)

/**
 * The call that a fiber is part of. Those that are over are left behind: a fiber that outlives its calls and makes new
 * ones would otherwise hold on to all of them.
 *
 * @internal
 */
export const callOf = (caller: Caller): RunningCall | undefined => {
  let call = caller.getFiberRef(runningCall)
  while (call !== undefined && !call.isOn) call = call.outer
  return call
}

/**
 * Whether a fiber is part of a call that a circuit which is not Closed has admitted, and that is still on: turned away,
 * it could never succeed as a probe.
 *
 * @internal
 */
export const isWithinCall = (held: Held, caller: Caller, now: number): boolean => {
  const circuit = held.current
  if (circuit._tag === "HalfOpen" ? circuit.slots.count === 0 : circuit._tag !== "Recovering") return false
  for (let call = callOf(caller); call !== undefined; call = call.outer) {
    if (call.isOn && call.held === held && call.lands(now)) return true
  }
  return false
}

/**
 * Settles a call by its exit. An exit that is only interruption is Ignored without asking the classifier.
 *
 * @internal
 */
export const settleExit = <A, E>(
  call: RunningCall,
  classify: Classify<A, E>,
  exit: Exit.Exit<A, E>,
  caller: Caller
): void => end(call, judge(call, classify, exit, caller), exit, caller)

/**
 * Ends a call by its verdict. One that was settled before, when the dependency answered, can only still fail.
 *
 * @internal
 */
export const end = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  if (call.slot === Circuit.spentSlot && outcome._tag !== "Failure") return
  call.breaker.unsettledCalls.lapseAll(call.held)
  settle(call, outcome, exit, caller)
}

/**
 * Notes that the dependency has answered a call that goes on, such as a stream or a socket: what counts as its time ends
 * with that. A probe is settled, because it may go on for longer than it holds its slot; one that has succeeded can
 * still fail, for as long as the circuit asks for more probes.
 *
 * @internal
 */
export const answered = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  if (call.endedAt !== undefined) return
  call.endedAt = call.breaker.now(caller)
  if (call.slot === 0) return
  const isSlow = call.endedAt - call.startedAt >= call.breaker.policy.slowerThanMillis
  const succeeds = outcome._tag === "Success" && !isSlow && call.lands(call.endedAt)
  end(call, outcome, exit, caller)
  if (succeeds) call.slot = Circuit.spentSlot
}

/**
 * Takes a success into a Closed circuit that goes on as it is, which is what becomes of most calls. Answers whether it
 * was such a call: where anything else may follow, nothing is done, and the call is to be settled.
 *
 * @internal
 */
export const countSuccess = (call: RunningCall, caller: Caller): boolean => {
  const { breaker, held } = call
  const { policy } = breaker
  const circuit = held.current
  if (circuit._tag !== "Closed" || circuit.generation !== call.generation) return false
  // A policy of the program's own is asked about a call once.
  if (!policy.isBuiltIn || held.member?.isWarm === true) return false
  if (!breaker.unsettledCalls.isEmpty || !breaker.circuits.holds(held)) return false
  const finished = policy.timesSuccesses ? timedSuccess(call, breaker.now(caller)) : untimedSuccess
  const window = policy.record(circuit.window, finished)
  if (window !== circuit.window) {
    if (breaker.fleet !== undefined || policy.trips(window, finished.at)) return false
    held.current = Circuit.withWindow(circuit, window)
  }
  call.isOn = false
  held.succeeded++
  increment(held.series.succeeded)
  return true
}

const timedSuccess = ({ breaker, endedAt, startedAt }: RunningCall, at: number): Call => ({
  outcome: Outcome.success,
  interrupted: false,
  at,
  elapsedMillis: breaker.policy.measuresElapsed ? (endedAt ?? at) - startedAt : 0
})

/**
 * The verdict on an exit. What throws while judging it is reported, and the call says nothing about the dependency.
 *
 * @internal
 */
export const judge = <A, E>(
  { breaker, held }: RunningCall,
  classify: Classify<A, E>,
  exit: Exit.Exit<A, E>,
  caller: Caller
): Outcome.Outcome => {
  let judged = exit
  if (exit._tag === "Failure") {
    if (Cause.isInterruptedOnly(exit.cause)) return Outcome.ignored
    // A circuit's own rejection, come back through nested use, says nothing about the dependency.
    const cause = withoutRejections(held, exit.cause)
    if (cause === undefined) return Outcome.ignored
    if (cause !== exit.cause) judged = Exit.failCause(cause)
  }
  try {
    const outcome = classify(judged)
    switch (outcome._tag) {
      case "Success":
      case "Failure":
      case "Ignored":
        return outcome
      default:
        throw new TypeError(`classify must return an Outcome, received ${String(outcome)}`)
    }
  } catch (defect) {
    breaker.reportDefect(held.key, defect, caller)
    return Outcome.ignored
  }
}

/**
 * Takes the outcome of a call into its circuit, if it still belongs there.
 *
 * @internal
 */
export const settle = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  call.isOn = false
  const { breaker, held } = call
  const { rules } = breaker.settings
  // Read after the classifier has run, which may have used the breaker itself.
  const before = held.current
  const isTimed =
    outcome._tag !== "Success" ||
    rules.policy.timesSuccesses ||
    before._tag !== "Closed" ||
    held.member?.isWarm === true
  // No time is NaN: it is never within any span, so what counts over time does not count for an untimed call.
  const now = isTimed ? breaker.now(caller) : NaN
  if (!Circuit.lands(before, rules, call, now) || breaker.circuits.isSuperseded(held)) return
  const finished = isTimed ? finishedCall(call, outcome, exit, now) : untimedSuccess
  let next: Circuit.Circuit<unknown>
  let trip: Trip | undefined
  try {
    next = Circuit.settle(before, rules, call, finished)
    const isRecorded = next !== before && next.generation === before.generation
    trip = isRecorded ? breaker.trip(held, next, outcome, now) : undefined
  } catch (defect) {
    return breaker.reportDefect(held.key, defect, caller)
  }
  count(held, outcome, exit, caller)
  breaker.move(held, next, caller)
  if (trip !== undefined) breaker.open(held, trip, outcome, caller, isTimed ? now : breaker.now(caller))
  breaker.fleet?.settled(held, before, call, finished, outcome, caller)
}

const untimedSuccess: Call = { outcome: Outcome.success, interrupted: false, at: NaN, elapsedMillis: 0 }

const finishedCall = (
  { breaker, endedAt, startedAt }: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  at: number
): Call => ({
  outcome,
  interrupted: outcome._tag === "Ignored" && exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause),
  at,
  elapsedMillis: breaker.settings.rules.policy.measuresElapsed ? (endedAt ?? at) - startedAt : 0
})

const count = (
  held: Held,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  switch (outcome._tag) {
    case "Success":
      held.succeeded++
      increment(held.series.succeeded)
      return
    case "Failure":
      held.failed++
      increment(held.series.failed)
      held.lastFailure = {
        at: clockOf(caller).unsafeCurrentTimeMillis(),
        exit,
        description: descriptionOf(outcome)
      }
      return
    case "Ignored":
      held.ignored++
      increment(held.series.ignored)
  }
}
