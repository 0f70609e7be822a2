import type * as Deferred from "effect/Deferred"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Replica } from "../core/replica/replica.ts"
import type { Claim } from "./claim.ts"

/**
 * A circuit of this process that is shared: its replica, and who waits for the store.
 *
 * @internal
 */
export class Member {
  readonly entry: CircuitEntry
  replica: Replica
  /** When the store last answered about it, in the breaker's time. */
  answeredAt = -Infinity
  /** Whether that answer was a fault of the circuit: it is then asked about again after an interval. */
  isFaulty = false
  /** When it is exchanged next, as the schedule has it. */
  dueAt = Infinity
  /** Done when the store has answered, or could not, what is to be asked about it in this turn. */
  queued: Deferred.Deferred<void> | undefined = undefined
  /** The same for what has been asked. */
  asking: Deferred.Deferred<void> | undefined = undefined
  /** Done when no change of this process is on its way any more. */
  writing: Deferred.Deferred<void> | undefined = undefined
  /** The calls that ask for a slot, by request. */
  claims: Map<number, Claim> | undefined = undefined

  constructor(entry: CircuitEntry, replica: Replica) {
    this.entry = entry
    this.replica = replica
  }
}
