/** The steps of a node, as an observer records them. */
import type { Circuit } from "../../src/internal/core/circuit.ts"
import type { Call } from "../../src/internal/core/policies/policy.ts"
import type { Command } from "../../src/internal/core/replica/progress.ts"
import type { Replica } from "../../src/internal/core/replica/replica.ts"
import type { Event } from "../../src/internal/core/replica/events.ts"

export type Fact =
  | {
      readonly _tag: "Stepped"
      readonly key: string
      readonly event: Event
      readonly commands: ReadonlyArray<Command>
    }
  /** A circuit was replaced by its next value. */
  | {
      readonly _tag: "Changed"
      readonly key: string
      readonly from: Circuit<unknown>
      readonly to: Circuit<unknown>
      readonly by: "Call" | "Fleet" | "Time"
    }
  /** An outcome was recorded in a window, which belongs to a generation of the shared circuit. */
  | {
      readonly _tag: "Recorded"
      readonly key: string
      readonly id: number
      readonly call: Call
      readonly epoch: number
    }
  | { readonly _tag: "Began"; readonly activity: Activity }
  /** A call has been admitted. `isGranted` says that it has a slot of the shared circuit in this generation. */
  | {
      readonly _tag: "Started"
      readonly call: CallActivity
      readonly generation: number
      readonly slot: number
      readonly isGranted: boolean
      readonly standing: Replica["standing"]["_tag"]
    }
  | {
      readonly _tag: "Rejected"
      readonly call: CallActivity
      readonly why: "Circuit" | "Slot" | "Outage"
      readonly by: Circuit<unknown>
    }
  /** The dependency has answered, or the call was interrupted. */
  | { readonly _tag: "Settled"; readonly call: CallActivity; readonly outcome: CallPlan["outcome"] }
  | { readonly _tag: "Ended"; readonly activity: Activity }
  | { readonly _tag: "Reported"; readonly key: string; readonly message: string }
  | { readonly _tag: "Link"; readonly isFailing: boolean }
  | { readonly _tag: "Listens"; readonly isListening: boolean }

/** An operation on a breaker, which may take time. */
export type Activity = CallActivity | ControlActivity | ReadActivity

export interface CallActivity {
  readonly _tag: "Call"
  readonly id: number
  readonly key: string
  readonly plan: CallPlan
}

/** The course of a call, if it starts. */
export interface CallPlan {
  readonly outcome: "Success" | "Failure" | "Ignored"
  readonly millis: number
  /** The failure's `retryAfter` hint; 0 for none. */
  readonly hintMillis: number
}

export type Control = "Trip" | "Reset" | "Isolate" | "Release" | "Disable" | "Enable"

export interface ControlActivity {
  readonly _tag: "Control"
  readonly id: number
  readonly key: string
  readonly control: Control
}

export interface ReadActivity {
  readonly _tag: "Read"
  readonly id: number
  readonly key: string
}

/** A circuit of a node. */
export interface Member {
  readonly key: string
  /** The node's name and the key. */
  readonly name: string
  circuit: Circuit<unknown>
  replica: Replica
  /** When the store last answered a request about it. */
  answeredAt: number
  /** Whether that answer was a fault. */
  isFaulty: boolean
  dueAt: number
  /** Whether an exchange is requested in this turn. */
  isQueued: boolean
  /** The number of the request in flight. */
  asking: number | undefined
}
