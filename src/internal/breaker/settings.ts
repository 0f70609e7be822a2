import type * as Exit from "effect/Exit"
import type * as Schedule from "effect/Schedule"
import type { Outcome } from "../../Outcome.ts"
import type { Rules } from "../core/circuit.ts"

/**
 * The options of a breaker, checked, with every default filled in.
 *
 * @internal
 */
export interface Settings {
  readonly name: string
  readonly rules: Rules<unknown>
  readonly openDuration: number | Schedule.Schedule<unknown, number>
  readonly maxOpenMillis: number
  readonly classify: (exit: Exit.Exit<unknown, unknown>) => Outcome
  readonly isDryRun: boolean
  readonly capacity: number
  readonly idleMillis: number
  readonly metricsByKey: boolean
}
