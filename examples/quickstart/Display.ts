/**
 * Shows the traffic while it runs, and afterwards what the breaker was good for.
 */
import * as Effect from "effect/Effect"
import * as Lines from "./Lines.ts"
import { Pace } from "./Pace.ts"
import * as Panel from "./Panel.ts"
import type { Recording } from "./Recording.ts"
import * as Summary from "./Summary.ts"

export const during = <R>(
  traffic: Effect.Effect<void, never, R>,
  recording: Recording
): Effect.Effect<void, never, R | Pace> => {
  // Nobody reads on, as with `| head`.
  process.stdout.once("error", () => process.exit())
  const display = Panel.fits(process.stdout) ? Panel : Lines
  return Effect.gen(function* () {
    const { slownessOf } = yield* Pace
    const slowness = yield* slownessOf(display.during(traffic, recording))
    yield* Summary.print(yield* recording.facts, slowness)
  })
}
