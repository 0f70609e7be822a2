/**
 * The timeline as plain lines: for a file, a pipe, or a terminal that is too small for the panel.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Recording } from "./Recording.ts"
import * as Slice from "./Slice.ts"
import { callsPerSecond } from "./Traffic.ts"

// A line a second, or with `--fast` a quarter of one.
const count = 19

/** Prints a line for each slice of time when it is over. */
export const during = <R>(
  traffic: Effect.Effect<void, never, R>,
  { facts }: Recording
): Effect.Effect<void, never, R> => {
  const printing = Effect.gen(function* () {
    yield* Console.log(header)
    const { story } = yield* facts
    for (let n = 1; n <= count; n++) {
      const from = ((n - 1) * story.duration) / count
      const to = (n * story.duration) / count
      yield* Effect.sleep(to - (yield* facts).now)
      yield* Console.log(line(Slice.between(yield* facts, from, to), from, to))
    }
  })
  return Effect.all([traffic, printing], { concurrency: "unbounded", discard: true })
}

const header = `The same ${callsPerSecond} calls a second, with a circuit breaker and without

                                 requests/s mean wait (ms) answer/fallback/error
   time server     circuit     with without   with without       with    without`

const line = (slice: Slice.Slice, from: number, to: number): string => {
  const { withBreaker, withoutBreaker } = slice
  const perSecond = ({ requests }: Slice.Fare) => Math.round((requests * 1_000) / (to - from))
  const results = ({ answers, errors, fallbacks }: Slice.Fare) => `${answers}/${fallbacks}/${errors}`
  return [
    `${to / 1_000} s`.padStart(7),
    ` ${slice.condition.padEnd(11)}${circuit(slice).padEnd(12)}`,
    `${perSecond(withBreaker)}`.padStart(4),
    `${perSecond(withoutBreaker)}`.padStart(8),
    withBreaker.meanWaitMillis.toFixed(0).padStart(7),
    withoutBreaker.meanWaitMillis.toFixed(0).padStart(8),
    results(withBreaker).padStart(11),
    results(withoutBreaker).padStart(11)
  ].join("")
}

const circuit = ({ states }: Slice.Slice): string => {
  const last = states.at(-1) ?? "Closed"
  return last === "Open" && states.includes("HalfOpen") ? "Open, probe" : last
}
