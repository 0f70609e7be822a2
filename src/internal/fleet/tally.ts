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
  private readonly quorum: number

  constructor({ name, policy }: Rules, line: Line, quorum: number) {
    this.quorum = quorum
    this.policy = policy
    this.rules = Hash.string(name)
    this.line = line
  }

  /** What this node counts, as it tells the others. */
  contribution(held: Held, now: number): string {
    const circuit = held.current
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? JSON.stringify([
          this.rules,
          memberOf(held).generation,
          this.policy.contribution(circuit.window, now, this.line.ahead)
        ])
      : (memberOf(held).countedAlone ?? "[]")
  }

  /** What another node counts; nothing where it goes by other rules, or what it counted is from before this window. */
  decode(held: Held, value: string): ReadonlyArray<Contribution> {
    const [rules, generation, contribution] = JSON.parse(value)
    return rules === this.rules && generation === memberOf(held).generation ? [contribution] : []
  }

  /** The circuit with the window of all nodes, if enough of them see failures; or else with its own. */
  merged(held: Held, circuit: Circuit<unknown>, now: number): Circuit<unknown> {
    const { others } = memberOf(held)
    if (others.length === 0 || (circuit._tag !== "Closed" && circuit._tag !== "Recovering")) return circuit
    if (!this.isFleetMatter(held, circuit, now)) return circuit
    return { ...circuit, window: this.policy.merge(circuit.window, others, now, this.line.ahead) }
  }

  /** Whether enough nodes see failures for the circuit to open for all of them. */
  isFleetMatter(held: Held, circuit: Circuit<unknown>, now: number): boolean {
    if (this.quorum === 1) return true
    if (circuit._tag !== "Closed" && circuit._tag !== "Recovering") return false
    const seesFailures = (window: unknown) => {
      const { failures, slow } = this.policy.counts(window, now)
      return failures + slow > 0
    }
    const windowOf = (other: Contribution) =>
      this.policy.merge(this.policy.initial, [other], now, this.line.ahead)
    const windows = [circuit.window, ...memberOf(held).others.map(windowOf)]
    return windows.filter(seesFailures).length >= this.quorum
  }
}
