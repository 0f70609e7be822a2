import type { Circuit } from "../circuit.ts"
import type { Call } from "../policies/policy.ts"
import type { Report } from "../windows/stored.ts"
import type { Reason } from "../wire.ts"
import type { Undecided } from "./replica.ts"
import type { Reporting } from "./reporting.ts"
import type { Known, Leases } from "./shared.ts"

/**
 * What happens to a node.
 *
 * @internal
 */
export type Event =
  /** A call has recorded its outcome in the circuit, which was `before`. A probe that opens it opens it for `openMillis`. */
  | {
      readonly _tag: "Settled"
      readonly before: Circuit<unknown>
      readonly slot: number
      readonly call: Call
      readonly outcome: Undecided["outcome"]
      readonly openMillis: number
    }
  /** The circuit, which was `before`, has opened. */
  | { readonly _tag: "Opened"; readonly before: Circuit<unknown>; readonly reason: Reason }
  | { readonly _tag: "Controlled"; readonly control: Control }
  /** A call asks for a slot, or gives one back that it will not use. */
  | { readonly _tag: "SlotRequested"; readonly request: number }
  | { readonly _tag: "SlotAbandoned"; readonly slot: number }
  /** The store has answered an exchange, or a write, or could not be told of one. */
  | { readonly _tag: "Answered"; readonly entry: Entry; readonly asked: Asked }
  | { readonly _tag: "Written"; readonly entry: Entry; readonly revision: string }
  | { readonly _tag: "Unwritten"; readonly revision: string | undefined }
  /** The store has a fault with this circuit alone. */
  | { readonly _tag: "Faulted" }
  /** Another node has changed the circuit, or sees failures of it. */
  | { readonly _tag: "ChangeHeard"; readonly now: number; readonly revision: string; readonly state: string }
  | { readonly _tag: "FailuresHeard"; readonly listeners: number }
  /** The store fails, or is to be asked for what may have been missed. */
  | { readonly _tag: "StoreLost" }
  | { readonly _tag: "Hurried" }

/** @internal */
export type Control = "Trip" | "Reset" | "Isolate" | "Release" | "Disable" | "Enable"

/**
 * What a store answers about a circuit.
 *
 * @internal
 */
export interface Entry {
  readonly now: number
  readonly revision: string
  /** `undefined` where it is the state that the node knew. */
  readonly state: string | undefined
  readonly window: unknown
  readonly leases: Leases
}

/**
 * What a node asks about a circuit.
 *
 * @internal
 */
export interface Question {
  readonly revision: string
  readonly window: { readonly name: string; readonly epoch: number; readonly report: Report | undefined }
  readonly announce: boolean
  readonly renew: boolean
  readonly keepMillis: number
}

/**
 * How a node stood when it asked.
 *
 * @internal
 */
export interface Asked {
  readonly known: Known
  readonly reporting: Reporting
  readonly undecided: Undecided | undefined
}

/**
 * The events of one kind.
 *
 * @internal
 */
export type Of<Tag extends Event["_tag"]> = Extract<Event, { readonly _tag: Tag }>
