import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Breaker } from "./breaker.ts"
import type { Caller } from "../fiber/caller.ts"
import type { Held } from "./circuits.ts"
import { defaultKey } from "./circuits.ts"
import * as Circuit from "../core/circuit.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { Step } from "../fleet/steps.ts"
import { dayMillis } from "../core/millis.ts"

/**
 * One step on a circuit by hand. What time alone has changed by now is announced first, as a transition of its own; and
 * where a fleet has the circuit, how it stands there is asked for, as for a call.
 */
const control = <A>(
  breaker: Breaker,
  key: string | undefined,
  step: (held: Held, now: number, caller: Caller) => A,
  shared: (held: Held, fleet: Fleet) => Step
): Effect.Effect<A> =>
  Effect.withFiberRuntime((caller) => {
    const here = () => {
      const held = breaker.use(key, caller)
      breaker.unsettledCalls.lapseAll(held)
      const now = breaker.now(caller)
      breaker.move(held, Circuit.at(held.current, breaker.settings.rules, now), caller)
      const before = held.current
      const answer = Effect.succeed(step(held, now, caller))
      return { held, answer, isChanged: held.current !== before }
    }
    const { fleet } = breaker
    if (fleet === undefined) return here().answer
    const everywhere = Effect.suspend(() => {
      const { answer, held, isChanged } = here()
      return isChanged ? Effect.zipRight(fleet.controlled(held, shared(held, fleet)), answer) : answer
    })
    const before = fleet.beforeCall(breaker.use(key, caller), caller)
    return before === undefined ? everywhere : Effect.zipRight(before, everywhere)
  })

/** @internal */
export const trip = (breaker: Breaker, key: string | undefined): Effect.Effect<void> =>
  control(
    breaker,
    key,
    (held, now, caller) => {
      const circuit = held.current
      switch (circuit._tag) {
        case "Isolated":
        case "Disabled":
          return
        case "Open":
          return breaker.move(held, Circuit.restart(circuit, now), caller)
        default:
          return breaker.open(held, { reason: "Manual" }, undefined, caller, now)
      }
    },
    (held, fleet) => fleet.tripping(held)
  )

/** @internal */
export const reset = (breaker: Breaker, key: string | undefined): Effect.Effect<void> =>
  control(
    breaker,
    key,
    (held, now, caller) =>
      breaker.move(held, Circuit.reset(held.current, breaker.settings.rules, now), caller),
    (held, fleet) => fleet.resetting(held)
  )

/** @internal */
export const isolate = (breaker: Breaker, key: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  keep(breaker, key, {
    name: "isolations",
    begin: Circuit.isolate,
    since: (circuit) => (circuit._tag === "Isolated" ? circuit.since : NaN),
    end: Circuit.release,
    endsByReset: true
  })

/** @internal */
export const disable = (breaker: Breaker, key: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  keep(breaker, key, {
    name: "disables",
    begin: Circuit.disable,
    since: () => NaN,
    end: (circuit, rules, _, now) => Circuit.enable(circuit, rules, now),
    endsByReset: false
  })

/** A state that a circuit is kept in by hand, counted: how it begins, in which generation it did, and how it ends. */
interface Kept {
  readonly name: "isolations" | "disables"
  readonly begin: (circuit: Circuit.Circuit<unknown>) => Circuit.Circuit<unknown>
  readonly since: (circuit: Circuit.Circuit<unknown>) => number
  readonly end: (
    circuit: Circuit.Circuit<unknown>,
    rules: Circuit.Rules<unknown>,
    since: number,
    now: number
  ) => Circuit.Circuit<unknown>
  readonly endsByReset: boolean
}

/** Keeps a circuit in a state until the scope closes. */
const keep = (
  breaker: Breaker,
  key: string | undefined,
  { begin, end, endsByReset, name, since }: Kept
): Effect.Effect<void, never, Scope.Scope> => {
  const beginning = control(
    breaker,
    key,
    (held, _, caller) => {
      const kept = begin(held.current)
      breaker.move(held, kept, caller)
      return { held, since: since(kept) }
    },
    (held, fleet) => fleet.holding(held, name, 1)
  )
  const ending = ({ held, since }: { readonly held: Held; readonly since: number }) =>
    Effect.withFiberRuntime<void>((caller) => {
      const { circuits, fleet } = breaker
      const now = breaker.now(caller)
      const ended = end(held.current, breaker.settings.rules, since, now)
      // A change of another process may have hidden a disabling here, of which the others still know.
      const isKnownToOthers = fleet !== undefined && !endsByReset && circuits.holds(held)
      if (ended === held.current && !isKnownToOthers) return Effect.void
      circuits.touch(held, now)
      breaker.move(held, ended, caller)
      return fleet?.controlled(held, fleet.holding(held, name, -1)) ?? Effect.void
    })
  return Effect.asVoid(Effect.acquireRelease(beginning, ending))
}

/**
 * Waits in the fiber that asks: for the time the circuit itself names, or for its next change.
 *
 * @internal
 */
export const awaitReady = (breaker: Breaker, key: string = defaultKey): Effect.Effect<void> =>
  Effect.flatMap(waitOnce(breaker, key), (isReady) => (isReady ? Effect.void : awaitReady(breaker, key)))

// Asking for the signal and forgetting it are one region: an interruption between them would leave it behind.
const waitOnce = (breaker: Breaker, key: string): Effect.Effect<boolean> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<boolean>((caller) => {
      if (breaker.settings.observe) return Effect.succeed(true)
      const before = breaker.fleet?.beforeCall(breaker.use(key, caller), caller)
      return before === undefined
        ? waitForChange(breaker, key, caller, restore)
        : Effect.zipRight(
            restore(before),
            Effect.suspend(() => waitForChange(breaker, key, caller, restore))
          )
    })
  )

const waitForChange = (
  breaker: Breaker,
  key: string,
  caller: Caller,
  restore: (effect: Effect.Effect<unknown>) => Effect.Effect<unknown>
): Effect.Effect<boolean> => {
  const now = breaker.now(caller)
  const held = breaker.circuits.find(key, now)
  // While calls are turned away whatever the circuit, the store is what is waited for.
  const storeMillis = breaker.fleet?.turnsAway === true ? breaker.fleet.retryMillis : 0
  const circuitMillis =
    held === undefined
      ? 0
      : Circuit.readyInMillis(breaker.seen(held, now).circuit, breaker.settings.rules, now)
  const millis = Math.max(storeMillis, circuitMillis)
  if (millis <= 0) return Effect.succeed(true)
  const changed = breaker.nextChange(key, caller)
  return Deferred.await(changed).pipe(
    // A timer holds no longer than some 24 days, so a longer wait is taken a day at a time.
    Effect.timeoutOption(Math.min(Math.ceil(millis), dayMillis)),
    restore,
    Effect.ensuring(Effect.sync(() => breaker.forgetChange(key, changed))),
    Effect.as(false)
  )
}
