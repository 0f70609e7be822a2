/**
 * The story as rows of cells, one cell a slice of time.
 */
import { stripVTControlCharacters } from "node:util"
import type { Transition } from "effect-circuit-breaker"
import * as Paint from "./Paint.ts"
import type { Facts } from "./Recording.ts"
import * as Slice from "./Slice.ts"
import * as Story from "./Story.ts"
import { type Call, callsPerSecond } from "./Traffic.ts"

const labelWidth = 11
const noteWidth = 12

export const fewestColumns = 64

export const lines = (facts: Facts, columns: number): ReadonlyArray<string> => {
  const count = Math.min(56, columns - labelWidth - noteWidth)
  const slices = Slice.soFar(facts, count)

  const heading = (text: string, note: string): string => {
    const width = stripVTControlCharacters(text).length
    return text + " ".repeat(labelWidth + count - width) + Paint.dim(`  ${note}`)
  }

  const row = (label: string, cells: ReadonlyArray<string>, note = ""): string =>
    `${label.padEnd(labelWidth)}${cells.join("")}${" ".repeat(count - cells.length)}  ${note}`

  /** A row for each side: a cell for each of its slices, and a note on the whole. */
  const rows = (
    cell: (fare: Slice.Fare) => string,
    note: (calls: ReadonlyArray<Call>, requests: number) => string
  ) =>
    sides.map(([side, label]) =>
      row(
        label,
        slices.map((slice) => cell(slice[side])),
        note(Array.from(facts[side].calls), facts[side].load.arrivals.length)
      )
    )

  const mostRequests = (2 * callsPerSecond * facts.story.duration) / 1_000 / count
  return [
    Paint.bold(`The same ${callsPerSecond} calls a second, with a circuit breaker and without`),
    row(" server", serverBand(facts.story, slices.length, count)),
    row(" circuit", circuitBand(slices), Paint.dim("◐ probe")),
    "",
    heading(" Requests that reach the server", "in all"),
    ...rows(
      (fare) => bar(fare.requests / mostRequests, fare),
      (_, requests) => `${requests}`
    ),
    heading(" How long callers wait", "longest"),
    ...rows(
      (fare) => bar(fare.meanWaitMillis / 1_100, fare),
      (calls) => `${Slice.longestWaitMillis(calls)} ms`
    ),
    heading(` Callers get: ${legend("answer")}  ${legend("fallback")}  ${legend("error")}`, "errors"),
    ...rows(symbol, (calls) => `${Slice.countOf(calls, "error")}`)
  ]
}

const sides = [
  ["withBreaker", "   with"],
  ["withoutBreaker", "   without"]
] as const

const serverBand = (story: Story.Story, begun: number, count: number): ReadonlyArray<string> => {
  const sliceMillis = story.duration / count
  const conditions = Array.from({ length: count }, (_, n) =>
    Story.conditionAt(story, (n + 0.5) * sliceMillis)
  )
  const letters = nameRuns(conditions.map((condition) => conditionNames[condition]))
  return conditions.map((condition, n) =>
    (n < begun ? Paint.ofCondition[condition] : Paint.dim)(letters[n] ?? " ")
  )
}

const circuitBand = (slices: ReadonlyArray<Slice.Slice>): ReadonlyArray<string> => {
  const states = slices.map((slice) => mostTelling(slice.states))
  const letters = nameRuns(states.map((state) => stateNames[state]))
  return states.map((state, n) => Paint.ofState[state](letters[n] ?? " "))
}

// A probe is over in a blink, and it is what decides.
const mostTelling = (states: ReadonlyArray<Transition.StateTag>): Transition.StateTag =>
  states.includes("HalfOpen") ? "HalfOpen" : (states.at(-1) ?? "Closed")

const nameRuns = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const letters: Array<string> = []
  for (let start = 0; start < names.length;) {
    const name = names[start] ?? ""
    const next = names.findIndex((other, n) => n > start && other !== name)
    const length = (next === -1 ? names.length : next) - start
    letters.push(...nameWithin(name, length))
    start += length
  }
  return letters
}

const nameWithin = (name: string, length: number): string => {
  if (length >= name.length + 2) return ` ${name} `.padEnd(length - 1, Paint.filler).padEnd(length)
  if (length >= name.length) return name.padEnd(length)
  return length < 5 ? Paint.filler.repeat(length) : `${name.slice(0, length - 1)}…`
}

const conditionNames: Readonly<Record<Story.Condition, string>> = {
  healthy: "healthy",
  failing: "500 errors",
  hanging: "hangs",
  recovering: "recovers"
}

const stateNames: Readonly<Record<Transition.StateTag, string>> = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "◐",
  Recovering: "recovering",
  Isolated: "isolated",
  Disabled: "disabled"
}

const bar = (share: number, fare: Slice.Fare): string => {
  const eighths = share < 0.01 ? 0 : Math.min(8, Math.max(1, Math.round(share * 8)))
  const got = mostGot(fare)
  const paint = got === undefined ? Paint.dim : Paint.ofResult[got]
  return paint(" ▁▂▃▄▅▆▇█".charAt(eighths))
}

const symbol = (fare: Slice.Fare): string => {
  const got = mostGot(fare)
  return got === undefined ? " " : Paint.ofResult[got](symbols[got])
}

const legend = (got: Call["got"]): string => Paint.ofResult[got](symbols[got]) + ` ${resultNames[got]}`

const symbols: Readonly<Record<Call["got"], string>> = { answer: "●", fallback: "○", error: "✗" }

const resultNames: Readonly<Record<Call["got"], string>> = {
  answer: "answer",
  fallback: "last known answer",
  error: "error"
}

const mostGot = ({ answers, errors, fallbacks }: Slice.Fare): Call["got"] | undefined => {
  if (answers + errors + fallbacks === 0) return undefined
  if (errors >= Math.max(answers, fallbacks)) return "error"
  return fallbacks >= answers ? "fallback" : "answer"
}
