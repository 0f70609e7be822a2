/**
 * Shows the traffic while it runs, and afterwards what the breaker was good for.
 */
import * as Effect from "effect/Effect"
import * as Lines from "./Lines.ts"
import * as Panel from "./Panel.ts"
import type { Recording } from "./Recording.ts"
import * as Summary from "./Summary.ts"

export const during = <R>(
  traffic: Effect.Effect<void, never, R>,
  recording: Recording
): Effect.Effect<void, never, R> => {
  // Nobody reads on, as with `| head`.
  process.stdout.once("error", () => process.exit())
  const display = Panel.fits(process.stdout) ? Panel : Lines
  const summary = Effect.flatMap(recording.facts, Summary.print)
  return Effect.zipRight(display.during(traffic, recording), summary)
}
