import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Outcome from "../../Outcome.ts"
import type { Circuit, Ticket } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { Call } from "../core/policies/policy.ts"
import type { Caller } from "../fiber/caller.ts"
import { epochMillis } from "../fiber/caller.ts"
import { Frame } from "../fiber/frame.ts"
import { interruptionOf } from "../fiber/interruption.ts"
import { descriptionOf } from "../observe/description.ts"
import { increment } from "../observe/meters.ts"
import type { Breaker } from "./breaker.ts"
import type { Cause as OpenCause } from "./change.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { open } from "./opening.ts"
import type { Classify } from "./verdict.ts"
import { judge } from "./verdict.ts"

/**
 * A call that a circuit has admitted: the first of its two steps has been made, the second one is to settle it. It is
 * settled once, and is over then; what it leaves running behind it asks for admission itself.
 *
 * On a circuit that admits every call, the call is also the frame in which its effect runs: the circuit was read, and
 * nothing was claimed that would have to be given back.
 *
 * @internal
 */
export class RunningCall extends Frame implements Ticket {
  readonly breaker: Breaker
  readonly entry: CircuitEntry
  readonly startedAt: number
  readonly classify: Classify
  /** The generation of the circuit that admitted it. */
  generation: number
  /** The slot that it holds, if it is a probe. */
  slot = 0
  /** When the dependency had answered, where that was before the call ends. */
  answeredAt: number | undefined = undefined
  /** The running call that this one is nested in. */
  outer: RunningCall | undefined = undefined
  isOn = true

  constructor(breaker: Breaker, entry: CircuitEntry, classify: Classify, startedAt: number) {
    super()
    this.breaker = breaker
    this.entry = entry
    this.generation = entry.current.generation
    this.startedAt = startedAt
    this.classify = classify
  }

  /** Whether its outcome would still change its circuit. */
  lands(now: number): boolean {
    return Machine.lands(this.entry.current, this.breaker.settings.rules, this, now)
  }

  judge(exit: Exit.Exit<unknown, unknown>, caller: Caller): Outcome.Outcome {
    const { breaker, classify, entry } = this
    return judge(entry, classify, exit, (defect) => breaker.reportDefect(entry.key, defect, caller))
  }

  /** Settles the call by its exit. Answers what its caller has to wait for, if anything. */
  settleExit(exit: Exit.Exit<unknown, unknown>, caller: Caller): Effect.Effect<void> | undefined {
    return this.settle(this.judge(exit, caller), exit, caller)
  }

  /** Settles the call by a verdict on it. A call that its dependency's answer has settled can only still fail. */
  settle(
    outcome: Outcome.Outcome,
    exit: Exit.Exit<unknown, unknown>,
    caller: Caller
  ): Effect.Effect<void> | undefined {
    if (this.slot === Machine.spentSlot && outcome._tag !== "Failure") return undefined
    this.breaker.unsettledCalls?.settleAll(this.entry)
    return record(this, outcome, exit, caller)
  }

  /** Settles the call and passes its exit on. */
  conclude<A, E>(
    exit: Exit.Exit<A, E>,
    caller: Caller,
    outcome = this.judge(exit, caller)
  ): Effect.Effect<A, E> {
    const written = this.settle(outcome, exit, caller)
    return written === undefined ? exit : Effect.zipRight(written, exit)
  }

  /** Settles the call unless that has been done. */
  settleOnce(
    outcome: Outcome.Outcome,
    exit: Exit.Exit<unknown, unknown>,
    caller: Caller
  ): Effect.Effect<void> | undefined {
    return this.isOn ? this.settle(outcome, exit, caller) : undefined
  }

