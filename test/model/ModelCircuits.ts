/** The circuits of the model's breaker: made when they are used, moved, published, and dropped. */
import { ModelCircuit, wholeMillis, type Held, type ModelConfig } from "./ModelCircuit.ts"
import type { PlainTransition } from "./Observation.ts"

export class ModelCircuits {
  now = 0
  wall = 0
  published: Array<PlainTransition> = []

  readonly config: ModelConfig
  protected readonly note: (requirement: string) => void
  protected circuitsByKey = new Map<string, ModelCircuit>()

  constructor(config: ModelConfig, note: (requirement: string) => void) {
    this.config = config
    this.note = note
  }

  protected move(
    circuit: ModelCircuit,
    to: Held,
    opening?: Pick<PlainTransition, "retryAfter" | "openings" | "reason">
  ): void {
    const from = circuit.held._tag
    circuit.generation += 1
    circuit.held = to
    circuit.outcomes = []
    this.setNewest(circuit)
    this.note(`R3.2 ${from} to ${to._tag}`)
    this.published.push({
      breaker: this.config.breaker,
      key: circuit.key,
      from,
      to: to._tag,
      at: this.wall,
      generation: circuit.generation,
      origin: "Local",
      ...opening
    })
  }

  /** The circuit for a call or a control: made if need be, and with what time has done to it made true. */
  protected use(key: string): ModelCircuit {
    let circuit = this.find(key)
    if (circuit === undefined) {
      if (this.circuitsByKey.delete(key)) this.note("idleTimeToLive drops an idle Closed circuit")
      circuit = new ModelCircuit(this.config, key, this.now)
      if (circuit.ages) this.makeRoom()
    }
    this.touch(circuit)
    const seen = circuit.seen(this.now)
    if (seen !== circuit.held) {
      if (circuit.held._tag === "Open" && this.now === circuit.held.openedAt + circuit.held.length)
        this.note("R3.2.2 HalfOpen at exactly the end of the opening")
      this.move(circuit, seen)
    }
    return circuit
  }

  protected touch(circuit: ModelCircuit): void {
    circuit.lastUse = wholeMillis(this.now)
    this.setNewest(circuit)
  }

  /** Last in the map is the most recently used, for `capacity`. */
  private setNewest(circuit: ModelCircuit): void {
    this.circuitsByKey.delete(circuit.key)
    this.circuitsByKey.set(circuit.key, circuit)
  }

  private makeRoom(): void {
    const byUse = [...this.circuitsByKey.values()].filter((circuit) => circuit.ages)
    const leastRecent = byUse[0]
    if (leastRecent === undefined || byUse.length < this.config.capacity) {
      return
    }
    const heldAs = (tag: string) => byUse.find((circuit) => circuit.held._tag === tag)
    const victim = heldAs("Closed") ?? heldAs("Recovering") ?? leastRecent
    if (victim.seen(this.now)._tag === "Closed") {
      this.note("capacity drops the least recently used Closed circuit")
    } else {
      this.note("capacity drops a circuit that is not Closed, loudly")
      victim.isolators.clear()
      victim.disablers.clear()
      this.move(victim, { _tag: "Closed", since: this.now })
    }
    this.circuitsByKey.delete(victim.key)
  }

  protected find(key: string): ModelCircuit | undefined {
    const circuit = this.circuitsByKey.get(key)
    return circuit === undefined || circuit.isForgotten(this.now) ? undefined : circuit
  }
}
