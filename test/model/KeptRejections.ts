/** The latest rejection of each key, for calls that hand it on. */
import type { CircuitOpenError } from "effect-circuit-breaker"
import type { Key } from "./Command.ts"
import type { KeptRejection } from "./Ending.ts"
import type { ModelCircuit } from "./ModelCircuit.ts"

export class KeptRejections {
  private readonly byKey = new Map<Key, Kept>()

  /** A circuit has turned a call away, at a place where it has a part of its own. */
  keep(key: Key, error: CircuitOpenError, circuit: ModelCircuit, place: unknown): void {
    this.byKey.set(key, { error, circuit, place })
  }

  /** As a call of this circuit hands it on. */
  of(key: Key, circuit: ModelCircuit, place: unknown): KeptRejection | undefined {
    const kept = this.byKey.get(key)
    return kept && { error: kept.error, isOwn: kept.circuit === circuit && kept.place === place }
  }
}

interface Kept {
  readonly error: CircuitOpenError
  readonly circuit: ModelCircuit
  readonly place: unknown
}
