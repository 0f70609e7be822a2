import * as Hash from "effect/Hash"
import type { Held } from "../circuits.ts"
import type { Circuit } from "../core/circuit.ts"
import type { Contribution, SharedPolicy } from "../core/share.ts"
import type { Line } from "./line.ts"
import type { Rules } from "./rules.ts"
import { memberOf } from "./member.ts"

/**
 * What the nodes count, put together.
 *
 * @internal
 */
export class Tally {
  private readonly policy: SharedPolicy<unknown>
  /** Only those that go by the same rules count together. */
  private readonly rules: number
  private readonly line: Line

  constructor({ name, policy }: Rules, line: Line) {
    this.policy = policy
    this.rules = Hash.string(name)
    this.line = line
  }

  /** What this node counts, as it tells the others. */
  contribution(held: Held, now: number): string {
    const circuit = held.current
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? JSON.stringify([this.rules, this.policy.contribution(circuit.window, now, this.line.ahead)])
      : (memberOf(held).countedAlone ?? "[]")
  }

  /** What another node counts; nothing where it goes by other rules or has no window. */
  decode(value: string): ReadonlyArray<Contribution> {
    const [rules, contribution] = JSON.parse(value)
    return rules === this.rules ? [contribution] : []
  }

  /** The circuit with the window of all nodes. */
  merged(held: Held, circuit: Circuit<unknown>, now: number): Circuit<unknown> {
    const { others } = memberOf(held)
    return others.length > 0 && (circuit._tag === "Closed" || circuit._tag === "Recovering")
      ? { ...circuit, window: this.policy.merge(circuit.window, others, now, this.line.ahead) }
      : circuit
  }

  /** How many nodes see failures, this one included. */
  failingNodes(held: Held, now: number): number {
    const isFailing = (other: Contribution) => {
      const window = this.policy.merge(this.policy.initial, [other], now, this.line.ahead)
      const { failures, slow } = this.policy.counts(window, now)
      return failures + slow > 0
    }
    return 1 + memberOf(held).others.filter(isFailing).length
  }
}
