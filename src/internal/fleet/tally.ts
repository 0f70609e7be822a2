import * as Hash from "effect/Hash"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Circuit } from "../core/circuit.ts"
import * as Machine from "../core/circuit.ts"
import type { SharedPolicy } from "../core/policies/policy.ts"
import type { Contribution } from "../core/windows/window.ts"
import type { WindowId } from "../core/wire.ts"
import { decodeContribution, encodeContribution } from "../core/wire.ts"
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
  private readonly name: number
  private readonly rules: Machine.Rules<unknown>
  private readonly line: Line
  private readonly quorum: number

  constructor({ name, policy }: Rules, rules: Machine.Rules<unknown>, line: Line, quorum: number) {
    this.quorum = quorum
    this.policy = policy
    this.name = Hash.string(name)
    this.rules = rules
    this.line = line
  }

  /** The counts of this process, as it reports them to the others. */
  contribution(held: CircuitEntry, now: number, current = held.current): string {
    const circuit = Machine.at(current, this.rules, now)
    return circuit._tag === "Closed" || circuit._tag === "Recovering"
      ? encodeContribution(
          this.windowOf(held, circuit),
          this.policy.contribution(circuit.window, now, this.line.ahead)
        )
      : (memberOf(held).countedAlone ?? "[]")
  }

  /**
   * The counts of another process: none where it goes by other rules or counted in another window. A text that is no
   * contribution is passed to `report`.
   */
  decode(
    held: CircuitEntry,
    value: string,
    now: number,
    report: (why: string) => void
  ): ReadonlyArray<Contribution> {
    const window = this.windowOf(held, Machine.at(held.current, this.rules, now))
    const decoded = decodeContribution(value, window)
    if (decoded === "other") return []
    if (decoded !== undefined && this.policy.accepts(decoded.contribution)) return [decoded.contribution]
    report(`a contribution to circuit "${held.key}" is no list of counts`)
    return []
  }

  /** Identifies a window: a recovery and the time after it have one each in the same generation. */
  private windowOf(held: CircuitEntry, circuit: Circuit<unknown>): WindowId {
    return [this.name, memberOf(held).generation, circuit._tag]
  }

  /** The circuit with the window of all nodes, if enough of them see failures; or else with its own. */
  merged(held: CircuitEntry, circuit: Circuit<unknown>, now: number): Circuit<unknown> {
    const { countedIn, others } = memberOf(held)
    if (others.length === 0 || (circuit._tag !== "Closed" && circuit._tag !== "Recovering")) return circuit
    if (circuit._tag !== countedIn) return circuit
    if (!this.isFleetMatter(held, circuit, now)) return circuit
    return { ...circuit, window: this.policy.merge(circuit.window, others, now, this.line.ahead) }
  }

  /** Whether enough nodes see failures for the circuit to open for all of them. */
  isFleetMatter(held: CircuitEntry, circuit: Circuit<unknown>, now: number): boolean {
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
