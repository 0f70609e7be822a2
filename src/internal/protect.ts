import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import { CircuitOpenError } from "../CircuitOpenError.ts"
import * as Outcome from "../Outcome.ts"
import type { Breaker } from "./breaker.ts"
import type { Caller } from "./caller.ts"
import { addSpanEvent, clockOf } from "./caller.ts"
import type { Held } from "./circuits.ts"
import type { Ticket } from "./core/circuit.ts"
import * as Circuit from "./core/circuit.ts"
import type { Call } from "./core/policy.ts"
import type { Fleet } from "./fleet/fleet.ts"
import { interruptionOf } from "./interruption.ts"
import { increment } from "./meters.ts"

/**
 * A call: an effect on its way through a circuit.
 */
interface Request<A, E, R> extends Judge<A, E> {
  readonly effect: Effect.Effect<A, E, R>
  readonly key: string | undefined
  readonly afterwards: Afterwards<A> | undefined
}

interface Judge<A, E> {
  readonly breaker: Breaker
  readonly classify: (exit: Exit.Exit<A, E>) => Outcome.Outcome
}

/**
 * What is still to come of a call after its effect has succeeded. `goOn` answers what the caller gets now, and settles
 * the call once, when it has ended.
 *
 * @internal
 */
export interface Afterwards<A> {
  readonly goOn: (value: A, call: Continuation<A>) => A
  readonly classify: (exit: Exit.Exit<A, unknown>) => Outcome.Outcome
}

/** @internal */
export interface Continuation<A> {
  readonly breaker: Breaker
  readonly held: Held
  readonly ticket: Ticket
  readonly caller: Caller
  /** `endedAt` is when the dependency had done its part, where that was before now. */
  readonly settle: (exit: Exit.Exit<A, unknown>, caller: Caller, endedAt?: number) => void
}

/**
 * A Closed circuit is read, not claimed: the call runs unmasked and reports back. Every other admission is made, and
 * given back, within one uninterruptible region.
 *
 * @internal
 */
export const protect = <A, E, R>(
  breaker: Breaker,
  effect: Effect.Effect<A, E, R>,
  key: string | undefined,
  classify: (exit: Exit.Exit<A, E>) => Outcome.Outcome,
  afterwards?: Afterwards<A>
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const request: Request<A, E, R> = { breaker, effect, key, classify, afterwards }
  return Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) => {
    const held = breaker.use(key, caller)
    if (breaker.fleet !== undefined) return inFleet(request, held, caller, breaker.fleet)
    return ask(request, held, caller, breaker.settings.rules.policy.countsInterrupted)
  })
}

const ask = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller,
  isMasked: boolean
): Effect.Effect<A, E | CircuitOpenError, R> => {
  if (held.current._tag !== "Closed") return enter(request, held, caller)
  return isMasked ? admitMasked(request) : runUnmasked(request, held, caller)
}

/**
 * A call on a circuit that others share: it may have to wait for what they know, and its outcome for them to know it.
 */
const inFleet = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller,
  fleet: Fleet
): Effect.Effect<A, E | CircuitOpenError, R> => {
  if (fleet.turnsAway) return reject(request, held, fleet.retryMillis, caller, "Open")
  const { breaker, key } = request
  // An outcome that is to be written has to be there by then: of an HTTP response, it is that of its headers.
  const isMasked = breaker.settings.rules.policy.countsInterrupted || fleet.isWrittenThrough
  const whole = fleet.isWrittenThrough ? { ...request, afterwards: undefined } : request
  const before = fleet.beforeCall(held, caller)
  const call =
    before === undefined
      ? ask(whole, held, caller, isMasked)
      : Effect.zipRight(
          before,
          Effect.suspend(() => ask(whole, breaker.use(key, caller), caller, isMasked))
        )
  return fleet.isWrittenThrough
    ? Effect.ensuring(
        call,
        fleet.afterCall(() => breaker.use(key, caller))
      )
    : call
}

// ---------------------------------------------------------------------------------------------------------
// Closed

