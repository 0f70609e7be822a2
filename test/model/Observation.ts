/**
 * The observable state of a breaker as plain data. The model produces it, and the library's answers are converted to it,
 * so that the two can be compared. Durations are milliseconds, and an absent last failure is null.
 */
import type { WindowCounts } from "./ModelPolicy.ts"

export type PlainState =
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Open"; readonly retryAfter: number; readonly openings: number }
  | {
      readonly _tag: "HalfOpen"
      readonly probing: number
      readonly succeeded: number
      readonly openings: number
    }
  | { readonly _tag: "Recovering"; readonly admitting: number; readonly openings: number }
  | { readonly _tag: "Isolated" }
  | { readonly _tag: "Disabled" }

export interface PlainSnapshot {
  readonly breaker: string
  readonly key: string
  readonly state: PlainState
  readonly window: WindowCounts
  readonly totals: Totals
  readonly lastFailure: { readonly at: number; readonly cause: string | undefined } | null
}

export interface Totals {
  readonly succeeded: number
  readonly failed: number
  readonly ignored: number
  readonly rejected: number
}

export interface PlainTransition {
  readonly breaker: string
  readonly key: string
  readonly from: PlainState["_tag"]
  readonly to: PlainState["_tag"]
  readonly at: number
  readonly generation: number
  readonly origin: "Local" | "Fleet"
  readonly retryAfter?: number
  readonly openings?: number
  readonly reason?: "Tripped" | "ProbeFailed" | "Manual"
}

export interface PlainRejection {
  readonly _tag: "CircuitOpenError"
  readonly breaker: string
  readonly key: string
  readonly state: "Open" | "HalfOpen" | "Recovering" | "Isolated"
  readonly retryAfter: number
}