  /**
   * Notes that the dependency has answered a call that goes on, such as a stream or a socket: what counts as its time ends
   * with that. A probe is settled, because it may go on for longer than it holds its slot. If it has succeeded, it can
   * still fail, for as long as the circuit asks for more probes.
   */
  answered(outcome: Outcome.Outcome, exit: Exit.Exit<unknown, unknown>, caller: Caller): void {
    if (this.answeredAt !== undefined || !this.isOn) return
    const now = this.breaker.now(caller)
    this.answeredAt = now
    if (this.slot === 0) return
    const isSlow = now - this.startedAt >= this.breaker.policy.slowerThanMillis
    const succeeds = outcome._tag === "Success" && !isSlow && this.lands(now)
    this.settle(outcome, exit, caller)
    if (succeeds) this.slot = Machine.spentSlot
  }

  /** Runs an effect as this call, on a circuit that admits every call. */
  run<A, E, R>(effect: Effect.Effect<A, E, R>, caller: Caller): Effect.Effect<A, E, R> {
    return this.push(effect, caller)
  }

  protected override onSuccess(value: unknown, caller: Caller): Exit.Exit<unknown, unknown> {
    const exit = Exit.succeed(value)
    // Without a classifier of its own, a success is one.
    if (this.classify !== Outcome.fromExit || !countSuccess(this, caller)) this.settleExit(exit, caller)
    return exit
  }

  protected override onFailure(cause: Cause.Cause<unknown>, caller: Caller): Exit.Exit<unknown, unknown> {
    const exit = Exit.failCause(cause)
    this.settleExit(exit, caller)
    return exit
  }

  protected override onInterrupted(exit: Exit.Exit<unknown, unknown>, caller: Caller): void {
    this.settleExit(interruptionOf(exit), caller)
  }
}

// ---------------------------------------------------------------------------------------------------------
// Nesting

/**
 * The call that a fiber runs under, so that nested use of a circuit is part of the call that was admitted.
 *
 * @internal
 */
export const runningCall: FiberRef.FiberRef<RunningCall | undefined> = FiberRef.unsafeMake<
  RunningCall | undefined
>(undefined)

/**
 * The call that a fiber is part of. Calls that are over are left behind: a fiber that outlives its calls and makes new
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
 * Whether a fiber is part of a call that a circuit which is not Closed has admitted, and that still runs: rejected, it
 * could never succeed as a probe.
 *
 * @internal
 */
export const isWithinCall = (entry: CircuitEntry, caller: Caller, now: number): boolean => {
  const circuit = entry.current
  if (circuit._tag === "HalfOpen" ? circuit.slots.count === 0 : circuit._tag !== "Recovering") return false
  for (let call = callOf(caller); call !== undefined; call = call.outer) {
    if (call.isOn && call.entry === entry && call.lands(now)) return true
  }
  return false
}

// ---------------------------------------------------------------------------------------------------------
// Settling

/**
 * Counts a success in a Closed circuit that stays as it is, which is what most calls come to. Where anything else may
 * follow it does nothing and answers false: the call is then to be settled.
 */
const countSuccess = (call: RunningCall, caller: Caller): boolean => {
  const { breaker, entry } = call
  const { policy } = breaker
  const circuit = entry.current
  if (circuit._tag !== "Closed" || circuit.generation !== call.generation || mayLeadOn(call)) return false
  const finished = policy.timesSuccesses ? timedSuccess(call, breaker.now(caller)) : untimedSuccess
  const window = policy.record(circuit.window, finished)
  if (window !== circuit.window) {
    if (breaker.coordinator !== undefined || policy.trips(window, finished.at)) return false
    entry.current = Machine.withWindow(circuit, window)
  }
  entry.succeeded++
  increment(entry.series.succeeded)
  return true
}

/** Whether a success may do more than move its window. A policy of the program's own is asked about a call only once. */
const mayLeadOn = ({ breaker, entry }: RunningCall): boolean =>
  !breaker.policy.isBuiltIn ||
  entry.needsCoordinator ||
  breaker.unsettledCalls?.isEmpty === false ||
  !breaker.circuits.holds(entry)

