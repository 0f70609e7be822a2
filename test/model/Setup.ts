/** The breakers that histories are generated for, as plain data: for the model, for the library, and for printing. */
import * as Schedule from "effect/Schedule"
import { TripPolicy, type CircuitBreaker } from "effect-circuit-breaker"
import { classifyAsBreaker } from "./Ending.ts"
import type { ModelConfig } from "./ModelCircuit.ts"
import type { ModelPolicy, RateWindow } from "./ModelPolicy.ts"

export type WindowSetup =
  | { readonly within: number; readonly buckets?: number; readonly minimumFailures?: number }
  | { readonly calls: number }

export type PolicySetup =
  | { readonly _tag: "Consecutive"; readonly failures: number }
  | { readonly _tag: "FailureCount"; readonly failures: number; readonly within: number }
  | {
      readonly _tag: "FailureRate"
      readonly threshold: number
      readonly window: WindowSetup
      readonly minimumCalls?: number
    }
  | {
      readonly _tag: "SlowCallRate"
      readonly slowerThan: number
      readonly threshold: number
      readonly window: { readonly within: number } | { readonly calls: number }
      readonly minimumCalls?: number
    }
  | { readonly _tag: "Custom"; readonly failures: number; readonly within: number }
  | { readonly _tag: "AnyOf" | "AllOf"; readonly policies: ReadonlyArray<PolicySetup> }

export type OpenSetup =
  | { readonly _tag: "Constant"; readonly millis: number }
  | { readonly _tag: "Exponential"; readonly base: number }
  | { readonly _tag: "ExponentialThenRepeated"; readonly base: number; readonly recurs: number }
  | { readonly _tag: "Linear"; readonly base: number }
  | { readonly _tag: "Delays"; readonly delays: readonly [number, ...ReadonlyArray<number>] }

export interface Setup {
  readonly tripPolicy?: PolicySetup
  readonly openDuration?: OpenSetup
  readonly maxOpenDuration?: number
  readonly halfOpen?: {
    readonly probes?: number
    readonly failuresToReopen?: number
    readonly probeTimeout?: number
  }
  readonly recovery?: { readonly duration: number; readonly from?: number }
  readonly mode?: "enforce" | "observe"
  readonly capacity?: number
  readonly idleTimeToLive?: number
  /** Whether the breaker has a `classify` of its own. */
  readonly classifies: boolean
}

export const breakerName = "model"

// For the model, with the defaults of DESIGN.md, section 2.

export const toModel = (setup: Setup): ModelConfig => ({
  breaker: breakerName,
  policy: modelPolicy(setup.tripPolicy ?? { _tag: "Consecutive", failures: 5 }),
  openMillis: openMillis(setup.openDuration ?? { _tag: "Constant", millis: 30_000 }),
  maxOpenMillis: setup.maxOpenDuration ?? 3_600_000,
  probes: setup.halfOpen?.probes ?? 1,
  failuresToReopen: setup.halfOpen?.failuresToReopen ?? 1,
  probeTimeoutMillis: setup.halfOpen?.probeTimeout ?? 60_000,
  recovery: setup.recovery && {
    durationMillis: setup.recovery.duration,
    from: setup.recovery.from ?? 0.1
  },
  observe: setup.mode === "observe",
  capacity: setup.capacity ?? 10_000,
  idleTimeToLiveMillis: setup.idleTimeToLive ?? 3_600_000
})

const modelPolicy = (setup: PolicySetup): ModelPolicy => {
  switch (setup._tag) {
    case "FailureRate": {
      const { window, threshold } = setup
      const minimumFailures = "within" in window ? window.minimumFailures : undefined
      return {
        _tag: "FailureRate",
        threshold,
        window: rateWindow(window),
        minimumCalls: setup.minimumCalls ?? defaultMinimumCalls(window),
        minimumFailures: minimumFailures ?? 1
      }
    }
    case "SlowCallRate": {
      const { slowerThan, threshold, window } = setup
      const minimumCalls = setup.minimumCalls ?? defaultMinimumCalls(window)
      return { _tag: "SlowCallRate", slowerThan, threshold, window: rateWindow(window), minimumCalls }
    }
    case "AnyOf":
    case "AllOf":
      return { _tag: setup._tag, policies: setup.policies.map(modelPolicy) }
    default:
      return setup
  }
}

