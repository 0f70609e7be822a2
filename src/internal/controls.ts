import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Breaker } from "./breaker.ts"
import type { Caller } from "./caller.ts"
import type { Held } from "./circuits.ts"
import { defaultKey } from "./circuits.ts"
import * as Circuit from "./core/circuit.ts"
import type { Fleet } from "./fleet/fleet.ts"
import type { Step } from "./fleet/steps.ts"
import { dayMillis } from "./millis.ts"

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
      breaker.openCalls.lapseAll(held)
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
          return
        case "Open":
          return breaker.move(held, Circuit.restart(circuit, now), caller)
        default:
          return breaker.open(held, "Manual", undefined, caller, now)
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
  Effect.asVoid(
    Effect.acquireRelease(
      control(
        breaker,
        key,
        (held, _, caller) => {
          const isolated = Circuit.isolate(held.current)
          breaker.move(held, isolated, caller)
          return { held, since: isolated.since }
        },
        (held, fleet) => fleet.holding(held, 1)
      ),
      ({ held, since }) =>
        Effect.withFiberRuntime<void>((caller) => {
          const now = breaker.now(caller)
          const released = Circuit.release(held.current, breaker.settings.rules, since, now)
          if (released === held.current) return Effect.void
          breaker.circuits.touch(held, now)
          breaker.move(held, released, caller)
          const { fleet } = breaker
          return fleet?.controlled(held, fleet.holding(held, -1)) ?? Effect.void
        })
    )
  )

/**
 * Waits in the fiber that asks: for the time the circuit itself names, or for its next change. A timer holds no longer
 * than some 24 days, so a longer wait is taken a day at a time.
 *
 * @internal
 */
export const awaitReady = (breaker: Breaker, key: string = defaultKey): Effect.Effect<void> =>
  Effect.flatMap(waitOnce(breaker, key), (isReady) => (isReady ? Effect.void : awaitReady(breaker, key)))

// Asking for the signal and forgetting it are one region: an interruption between them would leave it behind.
const waitOnce = (breaker: Breaker, key: string): Effect.Effect<boolean> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<boolean>((caller) => {
      const now = breaker.now(caller)
      const held = breaker.circuits.find(key, now)
      if (breaker.settings.observe) return Effect.succeed(true)
      // While calls are turned away whatever the circuit, the store is what is waited for.
      const storeMillis = breaker.fleet?.turnsAway === true ? breaker.fleet.retryMillis : 0
      const circuitMillis =
        held === undefined ? 0 : Circuit.readyInMillis(breaker.seen(held, now), breaker.settings.rules, now)
      const millis = Math.max(storeMillis, circuitMillis)
      if (millis <= 0) return Effect.succeed(true)
      const changed = breaker.nextChange(key, caller)
      return Deferred.await(changed).pipe(
        Effect.timeoutOption(Duration.millis(Math.min(Math.ceil(millis), dayMillis))),
        restore,
        Effect.ensuring(Effect.sync(() => breaker.forgetChange(key, changed))),
        Effect.as(false)
      )
    })
  )
