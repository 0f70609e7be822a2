import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Admission from "../core/admission.ts"
import type { CircuitOpenError } from "../../CircuitOpenError.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Request } from "./begin.ts"
import { admitsEveryCall, begin } from "./begin.ts"
import { RunningCall } from "./call.ts"
import type { CircuitEntry } from "./circuitEntry.ts"
import { isWithinCall, within } from "./nesting.ts"
import { reject } from "./reject.ts"

/**
 * Runs an effect as one call.
 *
 * On a circuit that admits every call, an admission takes no slot: the effect runs without a mask, and its frame
 * settles the call. Any other admission is made and settled within one uninterruptible region, and so is each call whose
 * interruption the policy counts.
 *
 * @internal
 */
export const protect = <A, E, R>(
  request: Request,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | CircuitOpenError, R> => attempt(request, effect, false)

/** Decides by the circuit of this process. If its state elsewhere is not known, it waits for the store once, and then decides. */
const attempt = <A, E, R>(
  request: Request,
  effect: Effect.Effect<A, E, R>,
  hasWaited: boolean
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker, key } = request
  return Effect.withFiberRuntime<A, E | CircuitOpenError, R>((caller) => {
    const entry = breaker.use(key, caller)
    const { coordinator } = breaker
    if (coordinator === undefined || !(entry.needsCoordinator || coordinator.isUncertain)) {
      return protectLocally(request, entry, effect, caller)
    }
    // The coordinator decides on every call if it writes outcomes through or rejects calls in an outage.
    if (coordinator.writesThrough || coordinator.outageMillis !== undefined) {
      return protectMasked(request, effect)
    }
    const ready = hasWaited ? undefined : coordinator.ready(entry, caller)
    return ready === undefined
      ? protectLocally(request, entry, effect, caller)
      : Effect.zipRight(ready, attempt(request, effect, true))
  })
}

/** Decides by the circuit of this process. */
const protectLocally = <A, E, R>(
  request: Request,
  entry: CircuitEntry,
  effect: Effect.Effect<A, E, R>,
  caller: Caller
): Effect.Effect<A, E | CircuitOpenError, R> => {
  if (!admitsEveryCall(entry)) return protectGuarded(request, entry, effect, caller)
  return request.breaker.policy.countsInterrupted
    ? protectMasked(request, effect)
    : protectUnmasked(request, entry, effect, caller)
}

const protectUnmasked = <A, E, R>(
  { breaker, classify }: Request,
  entry: CircuitEntry,
  effect: Effect.Effect<A, E, R>,
  caller: Caller
): Effect.Effect<A, E, R> => {
  const startedAt = breaker.policy.measuresElapsed ? breaker.now(caller) : 0
  return new RunningCall(breaker, entry, classify, startedAt).run(effect, caller)
}

/**
 * Rejects the call without an uninterruptible region, because a rejection takes no slot, or else admits it within one.
 */
const protectGuarded = <A, E, R>(
  request: Request,
  entry: CircuitEntry,
  effect: Effect.Effect<A, E, R>,
  caller: Caller
): Effect.Effect<A, E | CircuitOpenError, R> => {
  const { breaker } = request
  breaker.unsettledCalls?.settleAll(entry)
  const now = breaker.now(caller)
  if (isWithinCall(entry, caller, now)) return effect
  const [decision, next] = Admission.admit(entry.current, breaker.settings.rules, now)
  // The admission is decided again within the region that also settles it.
  if (decision._tag === "Admitted") return protectMasked(request, effect)
  if (next !== entry.current) breaker.announce(breaker.replace(entry, next, now), caller)
  return reject(breaker, entry, decision, caller) ?? effect
}

const protectMasked = <A, E, R>(
  request: Request,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | CircuitOpenError, R> =>
  begin(request, (call, restore, caller) => {
    if (call === undefined) return restore(effect)
    return Effect.matchCauseEffect(restore(within(call, effect)), {
      onFailure: (cause) => call.conclude(Exit.failCause(cause), caller),
      onSuccess: (value) => call.conclude(Exit.succeed(value), caller)
    })
  })
