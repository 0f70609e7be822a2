import type * as Effect from "effect/Effect"
import type { Outcome } from "../../Outcome.ts"
import type { OpenReason } from "../../Transition.ts"
import type { Decision } from "../core/admission.ts"
import type { Circuit, Ticket } from "../core/circuit.ts"
import type { Control } from "../core/manualControl.ts"
import type { Call } from "../core/policies/policy.ts"
import type { Caller, Restore } from "../fiber/caller.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * Coordinates a breaker's circuits with breakers of its name in other processes. It is the port between a breaker and a
 * fleet. A breaker without one shares nothing.
 *
 * If an entry does not need the coordinator, its circuit is healthy on all nodes: calls use the circuit of this
 * process, and their successes are not reported.
 *
 * @internal
 */
export interface Coordinator {
  /** Whether the store fails. */
  readonly isFailing: boolean
  /** Whether every call needs the coordinator, because changes elsewhere are not known as they happen. */
  readonly isUncertain: boolean
  /** Whether every outcome is written to the store before its call returns. */
  readonly writesThrough: boolean
  /**
   * The `retryAfter` of calls that are rejected because the store fails, in milliseconds; `undefined` if none are.
   */
  readonly outageMillis: number | undefined
  /** Waits until the state of the circuit elsewhere is known; `undefined` if there is nothing to wait for. */
  readonly ready: (entry: CircuitEntry, caller: Caller) => Effect.Effect<void> | undefined
  /**
   * Decides on the admission of a call, once the state of its circuit elsewhere is known. A probe takes one of the
   * slots of all processes. Whatever waits applies `restore`, so that it is interruptible.
   */
  readonly decide: (key: string | undefined, caller: Caller, restore: Restore) => Effect.Effect<Decided>
  /**
   * The circuit with the window of all processes, by which to decide whether it opens, and the time by which that
   * window is read. It is the given circuit itself if only the window of this process is known.
   */
  readonly merged: (entry: CircuitEntry, circuit: Circuit<unknown>, caller: Caller) => Merged
  /**
   * The breaker calls this after each step of this process on a circuit. The caller waits for the result, if there is one.
   */
  readonly after: (entry: CircuitEntry, step: Step, caller: Caller) => Effect.Effect<void> | undefined
  /**
   * Reads a circuit that this process does not hold, with the window of all processes, in one request; `undefined` if
   * the store does not answer.
   */
  readonly peek: (key: string) => Effect.Effect<Merged | undefined>
}

/** @internal */
export interface Merged {
  readonly circuit: Circuit<unknown>
  readonly at: number
}

/** @internal */
export interface Decided {
  readonly entry: CircuitEntry
  /** `undefined` if this process decides by itself. */
  readonly decision: SharedDecision | undefined
}

/**
 * The decision of a coordinator. It may also reject a call because the store fails.
 *
 * @internal
 */
export type SharedDecision =
  | Decision
  | { readonly _tag: "Rejected"; readonly retryAfterMillis: number; readonly state: "Open" }

/**
 * A step that this process has taken on a circuit.
 *
 * @internal
 */
export type Step = Settled | Opened | Controlled

/**
 * An outcome was recorded in a circuit, which was `before`.
 *
 * @internal
 */
export interface Settled {
  readonly _tag: "Settled"
  readonly before: Circuit<unknown>
  readonly slot: Ticket["slot"]
  readonly call: Call
  readonly outcome: Outcome
}

/**
 * A circuit, which was `before`, has opened at `now`.
 *
 * @internal
 */
export interface Opened {
  readonly _tag: "Opened"
  readonly before: Circuit<unknown>
  readonly reason: OpenReason
  readonly now: number
}

/**
 * A circuit was controlled by hand.
 *
 * @internal
 */
export interface Controlled {
  readonly _tag: "Controlled"
  readonly control: Control
}
