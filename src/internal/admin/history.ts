import type { StateTag, Transition } from "../../Transition.ts"

/** The largest numbers of transitions per circuit, and of circuits, that are remembered. */
const mostTransitions = 20
const mostCircuits = 1_000

/**
 * The latest transitions of the circuits that changed most recently, since the administration was mounted.
 *
 * @internal
 */
export class History {
  /** The transitions of each circuit, newest last. */
  private readonly circuits = new Map<string, Array<Transition>>()

  add(transition: Transition): void {
    const id = idOf(transition.breaker, transition.key)
    const transitions = this.circuits.get(id) ?? []
    transitions.push(transition)
    if (transitions.length > mostTransitions) transitions.shift()
    // Moves the circuit to the end, so that the first one has not changed for the longest time.
    this.circuits.delete(id)
    this.circuits.set(id, transitions)
    if (this.circuits.size > mostCircuits) this.circuits.delete(this.circuits.keys().next().value ?? id)
  }

  /** Newest first. */
  transitionsOf(breaker: string, key: string): ReadonlyArray<Transition> {
    return this.circuits.get(idOf(breaker, key))?.toReversed() ?? []
  }

  latestOf(breaker: string, key: string): Transition | undefined {
    return this.circuits.get(idOf(breaker, key))?.at(-1)
  }

  /** The time at which the circuit entered the state, if its latest transition was to that state. */
  enteredAt(breaker: string, key: string, state: StateTag): number | undefined {
    const latest = this.latestOf(breaker, key)
    return latest?.to === state ? latest.at : undefined
  }
}

const idOf = (breaker: string, key: string): string => `${breaker.length}:${breaker}${key}`
