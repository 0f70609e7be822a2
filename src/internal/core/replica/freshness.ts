import type { Of } from "./events.ts"
import type { Replica } from "./replica.ts"
import { isExchanging } from "./activity.ts"
import type { Situation } from "./situation.ts"

/**
 * The store's last answer about a circuit.
 *
 * @internal
 */
export interface Answer {
  /** When it arrived, in the node's time; `-Infinity` if there is none, or if it is outdated. */
  readonly answeredAt: number
  /** Whether it was a fault of the circuit. It is then valid for one interval. */
  readonly isFaulty: boolean
}

/**
 * Whether a call has to ask the store about its circuit first. Under write-through, each call does.
 *
 * @internal
 */
export const asksFirst = (answer: Answer, situation: Situation): boolean =>
  !situation.isFailing && (situation.settings.writesThrough || !isFresh(answer, situation))

/** Without notifications, an answer is valid for one interval, as it is for circuits that are exchanged. */
const isFresh = ({ answeredAt, isFaulty }: Answer, { isListening, now, settings }: Situation): boolean =>
  isListening && !isFaulty ? answeredAt > -Infinity : now - answeredAt < settings.syncMillis

/**
 * Whether calls and successes of a circuit concern the other nodes. They do not while it is healthy on all nodes.
 *
 * @internal
 */
export const concernsOthers = (replica: Replica, { answeredAt, isFaulty }: Answer): boolean =>
  isExchanging(replica) || answeredAt === -Infinity || isFaulty

/**
 * The reaction of a node to a change of its connection to the store, which concerns all of its circuits.
 *
 * @internal
 */
export interface Reaction {
  /** Whether notifications may have been missed, so that the next call of every circuit asks the store first. */
  readonly outdatesAnswers: boolean
  /** The event for each circuit that is exchanged. */
  readonly event: Of<"StoreLost" | "ExchangeRequested">
}

/** @internal */
export const storeLost: Reaction = { outdatesAnswers: false, event: { _tag: "StoreLost" } }

/** @internal */
export const storeRecovered = (isListening: boolean): Reaction => ({
  outdatesAnswers: !isListening,
  event: { _tag: "ExchangeRequested" }
})

/**
 * Notifications arrive again after an interruption.
 *
 * @internal
 */
export const resubscribed: Reaction = { outdatesAnswers: true, event: { _tag: "ExchangeRequested" } }
