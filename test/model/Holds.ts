/** The holders of a circuit, and the state that they require. */
import type * as Scope from "effect/Scope"
import { pick } from "./Command.ts"

type Hold = Scope.CloseableScope

export class Holds {
  private isolations: ReadonlyArray<Hold> = []
  /** Those that a reset has ended, which are given back all the same. */
  private ended: ReadonlyArray<Hold> = []
  private disablings: ReadonlyArray<Hold> = []

  isolate(hold: Hold): void {
    this.isolations = [...this.isolations, hold]
  }

  disable(hold: Hold): void {
    this.disablings = [...this.disablings, hold]
  }

  reset(): void {
    this.ended = [...this.ended, ...this.isolations]
    this.isolations = []
  }

  isolation(index: number): Hold | undefined {
    return pick([...this.ended, ...this.isolations], index)
  }

  get latestIsolation(): Hold | undefined {
    return this.isolations.at(-1)
  }

  disabling(index: number): Hold | undefined {
    return pick(this.disablings, index)
  }

  /** Answers whether it still kept the circuit from being Closed. */
  giveBack(hold: Hold): boolean {
    const isStale = this.ended.includes(hold)
    const without = (holds: ReadonlyArray<Hold>) => holds.filter((other) => other !== hold)
    this.isolations = without(this.isolations)
    this.ended = without(this.ended)
    this.disablings = without(this.disablings)
    return !isStale
  }

  /** The state of the circuit while it has a hold. */
  get state(): "Isolated" | "Disabled" | undefined {
    return this.isolations.length > 0 ? "Isolated" : this.disablings.length > 0 ? "Disabled" : undefined
  }
}
