import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import * as Outcome from "../../Outcome.ts"
import type { Restore } from "./admission.ts"
import { admission, reject } from "./admission.ts"
import type { Breaker } from "./breaker.ts"
import type { Classify, RunningCall } from "./call.ts"
import { countSuccess, end, isWithinCall, judge, runningCall, settleExit } from "./call.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Held } from "./circuits.ts"
import * as Circuit from "../core/circuit.ts"
import { UnmaskedCall } from "../fiber/unmaskedCall.ts"
import type { Fleet } from "../fleet/fleet.ts"

/**
 * An effect that is to be called through a circuit.
 *
 * @internal
 */
export interface Request<A, E, R> {
  readonly breaker: Breaker
  readonly effect: Effect.Effect<A, E, R>
  readonly key: string | undefined
  readonly classify: Classify<A, E>
  /** Takes over a call whose effect has succeeded, and settles it: answers what the caller gets. */
  readonly goOn: GoOn<A> | undefined
  /** Is given the call before its effect starts. */
  readonly onStart: ((call: RunningCall) => void) | undefined
}

/** @internal */
export type GoOn<A> = (value: A, call: RunningCall, caller: Caller) => A

/**
 * A Closed circuit is read, not claimed: the call runs unmasked and reports back. Every other admission is made, and
 * given back, within one uninterruptible region.
 *
 * @internal
 */
export const protect = <A, E, R>(request: Request<A, E, R>): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker, key } = request
  return Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) => {
    const held = breaker.use(key, caller)
    const isMasked = breaker.policy.countsInterrupted
    const { fleet } = breaker
    if (fleet === undefined || fleet.knows(held, caller)) return call(request, held, caller, isMasked)
    return inFleet(request, held, caller, fleet)
  })
}

const call = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller,
  isMasked: boolean
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { _tag } = held.current
  if (_tag === "Closed" || _tag === "Disabled")
    return isMasked ? callMasked(request) : callUnmasked(request, held, caller)
  const { breaker } = request
  breaker.unsettledCalls.lapseAll(held)
  const now = breaker.now(caller)
  if (isWithinCall(held, caller, now)) return request.effect
  const [decision, next] = Circuit.admit(held.current, breaker.settings.rules, now)
  if (decision._tag === "Admitted") return callMasked(request)
  // What claims nothing needs no region of its own.
  breaker.move(held, next, caller)
  const rejected = reject(breaker, held, decision.retryAfterMillis, caller)
  return rejected ?? request.effect
}

/**
 * A call on a circuit that others share, where this process does not know how it stands with them, or their store: it
 * waits for that, and, where everything is written through, for its outcome to be written.
 */
const inFleet = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller,
  fleet: Fleet
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker, key } = request
  const isMasked = breaker.policy.countsInterrupted || fleet.isWrittenThrough
  // An outcome that is to be written has to be there by then: of an HTTP response, it is that of its headers.
  const whole = fleet.isWrittenThrough ? { ...request, goOn: undefined } : request
  const decide = (held: Held) =>
    fleet.turnsAway
      ? (reject(breaker, held, fleet.retryMillis, caller, "Open") ?? request.effect)
      : call(whole, held, caller, isMasked)
  const before = fleet.turnsAway ? undefined : fleet.beforeCall(held, caller)
  const decided =
    before === undefined
      ? decide(held)
      : Effect.zipRight(
          before,
          Effect.suspend(() => decide(breaker.use(key, caller)))
        )
  return fleet.isWrittenThrough
    ? Effect.ensuring(
        decided,
        fleet.afterCall(() => breaker.use(key, caller))
      )
    : decided
}

const callUnmasked = <A, E, R>(
  request: Request<A, E, R>,
  held: Held,
  caller: Caller
): Effect.Effect<A, E, R> => {
  const { breaker, effect, onStart } = request
  const startedAt = breaker.policy.measuresElapsed ? breaker.now(caller) : 0
  const running = new ClosedCall(request, held, startedAt, caller)
  onStart?.(running)
  return running.run(effect)
}

/** A call on a circuit that admits every call: the circuit was read, and nothing was claimed. */
class ClosedCall<A, E> extends UnmaskedCall<A, E> {
  private readonly request: Request<A, E, unknown>

  constructor(request: Request<A, E, unknown>, held: Held, startedAt: number, caller: Caller) {
    super(request.breaker, held, startedAt, caller)
    this.request = request
  }

  protected override conclude(exit: Exit.Exit<A, E>): Exit.Exit<A, E> {
    return conclude(this.request, this, exit, this.caller)
  }

  protected override succeed(value: A): Exit.Exit<A, E> {
    const { classify, goOn } = this.request
    // Without a classifier of its own, a success is one.
    if (classify === Outcome.fromExit && goOn === undefined && countSuccess(this, this.caller))
      return Exit.succeed(value)
    return this.conclude(Exit.succeed(value))
  }

  override interrupted(exit: Exit.Exit<never>): void {
    settleExit(this, this.request.classify, exit, this.caller)
  }
}

const callMasked = <A, E, R>(request: Request<A, E, R>): Effect.Effect<A, E | CircuitOpenError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) => {
      const admitted = admission(request.breaker, request.key, caller, restore)
      return Effect.flatMap(admitted, (running) =>
        running === undefined ? restore(request.effect) : run(request, running, caller, restore)
      )
    })
  )

/** Runs an admitted call in a region that cannot be interrupted: what it was given is given back within it. */
const run = <A, E, R>(
  request: Request<A, E, R>,
  running: RunningCall,
  caller: Caller,
  restore: Restore
): Effect.Effect<A, E, R> => {
  const finish = (exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
    running.isOn = false
    return conclude(request, running, exit, caller)
  }
  request.onStart?.(running)
  return Effect.matchCauseEffect(restore(within(running, request.effect)), {
    onFailure: (cause) => finish(Exit.failCause(cause)),
    onSuccess: (value) => finish(Exit.succeed(value))
  })
}

/** Nested use of a Closed circuit is admitted anyway. */
const within = <A, E, R>(running: RunningCall, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  running.held.current._tag === "Closed" ? effect : Effect.locally(effect, runningCall, running)

const conclude = <A, E, R>(
  { classify, goOn }: Request<A, E, R>,
  running: RunningCall,
  exit: Exit.Exit<A, E>,
  caller: Caller
): Exit.Exit<A, E> => {
  const outcome = judge(running, classify, exit, caller)
  if (goOn !== undefined && exit._tag === "Success" && outcome._tag === "Success") {
    return Exit.succeed(goOn(exit.value, running, caller))
  }
  end(running, outcome, exit, caller)
  return exit
}
