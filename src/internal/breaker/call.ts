import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
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
import type { TransitionCause } from "./change.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { open } from "./opening.ts"
import type { Classify } from "./classify.ts"
import { classifyExit } from "./classify.ts"

/**
 * A call that a circuit has admitted and that is not settled yet. Settling it ends it: fibers that it has forked and
 * that run on need an admission of their own for later calls.
 *
 * Without a mask, the call is also the stack frame in which its effect runs: it holds no slot that would have to be given
 * back.
 *
 * @internal
 */
export class RunningCall extends Frame implements Ticket {
  readonly breaker: Breaker
  readonly entry: CircuitEntry
  readonly startedAt: number
  readonly classify: Classify
  /** The generation of the circuit when it admitted the call. */
  generation: number
  slot = Machine.noSlot
  /** When the dependency answered, if that was before the end of the call, as for a stream. */
  answeredAt: number | undefined = undefined
  /** The running call that this one is nested in. */
  outer: RunningCall | undefined = undefined
  isRunning = true

  constructor(breaker: Breaker, entry: CircuitEntry, classify: Classify, startedAt: number) {
    super()
    this.breaker = breaker
    this.entry = entry
    this.generation = entry.current.generation
    this.startedAt = startedAt
    this.classify = classify
  }

  /** Whether the outcome of the call would still count in its circuit. */
  stillCounts(now: number): boolean {
    return Machine.stillCounts(this.entry.current, this.breaker.settings.rules, this, now)
  }

  classifyExit(exit: Exit.Exit<unknown, unknown>, caller: Caller): Outcome.Outcome {
    const { breaker, classify, entry } = this
    return classifyExit(entry, classify, exit, (defect) => breaker.reportDefect(entry.key, defect, caller))
  }

  /** Settles the call by its exit. The result is an effect that the caller has to wait for, or `undefined`. */
  settleExit(exit: Exit.Exit<unknown, unknown>, caller: Caller): Effect.Effect<void> | undefined {
    return this.settle(this.classifyExit(exit, caller), exit, caller)
  }

  /** Settles the call by an outcome. If {@link answered} has settled the probe as a success, only a failure counts. */
  settle(
    outcome: Outcome.Outcome,
    exit: Exit.Exit<unknown, unknown>,
    caller: Caller
  ): Effect.Effect<void> | undefined {
    if (this.slot === Machine.answeredSlot && outcome._tag !== "Failure") return undefined
    this.breaker.unsettledCalls?.settleAll(this.entry)
    return record(this, outcome, exit, caller)
  }

  /** Settles the call, and continues with its exit. */
  conclude<A, E>(
    exit: Exit.Exit<A, E>,
    caller: Caller,
    outcome = this.classifyExit(exit, caller)
  ): Effect.Effect<A, E> {
    const written = this.settle(outcome, exit, caller)
    return written === undefined ? exit : Effect.zipRight(written, exit)
  }

  /** Settles the call unless it is settled already. */
  settleOnce(
    outcome: Outcome.Outcome,
    exit: Exit.Exit<unknown, unknown>,
    caller: Caller
  ): Effect.Effect<void> | undefined {
    return this.isRunning ? this.settle(outcome, exit, caller) : undefined
  }

  /**
   * Records that the dependency has answered, in a call that continues, such as a stream or a socket. The duration that
   * a slow-call policy measures ends here. A probe is settled, because it may run longer than it may hold its slot. If
   * it has succeeded, a later failure still counts while the circuit needs more probes.
   */
  answered(outcome: Outcome.Outcome, exit: Exit.Exit<unknown, unknown>, caller: Caller): void {
    if (this.answeredAt !== undefined || !this.isRunning) return
    const now = this.breaker.now(caller)
    this.answeredAt = now
    if (this.slot === Machine.noSlot) return
    const isSlow = now - this.startedAt >= this.breaker.policy.slowerThanMillis
    const succeeds = outcome._tag === "Success" && !isSlow && this.stillCounts(now)
    this.settle(outcome, exit, caller)
    if (succeeds) this.slot = Machine.answeredSlot
  }

  protected override onSuccess(value: unknown, caller: Caller): Exit.Exit<unknown, unknown> {
    const exit = Exit.succeed(value)
    // The default classifier classifies every success as a `Success`, so it need not be called.
    if (this.classify !== Outcome.fromExit || !countSuccess(this, caller)) this.settleExit(exit, caller)
    return exit
  }

  protected override onFailure(cause: Cause.Cause<unknown>, caller: Caller): Exit.Exit<unknown, unknown> {
    const exit = Exit.failCause(cause)
    this.settleExit(exit, caller)
    return exit
  }

