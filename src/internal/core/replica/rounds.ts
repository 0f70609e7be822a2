import type { Link } from "./link.ts"
import type { Settings } from "./situation.ts"

/**
 * A round of a node's own loop: it pings a store that fails, exchanges the circuits that are due, or waits until the first
 * one is due.
 *
 * @internal
 */
export type Round =
  | { readonly _tag: "Ping" }
  | { readonly _tag: "Exchange" }
  | { readonly _tag: "Wait"; readonly until: number }

const ping: Round = { _tag: "Ping" }
const exchange: Round = { _tag: "Exchange" }

/**
 * The next round of a node whose first circuit is due at `dueAt`.
 *
 * @internal
 */
export const next = ({ isFailing }: Link, dueAt: number, now: number): Round => {
  if (isFailing) return ping
  return dueAt <= now ? exchange : { _tag: "Wait", until: dueAt }
}

/**
 * The pause after a round that has asked the store.
 *
 * @internal
 */
export const pauseMillis = (round: "Ping" | "Exchange", { syncMillis }: Settings): number =>
  round === "Ping" ? syncMillis : leastPauseMillis

/** The shortest pause between two scheduled requests. */
const leastPauseMillis = 10
