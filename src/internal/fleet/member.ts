import type * as Deferred from "effect/Deferred"
import type * as Fiber from "effect/Fiber"
import type { Held } from "../circuits.ts"
import type { Contribution } from "../core/share.ts"
import { Pace } from "./pace.ts"
import type { Holdings } from "./record.ts"

/**
 * What a node knows of a circuit that it shares.
 *
 * @internal
 */
export class Member {
  /** When the node last asked the store about it, in the breaker's time. */
  askedAt = -Infinity
  /** Nothing was ever heard of it. */
  isNew = true
  revision = ""
  /** The shared generation that the node's own circuit stands for. */
  generation = 0
  /** What was last known of the shared circuit beyond its state. */
  holdings: Holdings = { reason: "Manual", probers: {}, keepers: {} }
  /** What the other nodes count. */
  others: ReadonlyArray<Contribution> = []
  /** How many nodes contribute. */
  crowd = 0
  readonly pace = new Pace()
  /** Somebody sees failures: everybody contributes. */
  isWarm = false
  /** The other nodes do not know yet that this one sees failures. */
  announces = false
  /** What this node counted when it opened for itself only. */
  countedAlone: string | undefined = undefined
  /** Changes of this node that are on their way. */
  pending = 0
  /** A change of this node has not reached the store. */
  hasDiverged = false
  reading: Deferred.Deferred<void> | undefined = undefined
  writing: Fiber.Fiber<void> | undefined = undefined

  /** Open for this node only, because too few nodes see failures. */
  get isAlone(): boolean {
    return this.countedAlone !== undefined
  }

  /** Whether slots or isolations of the circuit are held by a node. */
  holds(node: string): boolean {
    const { keepers, probers } = this.holdings
    return (keepers[node] ?? 0) > 0 || Object.values(probers).includes(node)
  }
}

/** @internal */
export const memberOf = (held: Held): Member => (held.member ??= new Member())