  override onInterrupted(exit: Exit.Exit<unknown, unknown>, caller: Caller): void {
    this.settleExit(interruptionOf(exit), caller)
  }
}

/**
 * The fast path for most calls: counts a success in a Closed circuit that stays Closed. It returns false, without
 * having changed anything, if the success might have other consequences. The call has to be settled then.
 */
const countSuccess = (call: RunningCall, caller: Caller): boolean => {
  const { breaker, entry } = call
  const { policy } = breaker
  const circuit = entry.current
  if (circuit._tag !== "Closed" || circuit.generation !== call.generation || mayHaveOtherConsequences(call))
    return false
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

/**
 * Whether a success may do more than change the window. A custom policy is among these cases, because its `record` has
 * to be called only once for each call.
 */
const mayHaveOtherConsequences = ({ breaker, entry }: RunningCall): boolean =>
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

// NaN stands for no time. Only the successes of policies that do not time them have none.
const untimedSuccess: Call = { outcome: Outcome.success, interrupted: false, at: NaN, elapsedMillis: 0 }

const elapsedMillis = ({ answeredAt, breaker, startedAt }: RunningCall, at: number): number =>
  breaker.policy.measuresElapsed ? (answeredAt ?? at) - startedAt : 0

/** Records the outcome of a call if its circuit still accepts it, and opens the circuit if it has to open. */
const record = (
  call: RunningCall,
  outcome: Outcome.Outcome,
  exit: Exit.Exit<unknown, unknown>,
  caller: Caller
): Effect.Effect<void> | undefined => {
  call.isRunning = false
  const { breaker, entry } = call
  const { rules } = breaker.settings
  // The circuit is read after the classifier has run, because a classifier may use the breaker.
  const before = entry.current
  const now = needsTime(call, before, outcome) ? breaker.now(caller) : NaN
  if (!Machine.stillCounts(before, rules, call, now) || breaker.circuits.isSuperseded(entry)) return undefined
  const finished = Number.isNaN(now) ? untimedSuccess : finishedCall(call, outcome, exit, now)
  const { next, trip } = recorded(call, before, finished, caller)
  // A custom policy may have used the breaker meanwhile. The circuit as it is now then accepts the outcome or not.
  if (entry.current !== before) return record(call, outcome, exit, caller)
  count(entry, outcome, exit, caller)
  breaker.announce(breaker.replace(entry, next, now), caller)
  // A success that was not timed can open the circuit, if it completes the minimum number of calls of a rate.
  if (trip !== undefined) {
    open(breaker, entry, { ...trip, outcome, now: Number.isNaN(now) ? breaker.now(caller) : now }, caller)
  }
  const { slot } = call
  return breaker.coordinator?.after(entry, { _tag: "Settled", before, slot, call: finished, outcome }, caller)
}

interface Recorded {
  readonly next: Circuit<unknown>
  readonly trip: TransitionCause | undefined
}

/**
 * The circuit after a finished call, and whether it has to open. If a custom policy throws, the circuit stays as it is.
 */
const recorded = (call: RunningCall, before: Circuit<unknown>, finished: Call, caller: Caller): Recorded => {
  const { breaker, entry } = call
  try {
    const next = Machine.settle(before, breaker.settings.rules, call, finished)
    return { next, trip: isRecordedIn(before, next) ? tripOf(call, next, finished.at, caller) : undefined }
  } catch (defect) {
    breaker.reportDefect(entry.key, defect, caller)
    return { next: before, trip: undefined }
  }
}

/** Whether an outcome needs its time. The clock is not read for a healthy call under a policy that needs no times. */
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

/** Whether the outcome has changed the circuit's counts, but not its state. */
const isRecordedIn = (before: Circuit<unknown>, next: Circuit<unknown>): boolean =>
  next !== before && next.generation === before.generation

/**
 * The reason for which the circuit has to open after the outcome; `undefined` if it does not, or if that comes later.
 */
const tripOf = (
  { breaker, entry }: RunningCall,
  next: Circuit<unknown>,
  now: number,
  caller: Caller
): TransitionCause | undefined => {
  const { coordinator } = breaker
  if (coordinator === undefined) return breaker.tripOf(next, now)
  // Where outcomes are written through, whether it opens is known only once this one has been written.
  if (coordinator.writesThrough && Machine.isCounting(next)) return undefined
  const { at, circuit } = coordinator.merged(entry, next, caller)
  return breaker.tripOf(circuit, at)
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
      entry.history.failed++
      entry.history.lastFailure = { at: epochMillis(caller), exit, description: descriptionOf(outcome) }
      return increment(entry.series.failed)
    case "Ignored":
      entry.history.ignored++
      return increment(entry.series.ignored)
  }
}
