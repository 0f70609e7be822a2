/**
 * The timeline on a terminal, drawn over itself.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Facts, Recording } from "./Recording.ts"
import * as Status from "./Status.ts"
import * as Timeline from "./Timeline.ts"

export const fits = (terminal: NodeJS.WriteStream): boolean =>
  terminal.isTTY &&
  process.env["TERM"] !== "dumb" &&
  terminal.columns >= Timeline.fewestColumns &&
  terminal.rows >= 20

/** Draws while the traffic runs. At the end the timeline stays, and the status goes. */
export const during = <R>(
  traffic: Effect.Effect<void, never, R>,
  { facts }: Recording
): Effect.Effect<void, never, R> => {
  const drawFirst = Effect.flatMap(facts, (now) => write(hideCursor + text(frame(now))))
  const drawAgain = Effect.flatMap(facts, (now) => write(toTopOf(frame(now)) + text(frame(now))))
  const drawLast = Effect.flatMap(facts, (now) =>
    write(toTopOf(frame(now)) + text(timeline(now)) + clearBelow + showCursor)
  )
  const drawing = Effect.zipRight(Effect.repeat(drawAgain, Schedule.fixed("100 millis")), Effect.never)
  return Effect.acquireUseRelease(
    drawFirst,
    () => Effect.raceFirst(traffic, drawing),
    () => drawLast
  )
}

const timeline = (facts: Facts): ReadonlyArray<string> => Timeline.lines(facts, process.stdout.columns)

const frame = (facts: Facts): ReadonlyArray<string> => [...timeline(facts), "", ...Status.lines(facts)]

const write = (output: string): Effect.Effect<void> =>
  Effect.sync(() => {
    process.stdout.write(output)
  })

const text = (lines: ReadonlyArray<string>): string => lines.map((line) => `${line}${clearRight}\n`).join("")

const toTopOf = (lines: ReadonlyArray<string>): string => `\r\u001b[${lines.length}A`
const clearRight = "\u001b[K"
const clearBelow = "\u001b[J"
// Without a cursor, and with lines cut rather than wrapped: a wrapped one would spoil the way back to the top.
const hideCursor = "\u001b[?25l\u001b[?7l"
const showCursor = "\u001b[?7h\u001b[?25h"
