import type * as Deferred from "effect/Deferred"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Replica } from "../core/replica/replica.ts"
import type { Claim } from "./claim.ts"
import type { Pending } from "./pending.ts"

/**
 * A shared circuit of this process: its replica, and what waits for the store.
 *
 * @internal
 */
export class LocalReplica {
  readonly entry: CircuitEntry
  replica: Replica
  /** When the store last answered about it, in the breaker's time. */
  answeredAt = -Infinity
  /** Whether that answer was a fault of the circuit. It is then valid for one interval. */
  isFaulty = false
  /** The time of its next exchange, by which the schedule finds it; infinity if there is none. */
  dueAt = Infinity
  /** The answer to the request of this turn. */
  queued: Pending | undefined = undefined
  /** The answer to the request that is under way. */
  asking: Pending | undefined = undefined
  /** Completes when this node has no change left to write; `undefined` if nothing waits for that. */
  writing: Deferred.Deferred<void> | undefined = undefined
  /** The pending slot requests, by number. */
  claims: Map<number, Claim> | undefined = undefined

  constructor(entry: CircuitEntry, replica: Replica) {
    this.entry = entry
    this.replica = replica
  }
}
