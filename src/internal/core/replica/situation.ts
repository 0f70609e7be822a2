import type { Rules } from "../circuit.ts"
import type { SharedPolicy } from "../policies/policy.ts"

/**
 * By what a node shares circuits, fixed when its breaker is made.
 *
 * @internal
 */
export interface Settings {
  /** The identity of this node among the breakers of its name. */
  readonly node: string
  readonly rules: Rules<unknown>
  readonly policy: SharedPolicy<unknown>
  /** The text by which nodes know that they go by the same rules, and the name of the window that they count in. */
  readonly rulesName: string
  readonly windowName: string
  /** How many nodes have to see failures before a circuit opens for all of them. */
  readonly quorum: number
  readonly syncMillis: number
  /** From 0 to 1, and not the same for two nodes: many nodes spread their answers over an interval. */
  readonly place: number
  /** The age at which counts are of little use. */
  readonly staleMillis: number
  /** After this time without a renewal, what a node holds is free. */
  readonly leaseMillis: number
  /** The longest that an opening may last by the options of this node. */
  readonly longestOpenMillis: number
  /** For how long a circuit that nobody calls is of use, without its openings. */
  readonly idleMillis: number
  /** Whether each outcome is written to the store before its call returns. */
  readonly writesThrough: boolean
}

/**
 * What holds at a step.
 *
 * @internal
 */
export interface Situation {
  readonly settings: Settings
  /** The time of the node's breaker, in milliseconds. */
  readonly now: number
  /** By how many milliseconds the store's clock is ahead of that. */
  readonly ahead: number
  /** Whether changes are heard as they happen. */
  readonly isListening: boolean
  /** Whether the store fails. */
  readonly isFailing: boolean
  /** Since when the store answers, in its own time. */
  readonly answeringSince: number
  /** A revision that no state has had. */
  readonly revision: string
}

/**
 * The time of the store.
 *
 * @internal
 */
export const storeTime = ({ ahead, now }: Situation): number => now + ahead