const runUnmasked = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller
): Effect.Effect<A, E, R> => {
  const { breaker } = request
  const ticket: Ticket = { generation: held.current.generation, slot: 0 }
  const startedAt = breaker.settings.rules.policy.measuresElapsed ? breaker.now(caller) : 0
  // An interrupted fiber passes by the handlers of its interruptible regions: only its end tells of the interruption.
  const onEnd = (exit: Exit.Exit<unknown, unknown>) =>
    settle(request, held, ticket, startedAt, caller, interruptionOf(exit))
  caller.addObserver(onEnd)
  const finish = (exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
    caller.removeObserver(onEnd)
    return conclude(request, held, ticket, startedAt, caller, exit)
  }
  return Effect.matchCauseEffect(request.effect, {
    onFailure: (cause) => finish(Exit.failCause(cause)),
    onSuccess: (value) => finish(Exit.succeed(value))
  })
}

// ---------------------------------------------------------------------------------------------------------
// Not Closed

const enter = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker } = request
  const { rules } = breaker.settings
  breaker.openCalls.lapseAll(held)
  const now = breaker.now(caller)
  // Part of a call that this circuit has admitted and that is still on: turned away here, a probe could never succeed.
  if (
    caller
      .getFiberRef(admissions)
      .some((it) => it.isOn && it.held === held && Circuit.lands(held.current, rules, it.ticket, now))
  ) {
    return request.effect
  }
  const [decision, next] = Circuit.admit(held.current, rules, now)
  if (decision._tag === "Admitted") return admitMasked(request)
  breaker.move(held, next, caller)
  return reject(request, held, decision.retryAfterMillis, caller)
}

const admitMasked = <A, E, R>(request: Request<A, E, R>): Effect.Effect<A, E | CircuitOpenError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) => {
      const { breaker, key } = request
      const held = breaker.use(key, caller)
      const claim = breaker.fleet?.claim(held, caller)
      const admitHere = () => {
        const [decision, next] = Circuit.admit(held.current, breaker.settings.rules, breaker.now(caller))
        breaker.move(held, next, caller)
        return proceed(request, held, decision, caller, restore)
      }
      if (claim === undefined) return admitHere()
      return Effect.matchCauseEffect(restore(claim.wait), {
        onFailure: (cause) => {
          claim.abandon()
          return Effect.failCause(cause)
        },
        onSuccess: () => {
          const { decision } = claim
          // A circuit that has closed in the meantime turns nobody away.
          if (decision !== undefined && held.current._tag !== "Closed")
            return proceed(request, held, decision, caller, restore)
          claim.abandon()
          return admitHere()
        }
      })
    })
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** To be run in a region that cannot be interrupted: what the decision gave away is given back within it. */
const proceed = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  decision: Circuit.Decision,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker, effect } = request
  if (decision._tag === "Rejected") return restore(reject(request, held, decision.retryAfterMillis, caller))
  const { ticket } = decision
  const now = breaker.now(caller)
  const admission: Admission = { held, ticket, isOn: true }
  const finish = (exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
    admission.isOn = false
    return conclude(request, held, ticket, now, caller, exit)
  }
  const marked =
    held.current._tag === "Closed"
      ? effect
      : Effect.locally(effect, admissions, [...caller.getFiberRef(admissions), admission])
  return Effect.matchCauseEffect(restore(marked), {
    onFailure: (cause) => finish(Exit.failCause(cause)),
    onSuccess: (value) => finish(Exit.succeed(value))
  })
}

/**
 * A call that was admitted by a circuit that is not Closed. It is on until it settles: what it leaves running behind it
 * asks for itself.
 */
interface Admission {
  readonly held: Held
  readonly ticket: Ticket
  isOn: boolean
}

/**
 * The admissions a fiber is running under, so that nested use of a circuit is part of the call that was admitted.
 */
const admissions: FiberRef.FiberRef<ReadonlyArray<Admission>> = FiberRef.unsafeMake<ReadonlyArray<Admission>>(
  []
)

const reject = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  retryAfterMillis: number,
  caller: Caller,
  state = held.current._tag
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { name, observe } = request.breaker.settings
  held.rejected++
  increment(held.series.rejected)
  if (observe || state === "Closed") return request.effect
  addSpanEvent(caller, "circuit_breaker.rejected", { breaker: name, key: held.key, state })
  // Whole milliseconds, rounded up: a timer cut short would only be rejected once more.
  const retryAfter = Duration.millis(Math.ceil(retryAfterMillis))
  return Exit.fail(new CircuitOpenError({ breaker: name, key: held.key, state, retryAfter }))
}

