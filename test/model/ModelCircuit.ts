/** One circuit of the model: what it remembers, and what can be read of it at a given time. */
import {
  expiryInstants,
  slowThresholds,
  windowCounts,
  type ModelPolicy,
  type RecordedOutcome
} from "./ModelPolicy.ts"
import type { PlainSnapshot, PlainState } from "./Observation.ts"

export interface ModelConfig {
  readonly breaker: string
  readonly policy: ModelPolicy
  /** The length of the n-th opening, before any hint; n counts from 1. */
  readonly openMillis: (opening: number) => number
  readonly maxOpenMillis: number
  readonly probes: number
  readonly failuresToReopen: number
  readonly probeTimeoutMillis: number
  readonly recovery: { readonly durationMillis: number; readonly from: number } | undefined
  readonly observe: boolean
  readonly capacity: number
  readonly idleTimeToLiveMillis: number
}

/** The verdict on a call. `cause` describes the failure for `lastFailure`; a success that counts as one has none. */
export type Verdict =
  | { readonly _tag: "Success" }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Interrupted" }
  | {
      readonly _tag: "Failure"
      readonly retryAfter?: number | undefined
      readonly cause?: string | undefined
    }

/** A call whose effect was started; `counted: false` is one that ran only because the breaker observes. */
export interface ModelCall {
  readonly circuit: ModelCircuit
  readonly generation: number
  readonly startedAt: number
  readonly counted: boolean
}

/** The handle by which an isolation or a disabling is released. */
export interface ModelHold {
  readonly circuit: ModelCircuit
}

/** The state as it is stored; the passing of time shows in `seen`. */
export type Held =
  | { _tag: "Closed"; since: number }
  | { _tag: "Open"; openedAt: number; length: number }
  | { _tag: "HalfOpen"; probes: Array<ModelCall>; succeeded: number; failed: number }
  | { _tag: "Recovering"; startedAt: number; arrivals: number; reached: number }
  | { _tag: "Isolated" }
  | { _tag: "Disabled" }

/** A wait as it is reported: in whole milliseconds, never too short. */
export const wholeMillis = (millis: number): number => Math.ceil(millis)

export class ModelCircuit {
  generation = 0
  held: Held
  openings = 0
  lastLength = 0
  /** The last call or control, to the next whole millisecond. */
  lastUse: number
  /** All that was recorded since the last change of state. */
  outcomes: Array<RecordedOutcome> = []
  totals = { succeeded: 0, failed: 0, ignored: 0, rejected: 0 }
  lastFailure: PlainSnapshot["lastFailure"] = null
  readonly isolators = new Set<ModelHold>()
  readonly disablers = new Set<ModelHold>()

  readonly key: string
  private readonly config: ModelConfig

  constructor(config: ModelConfig, key: string, now: number) {
    this.config = config
    this.key = key
    this.held = { _tag: "Closed", since: now }
    this.lastUse = wholeMillis(now)
  }

  /** The circuit after the passing of time; the same object if nothing has changed. */
  seen(now: number): Held {
    const { held } = this
    const { recovery } = this.config
    if (held._tag === "Open" && now >= held.openedAt + held.length) {
      return { _tag: "HalfOpen", probes: [], succeeded: 0, failed: 0 }
    }
    if (held._tag === "Recovering" && recovery && now >= held.startedAt + recovery.durationMillis) {
      return { _tag: "Closed", since: held.startedAt + recovery.durationMillis }
    }
    return held
  }

  /** Only circuits with a key of their own age; the one of calls without a key lives as long as its breaker. */
  get ages(): boolean {
    return this.key !== "default"
  }

  /** Whether it is Closed and has been idle for so long that it reads as never called. */
  isForgotten(now: number): boolean {
    const isIdle = now - this.lastUse >= this.config.idleTimeToLiveMillis
    return this.ages && isIdle && this.seen(now)._tag === "Closed"
  }

  hasLease(probe: ModelCall, now: number): boolean {
    return now < probe.startedAt + this.config.probeTimeoutMillis
  }

  share(startedAt: number, now: number): number {
    const { from, durationMillis } = this.config.recovery ?? { from: 1, durationMillis: 1 }
    return from + ((1 - from) * (now - startedAt)) / durationMillis
  }

  state(now: number): PlainState {
    const openings = this.openings
    const seen = this.seen(now)
    switch (seen._tag) {
      case "Closed":
      case "Isolated":
      case "Disabled":
        return { _tag: seen._tag }
      case "Open":
        return { _tag: "Open", retryAfter: wholeMillis(seen.openedAt + seen.length - now), openings }
      case "HalfOpen": {
        const probing = seen.probes.filter((probe) => this.hasLease(probe, now)).length
        return { _tag: "HalfOpen", probing, succeeded: seen.succeeded, openings }
      }
      case "Recovering":
        return { _tag: "Recovering", admitting: this.share(seen.startedAt, now), openings }
    }
  }

  snapshot(now: number): PlainSnapshot {
    // Every change of state empties the window, so a recovery that is over shows none of its own.
    const outcomes = this.seen(now) === this.held ? this.outcomes : []
    return {
      breaker: this.config.breaker,
      key: this.key,
      state: this.state(now),
      window: windowCounts(this.config.policy, outcomes, now),
      totals: { ...this.totals },
      lastFailure: this.lastFailure
    }
  }

  /** Whether nothing of what a rate had recorded is young enough to count. */
  isEmptiedByAge(now: number): boolean {
    const { policy } = this.config
    const isRate = policy._tag === "FailureRate" || policy._tag === "SlowCallRate"
    return isRate && this.outcomes.length > 0 && windowCounts(policy, this.outcomes, now).calls === 0
  }

  /** When something changes by the passing of time alone. */
  instants(now: number, inFlight: ReadonlyArray<ModelCall>): ReadonlyArray<number> {
    const { policy, idleTimeToLiveMillis } = this.config
    const slow = slowThresholds(policy).flatMap((slower) => inFlight.map((call) => call.startedAt + slower))
    const expiries = this.outcomes.length > 0 ? expiryInstants(policy, this.outcomes, now) : []
    return [...this.stateInstants(), this.lastUse + idleTimeToLiveMillis, ...slow, ...expiries]
  }

  private stateInstants(): ReadonlyArray<number> {
    const { held } = this
    switch (held._tag) {
      case "Open":
        return [held.openedAt + held.length]
      case "HalfOpen":
        return held.probes.map((probe) => probe.startedAt + this.config.probeTimeoutMillis)
      case "Recovering": {
        const duration = this.config.recovery?.durationMillis ?? 0
        return [0.25, 0.5, 1].map((part) => held.startedAt + part * duration)
      }
      case "Closed":
        return [held.since + this.lastLength]
      case "Isolated":
      case "Disabled":
        return []
    }
  }
}
