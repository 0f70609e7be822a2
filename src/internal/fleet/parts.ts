import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Store } from "../../CircuitStore.ts"
import type { Breaker } from "../breaker/breaker.ts"
import type { CircuitEntry } from "../breaker/circuitEntry.ts"
import type { Line } from "./line.ts"
import type { Rounds } from "./rounds.ts"
import type { Rules } from "./rules.ts"
import type { Step } from "./steps.ts"
import type { Tally } from "./tally.ts"

/**
 * Runs an effect in the background, for as long as the breaker lives.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/**
 * The parts of a node that the others need.
 *
 * @internal
 */
export interface Parts {
  /** Who this is among the breakers of its name. */
  readonly node: string
  readonly breaker: Breaker
  readonly store: Store
  readonly rules: Rules
  readonly line: Line
  readonly tally: Tally
  readonly rounds: Rounds
  readonly fork: Fork
  /** Makes a change of this node's in the store, in the background. */
  readonly push: (held: CircuitEntry, step: Step) => void
}
