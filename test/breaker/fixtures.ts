/** Fixtures for the internals of a breaker: a breaker without a service, and one with a hand-made coordinator. */
import * as Effect from "effect/Effect"
import { type CircuitBreaker, Outcome, type Transition, TripPolicy } from "effect-circuit-breaker"
import { Breaker } from "../../src/internal/breaker/breaker.ts"
import type { CircuitEntry } from "../../src/internal/breaker/circuitEntry.ts"
import type { Coordinator } from "../../src/internal/breaker/coordinator.ts"
import { protect as protectCall } from "../../src/internal/breaker/protect.ts"
import { decode } from "../../src/internal/circuitBreaker/options.ts"
import type { Caller } from "../../src/internal/fiber/caller.ts"
import type { Admitting } from "../../src/internal/fleet/admission.ts"
import { decide } from "../../src/internal/fleet/admission.ts"

/** One failure opens it for 10 seconds, unless the options say otherwise. */
export const makeBreaker = (
  options: CircuitBreaker.Options = {},
  publish: (transition: Transition.Transition) => void = () => {}
): Effect.Effect<Breaker> =>
  withCaller((caller) => {
    const settings = decode({
      tripPolicy: TripPolicy.consecutive(1),
      openDuration: "10 seconds",
      ...options
    })
    return new Breaker({ settings, publish }, caller)
  })

/** A breaker whose coordinator does nothing but what it is given. */
export const makeCoordinated = (
  { requestSlot = () => undefined, ...coordinator }: Partial<Coordinator & Pick<Admitting, "requestSlot">>,
  options?: CircuitBreaker.Options
): Effect.Effect<Breaker> =>
  Effect.tap(makeBreaker(options), (breaker) => {
    const made: Coordinator = {
      decide: (key, caller, restore) => {
        const { outageMillis, ready } = breaker.coordinator ?? made
        return decide({ breaker, outageMillis, ready, requestSlot }, key, caller, restore)
      },
      isFailing: false,
      isUncertain: true,
      writesThrough: false,
      outageMillis: undefined,
      ready: () => undefined,
      merged: (_, circuit, caller) => ({ circuit, at: breaker.now(caller) }),
      after: () => undefined,
      peek: () => Effect.succeed(undefined),
      ...coordinator
    }
    breaker.coordinator = made
  })

export const withCaller = <A>(f: (caller: Caller) => A): Effect.Effect<A> =>
  Effect.withFiberRuntime((caller) => Effect.succeed(f(caller)))

export const entryOf = (breaker: Breaker, key?: string): Effect.Effect<CircuitEntry> =>
  withCaller((caller) => breaker.use(key, caller))

export const protect = <A, E, R>(breaker: Breaker, effect: Effect.Effect<A, E, R>, key?: string) =>
  protectCall({ breaker, key, classify: Outcome.fromExit }, effect)
