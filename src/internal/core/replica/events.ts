import type { Circuit, OpenReason } from "../circuit.ts"
import type { Control } from "../manualControl.ts"
import type { Call } from "../policies/policy.ts"
import type { Report } from "../windows/stored.ts"
import type { Notification } from "../wire/notification.ts"
import type { Undecided } from "./replica.ts"
import type { Reporting } from "./reporting.ts"
import type { StoredCircuit, Leases } from "./shared.ts"

/**
 * The event for which a node takes a step.
 *
 * @internal
 */
export type Event =
  /**
   * A call recorded its outcome in the circuit, which was `before`. `openMillis` applies if the call was a probe and
   * reopens it.
   */
  | {
      readonly _tag: "Settled"
      readonly before: Circuit<unknown>
      readonly slot: number
      readonly call: Call
      readonly outcome: Undecided["outcome"]
      readonly openMillis: number
    }
  /** The breaker opened the circuit, which was `before`. */
  | { readonly _tag: "Opened"; readonly before: Circuit<unknown>; readonly reason: OpenReason }
  | { readonly _tag: "Controlled"; readonly control: Control }
  /** A call requests a slot, or gives back a slot that it will not use. */
  | { readonly _tag: "SlotRequested"; readonly request: number }
  | { readonly _tag: "SlotAbandoned"; readonly slot: number }
  /** The store answered a request or could not be asked. */
  | { readonly _tag: "Answered"; readonly entry: Entry; readonly asked: Asked }
  | { readonly _tag: "Unanswered"; readonly request: CircuitRequest }
  /** The store answered a write, which `revision` names, or could not be asked. */
  | { readonly _tag: "Written"; readonly entry: Entry; readonly revision: string }
  | { readonly _tag: "WriteFailed"; readonly revision: string }
  /** The store answered with a fault of this circuit alone. */
  | { readonly _tag: "Faulted" }
  /** A notification arrived: another node changed the circuit, or announced failures of it. */
  | {
      readonly _tag: "ChangeReceived"
      readonly now: number
      readonly revision: string
      readonly state: string
    }
  | { readonly _tag: "FailuresAnnounced"; readonly listeners: number }
  /** The store stopped answering. */
  | { readonly _tag: "StoreLost" }
  /** The store answers again, or notifications may have been missed, so that the circuit has to be exchanged soon. */
  | { readonly _tag: "ExchangeRequested" }

/**
 * The answer of a store about one circuit.
 *
 * @internal
 */
export interface Entry {
  readonly now: number
  readonly revision: string
  /** `undefined` if it is the state that the node named in its request. */
  readonly state: string | undefined
  readonly window: unknown
  readonly leases: Leases
}

/**
 * The request of a node about one circuit.
 *
 * @internal
 */
export interface CircuitRequest {
  readonly revision: string
  readonly window: { readonly name: string; readonly epoch: number; readonly report: Report | undefined }
  readonly announce: boolean
  readonly renew: boolean
  readonly keepMillis: number
}

/**
 * The parts of a replica at the time of a request, with which its answer is compared.
 *
 * @internal
 */
export interface Asked {
  readonly stored: StoredCircuit
  readonly reporting: Reporting
  readonly undecided: Undecided | undefined
  /** Whether the request announced failures. */
  readonly isAnnounced: boolean
}

/** @internal */
export const eventOf = (notification: Notification): Event =>
  notification._tag === "Failing"
    ? { _tag: "FailuresAnnounced", listeners: notification.listeners ?? 0 }
    : {
        _tag: "ChangeReceived",
        now: notification.now,
        revision: notification.revision,
        state: notification.state
      }

/**
 * The events of one kind.
 *
 * @internal
 */
export type Of<Tag extends Event["_tag"]> = Extract<Event, { readonly _tag: Tag }>