const timedSuccess = (call: RunningCall, at: number): Call => ({
  outcome: Outcome.success,
  interrupted: false,
  at,
  elapsedMillis: elapsedMillis(call, at)
})

// No time is NaN: it is never within any span, so what counts over time does not count for an untimed call.
const untimedSuccess: Call = { outcome: Outcome.success, interrupted: false, at: NaN, elapsedMillis: 0 }

const elapsedMillis = ({ answeredAt, breaker, startedAt }: RunningCall, at: number): number =>
  breaker.policy.measuresElapsed ? (answeredAt ?? at) - startedAt : 0

/** Records the outcome of a call in its circuit, if it still belongs there, and opens the circuit if it has to. */
const record = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): Effect.Effect<void> | undefined => {
  call.isOn = false
  const { breaker, entry } = call
  const { rules } = breaker.settings
  // Read after the classifier has run, which may have used the breaker itself.
  const before = entry.current
  const now = needsTime(call, before, outcome) ? breaker.now(caller) : NaN
  if (!Machine.lands(before, rules, call, now) || breaker.circuits.isSuperseded(entry)) return undefined
  const finished = Number.isNaN(now) ? untimedSuccess : finishedCall(call, outcome, exit, now)
  let next: Circuit<unknown>
  let trip: OpenCause | undefined
  try {
    next = Machine.settle(before, rules, call, finished)
    trip = isRecordedIn(before, next) ? tripOf(call, next, now, caller) : undefined
  } catch (defect) {
    // The policy may be the program's own.
    breaker.reportDefect(entry.key, defect, caller)
    return undefined
  }
  count(entry, outcome, exit, caller)
  breaker.announce(breaker.replace(entry, next, now), caller)
  // A success that was not timed may be the call that completes a rate.
  if (trip !== undefined) {
    open(breaker, entry, { ...trip, outcome, now: Number.isNaN(now) ? breaker.now(caller) : now }, caller)
  }
  const { slot } = call
  return breaker.coordinator?.after(entry, { _tag: "Settled", before, slot, call: finished, outcome }, caller)
}

/** Whether an outcome has to carry its time. A healthy call under a policy that does not ask for it needs no clock. */
const needsTime = (
  { breaker, entry }: RunningCall,
  circuit: Circuit<unknown>,
  outcome: Outcome.Outcome
): boolean =>
  outcome._tag !== "Success" ||
  breaker.policy.timesSuccesses ||
  circuit._tag !== "Closed" ||
  entry.needsCoordinator ||
  !breaker.circuits.holds(entry)

const finishedCall = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  at: number
): Call => ({
  outcome,
  interrupted: outcome._tag === "Ignored" && exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause),
  at,
  elapsedMillis: elapsedMillis(call, at)
})

/** Whether the outcome has changed what the circuit holds, and not its state. */
const isRecordedIn = (before: Circuit<unknown>, next: Circuit<unknown>): boolean =>
  next !== before && next.generation === before.generation

/** Why the circuit has to open now that the outcome is recorded, if it has to. */
const tripOf = (
  { breaker, entry }: RunningCall,
  recorded: Circuit<unknown>,
  now: number,
  caller: Caller
): OpenCause | undefined => {
  const { coordinator } = breaker
  if (coordinator === undefined) return breaker.tripOf(recorded, now)
  const judged = coordinator.judged(entry, recorded, caller)
  return judged && breaker.tripOf(judged.circuit, judged.at)
}

const count = (
  entry: CircuitEntry,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): void => {
  switch (outcome._tag) {
    case "Success":
      entry.succeeded++
      return increment(entry.series.succeeded)
    case "Failure":
      entry.countFailure({ at: epochMillis(caller), exit, description: descriptionOf(outcome) })
      return increment(entry.series.failed)
    case "Ignored":
      entry.countIgnored()
      return increment(entry.series.ignored)
  }
}
