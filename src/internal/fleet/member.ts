import type * as Deferred from "effect/Deferred"
import type { Contribution } from "../core/share.ts"

/**
 * What a node knows of a circuit that it shares.
 *
 * @internal
 */
export class Member {
  /** Whether the node has asked the store, or has reason to believe it would have been told. */
  isKnown = false
  revision = ""
  /** The shared generation that the node's own circuit stands for. */
  generation = 0
  others: ReadonlyArray<Contribution> = []
  /** Somebody sees failures: everybody contributes. */
  isWarm = false
  announces = false
  /** Changes of this node that are on their way. */
  pending = 0
  /** A change of this node has not reached the store. */
  hasDiverged = false
  /** Open for this node only, because too few nodes see failures. */
  isAlone = false
  reading: Deferred.Deferred<void> | undefined = undefined
}
