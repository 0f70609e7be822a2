import type * as Effect from "effect/Effect"
import type { Outcome } from "../../Outcome.ts"
import type { OpenReason } from "../../Transition.ts"
import type { Circuit, Decision, Ticket } from "../core/circuit.ts"
import type { Call } from "../core/policies/policy.ts"
import type { Caller } from "../fiber/caller.ts"
import type { CircuitEntry } from "./circuitEntry.ts"

/**
 * Coordinates the circuits of a breaker with those of its name in other processes: the port through which a breaker knows
 * a fleet. A breaker without one is alone with its process.
 *
 * A circuit whose entry says that it does not need the coordinator is one that the coordinator knows to be healthy
 * everywhere: its calls go by the circuit as it is here, and their successes are not reported.
 *
 * @internal
 */
export interface Coordinator {
  /** Whether no entry's `needsCoordinator` can be relied on, because changes are not heard of as they happen. */
  readonly isUncertain: boolean
  /** Whether every outcome is written to the store before its call returns. */
  readonly writesThrough: boolean
  /**
   * In how many milliseconds to try again, where calls are rejected because the store cannot be asked; `undefined` where
   * they are not.
   */
  readonly outageMillis: number | undefined
  /** Waits until it is known how the circuit stands elsewhere; `undefined` where there is nothing to wait for. */
  readonly ready: (entry: CircuitEntry, caller: Caller) => Effect.Effect<void> | undefined
  /** Asks for a slot among the probes of all processes; `undefined` where this process decides by itself. */
  readonly requestSlot: (entry: CircuitEntry, caller: Caller) => SlotRequest | undefined
  /**
   * The circuit by which to decide whether it has to open, with what all processes count, and the time by which its window
   * goes; `undefined` where that is decided later.
   */
  readonly judged: (entry: CircuitEntry, circuit: Circuit<unknown>, caller: Caller) => Judged | undefined
  /** Called after each step of this process on a circuit. Answers what the step's caller has to wait for, if anything. */
  readonly after: (entry: CircuitEntry, step: Step, caller: Caller) => Effect.Effect<void> | undefined
  /** How a circuit that this process does not hold stands elsewhere; `undefined` where the store cannot tell. */
  readonly peek: (key: string) => Effect.Effect<Circuit<unknown> | undefined>
}

/** @internal */
export interface Judged {
  readonly circuit: Circuit<unknown>
  readonly at: number
}

/**
 * A request for a slot. It goes on in the background if the call that made it is interrupted.
 *
 * @internal
 */
export interface SlotRequest {
  /** Waits for the decision; `undefined` where the store could not be asked. */
  readonly decision: Effect.Effect<Decision | undefined>
  /** Gives back the slot that was granted, or will be. */
  readonly abandon: () => void
}

/**
 * What this process has done to a circuit.
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

/** @internal */
export type Control = "Trip" | "Reset" | "Isolate" | "Release" | "Disable" | "Enable"