// ---------------------------------------------------------------------------------------------------------
// Outcomes

const conclude = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  ticket: Ticket,
  startedAt: number,
  caller: Caller,
  exit: Exit.Exit<A, E>
): Exit.Exit<A, E> => {
  const { afterwards, breaker } = request
  if (
    afterwards !== undefined &&
    exit._tag === "Success" &&
    judge(request, held, exit, caller)._tag === "Success"
  ) {
    const judgeLater = { breaker, classify: afterwards.classify }
    return Exit.succeed(
      afterwards.goOn(exit.value, {
        breaker,
        held,
        ticket,
        caller,
        settle: (exit, caller, endedAt) => settle(judgeLater, held, ticket, startedAt, caller, exit, endedAt)
      })
    )
  }
  settle(request, held, ticket, startedAt, caller, exit)
  return exit
}

const settle = <A, E>(
  request: Judge<A, E>,
  held: Held,
  ticket: Ticket,
  startedAt: number,
  caller: Caller,
  exit: Exit.Exit<A, E>,
  endedAt?: number
): void => {
  const { breaker } = request
  const { rules } = breaker.settings
  breaker.openCalls.lapseAll(held)
  const interrupted = exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)
  const outcome = interrupted ? Outcome.ignored : judge(request, held, exit, caller)
  // Read after the classifier has run, which may have used the breaker itself.
  const circuit = held.current
  const isTimed =
    outcome._tag !== "Success" ||
    rules.policy.timesSuccesses ||
    circuit._tag !== "Closed" ||
    held.member?.isWarm === true
  // No time is NaN: it is never within any span, so what counts over time does not count for an untimed call.
  const now = isTimed ? breaker.now(caller) : NaN
  if (!Circuit.lands(circuit, rules, ticket, now) || breaker.circuits.isSuperseded(held)) return
  const elapsedMillis = rules.policy.measuresElapsed ? (endedAt ?? now) - startedAt : 0
  const call: Call = isTimed ? { outcome, interrupted, at: now, elapsedMillis } : untimedSuccess
  let next: Circuit.Circuit<unknown>
  let reason: ReturnType<typeof Circuit.trips>
  try {
    next = Circuit.settle(circuit, rules, ticket, call)
    const isRecorded = next !== circuit && next.generation === circuit.generation
    reason = isRecorded ? breaker.trips(held, next, outcome, now) : undefined
  } catch (defect) {
    return breaker.reportDefect(held.key, defect, caller)
  }
  count(held, outcome, exit, caller)
  breaker.move(held, next, caller)
  if (reason !== undefined) breaker.open(held, reason, outcome, caller, isTimed ? now : breaker.now(caller))
  breaker.fleet?.settled(held, circuit, ticket, call, outcome, caller)
}

const untimedSuccess: Call = { outcome: Outcome.success, interrupted: false, at: NaN, elapsedMillis: 0 }

const judge = <A, E>(
  { breaker, classify }: Judge<A, E>,
  held: Held,
  exit: Exit.Exit<A, E>,
  caller: Caller
): Outcome.Outcome => {
  if (exit._tag === "Failure" && isRejectionBy(breaker, held, exit.cause)) return Outcome.ignored
  try {
    const outcome = classify(exit)
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

// A circuit's own refusal, come back through nested use, says nothing about the dependency.
const isRejectionBy = (breaker: Breaker, held: Held, cause: Cause.Cause<unknown>): boolean =>
  cause._tag === "Fail" &&
  cause.error instanceof CircuitOpenError &&
  cause.error.breaker === breaker.settings.name &&
  cause.error.key === held.key

const count = <A, E>(held: Held, outcome: Outcome.Outcome, exit: Exit.Exit<A, E>, caller: Caller): void => {
  switch (outcome._tag) {
    case "Success":
      held.succeeded++
      increment(held.series.succeeded)
      return
    case "Failure":
      held.failed++
      increment(held.series.failed)
      held.lastFailure = { at: clockOf(caller).unsafeCurrentTimeMillis(), exit }
      return
    case "Ignored":
      held.ignored++
      increment(held.series.ignored)
  }
}