const defaultMinimumCalls = (window: WindowSetup): number =>
  "calls" in window ? window.calls : window.minimumFailures === undefined ? 10 : 1

const rateWindow = (window: WindowSetup): RateWindow =>
  "calls" in window
    ? { _tag: "Calls", calls: window.calls }
    : { _tag: "Within", within: window.within, buckets: window.buckets ?? 10 }

const openMillis =
  (open: OpenSetup) =>
  (opening: number): number => {
    switch (open._tag) {
      case "Constant":
        return open.millis
      case "Exponential":
        return open.base * 2 ** (opening - 1)
      case "ExponentialThenRepeated":
        return open.base * 2 ** (Math.min(opening, open.recurs) - 1)
      case "Linear":
        return open.base * opening
      case "Delays":
        return open.delays[Math.min(opening, open.delays.length) - 1] ?? NaN
    }
  }

// For the library.

export const toOptions = (setup: Setup): CircuitBreaker.Options => ({
  name: breakerName,
  ...(setup.tripPolicy && { tripPolicy: tripPolicy(setup.tripPolicy) }),
  ...(setup.openDuration && { openDuration: openDuration(setup.openDuration) }),
  ...(setup.maxOpenDuration && { maxOpenDuration: setup.maxOpenDuration }),
  ...(setup.halfOpen && { halfOpen: setup.halfOpen }),
  ...(setup.recovery && { recovery: setup.recovery }),
  ...(setup.mode && { mode: setup.mode }),
  ...(setup.capacity && { capacity: setup.capacity }),
  ...(setup.idleTimeToLive && { idleTimeToLive: setup.idleTimeToLive }),
  ...(setup.classifies && { classify: classifyAsBreaker })
})

const tripPolicy = (setup: PolicySetup): TripPolicy.TripPolicy => {
  switch (setup._tag) {
    case "Consecutive":
      return TripPolicy.consecutive(setup.failures)
    case "FailureCount":
      return TripPolicy.failureCount({ failures: setup.failures, within: setup.within })
    case "FailureRate": {
      const { threshold, window } = setup
      return TripPolicy.failureRate({ threshold, ...window, ...minimumCalls(setup) })
    }
    case "SlowCallRate": {
      const { slowerThan, threshold, window } = setup
      return TripPolicy.slowCallRate({ slowerThan, threshold, ...window, ...minimumCalls(setup) })
    }
    case "AnyOf":
      return TripPolicy.anyOf(...setup.policies.map(tripPolicy))
    case "AllOf":
      return TripPolicy.allOf(...setup.policies.map(tripPolicy))
    case "Custom":
      return failuresWithin(setup.failures, setup.within)
  }
}

const minimumCalls = (setup: { readonly minimumCalls?: number }) =>
  setup.minimumCalls === undefined ? {} : { minimumCalls: setup.minimumCalls }

/** A policy of a user's own. */
const failuresWithin = (failures: number, within: number): TripPolicy.TripPolicy =>
  TripPolicy.make<ReadonlyArray<number>>({
    initial: [],
    record: (state, call) => (call.outcome._tag === "Failure" ? [...state, call.at] : state),
    trips: (state, now) => state.filter((at) => now - at < within).length >= failures
  })

const openDuration = (open: OpenSetup): CircuitBreaker.Options["openDuration"] => {
  switch (open._tag) {
    case "Constant":
      return open.millis
    case "Exponential":
      return Schedule.exponential(open.base)
    case "ExponentialThenRepeated":
      return Schedule.exponential(open.base).pipe(Schedule.intersect(Schedule.recurs(open.recurs)))
    case "Linear":
      return Schedule.linear(open.base)
    case "Delays": {
      const [first, ...rest] = open.delays
      return Schedule.fromDelays(first, ...rest)
    }
  }
}
