import type { Rules } from "../circuit.ts"
import { dayMillis } from "../millis.ts"
import type { SharedPolicy } from "../policies/policy.ts"

/**
 * The settings by which a node shares circuits, fixed when its breaker is made.
 *
 * @internal
 */
export interface Settings {
  /** The identity of this node, unique among the breakers of its name. */
  readonly node: string
  readonly rules: Rules<unknown>
  readonly policy: SharedPolicy<unknown>
  /** A text that is the same on all nodes with the same rules, and the name of the window that they share. */
  readonly rulesName: string
  readonly windowName: string
  /** The number of nodes that have to see failures before a circuit opens on all of them. */
  readonly quorum: number
  readonly syncMillis: number
  /** A number from 0 to 1 that differs from node to node: many nodes spread their exchanges over an interval. */
  readonly phase: number
  /** The longest interval between two exchanges: older counts would be of little use. */
  readonly staleMillis: number
  /** The time after which the slots and holds of a silent node expire. */
  readonly leaseMillis: number
  /** The longest opening that the options of this node allow; infinity under a schedule. */
  readonly longestOpenMillis: number
  /** The time for which the store keeps a circuit without calls, apart from its openings. */
  readonly idleMillis: number
  /** Whether each outcome is written to the store before its call returns. */
  readonly writesThrough: boolean
}

/**
 * The settings that follow from the windows of the policy.
 *
 * @internal
 */
export const windowSettings = (
  { spans }: SharedPolicy<unknown>,
  { idleMillis, syncMillis }: Pick<Settings, "idleMillis" | "syncMillis">
): Pick<Settings, "idleMillis" | "staleMillis"> => ({
  staleMillis: Math.min(Math.min(...spans) / exchangesPerWindow, mostIntervals * syncMillis),
  idleMillis: Math.max(Math.min(idleMillis, dayMillis), ...spans.filter(Number.isFinite))
})

/** The least number of exchanges within the shortest time window. */
const exchangesPerWindow = 4

/** The longest interval between two exchanges of a circuit, in multiples of `syncMillis`. */
const mostIntervals = 60

/**
 * The inputs of a step beside the replica, the circuit and the event.
 *
 * @internal
 */
export interface Situation {
  readonly settings: Settings
  /** The time of the node's breaker, in milliseconds. */
  readonly now: number
  /** The store's time minus `now`, in milliseconds. */
  readonly clockOffset: number
  /** Whether the store's time is known. */
  readonly isTimeKnown: boolean
  /** Whether notifications arrive. */
  readonly isListening: boolean
  /** Whether the store fails. */
  readonly isFailing: boolean
  /** When the store began to answer after its last outage, in its own time. */
  readonly answeringSince: number
  /** A revision that no state has had, for the next write. */
  readonly revision: string
}

/**
 * The time of the store.
 *
 * @internal
 */
export const storeTime = ({ clockOffset, now }: Situation): number => now + clockOffset

/**
 * A clock whose offset changes by more than this was set. Smaller changes correct the measurement of the offset.
 *
 * @internal
 */
export const mostDriftMillis = 1_000
