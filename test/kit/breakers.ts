/** Breakers in each state, and values of their snapshots. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import {
  CircuitBreaker,
  CircuitBreakerRegistry,
  type CircuitOpenError,
  TripPolicy
} from "effect-circuit-breaker"
import { fails, startCall, works } from "./calls.ts"

export type Breaker = CircuitBreaker.CircuitBreaker

/** Makes a breaker that one failure opens for 10 seconds, unless the options say otherwise. */
export const make = (options?: CircuitBreaker.Options) =>
  CircuitBreaker.make({ tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds", ...options })

export const makeOpen = (options?: CircuitBreaker.Options) =>
  Effect.tap(make(options), (breaker) => Effect.exit(breaker.protect(fails)))

/** Makes a breaker whose open time of 10 seconds has passed. */
export const makeHalfOpen = (options?: CircuitBreaker.Options) =>
  Effect.zipLeft(makeOpen(options), TestClock.adjust("10 seconds"))

/** Makes a breaker at the start of a recovery from a share of 0.25 over 100 seconds. */
export const makeRecovering = (options?: CircuitBreaker.Options) =>
  Effect.tap(makeHalfOpen({ recovery: { duration: "100 seconds", from: 0.25 }, ...options }), (breaker) =>
    Effect.exit(breaker.protect(works))
  )

export const makeIsolated = (options?: CircuitBreaker.Options) =>
  Effect.tap(make(options), (breaker) => breaker.isolate())

/** A breaker whose circuit rejects the next call. */
export const rejecting: Record<
  CircuitOpenError["state"],
  (options?: CircuitBreaker.Options) => Effect.Effect<Breaker, never, Scope.Scope>
> = {
  Open: makeOpen,
  HalfOpen: (options) => Effect.tap(makeHalfOpen(options), (breaker) => startCall(breaker.protect)),
  Recovering: makeRecovering,
  Isolated: makeIsolated
}

/** Breakers that admit the next call, by their states. */
export const admitting: Record<string, Effect.Effect<Breaker, never, Scope.Scope>> = {
  Closed: make(),
  "Closed under a slow-call policy": make({
    tripPolicy: TripPolicy.slowCallRate({
      slowerThan: "2 seconds",
      threshold: 1,
      within: "1 minute",
      minimumCalls: 1
    })
  }),
  HalfOpen: makeHalfOpen(),
  Recovering: makeRecovering({ recovery: { duration: "100 seconds", from: 1 } }),
  "Open in observe mode": makeOpen({ mode: "observe" })
}

/** Gives an effect a registry of its own, for tests of the whole list. */
export const withOwnRegistry = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideServiceEffect(
    effect,
    CircuitBreakerRegistry.CircuitBreakerRegistry,
    Effect.sync(CircuitBreakerRegistry.unsafeMake)
  )

export const tagOf = (breaker: Breaker, key?: string) => Effect.map(breaker.state(key), ({ _tag }) => _tag)

export const windowOf = (breaker: Breaker, key?: string) =>
  Effect.map(breaker.snapshot(key), ({ window }) => window)

export const totalsOf = (breaker: Breaker, key?: string) =>
  Effect.map(breaker.snapshot(key), ({ totals }) => totals)

export const keysOf = (breaker: Breaker) =>
  Effect.map(breaker.circuits, (circuits) => circuits.map(({ key }) => key).toSorted())

export const emptyWindow = { calls: 0, failures: 0, slow: 0 } as const

/** Totals that are zero unless given. */
export const totals = (
  expected: Partial<CircuitBreaker.CircuitSnapshot["totals"]>
): CircuitBreaker.CircuitSnapshot["totals"] => ({
  succeeded: 0,
  failed: 0,
  ignored: 0,
  rejected: 0,
  ...expected
})

/** The state of a circuit that is HalfOpen for the first time. */
export const halfOpen = (probing = 0, succeeded = 0) =>
  ({ _tag: "HalfOpen", probing, succeeded, openings: 1 }) as const
