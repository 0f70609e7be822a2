/**
 * The story as lines, one for each slice of time, and what it comes to.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Transition } from "effect-circuit-breaker"
import { styleText } from "node:util"
import type { Backend } from "./Backend.ts"
import type { Processes } from "./Processes.ts"
import type { Kind, Story } from "./Story.ts"
import { isDownAt, kinds } from "./Story.ts"

export const print = (
  story: Story,
  backend: Backend,
  processes: Processes,
  isShared: boolean
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const shown = kinds.filter((kind) => kind === "alone" || isShared)
    yield* Console.log(header(shown))
    for (let to = story.slice; to <= story.end; to += story.slice) {
      yield* Effect.sleep(Math.max(0, to - (yield* backend.elapsed)))
      const from = to - story.slice
      yield* Console.log(line(story, backend, processes, shown, from, to))
    }
    yield* Console.log(summary(story, backend, processes, shown))
  })

const titles: Record<Kind, string> = { shared: "one circuit, shared", alone: "a circuit each" }

const width = 30

const header = (shown: ReadonlyArray<Kind>): string => {
  const columns = (text: (kind: Kind) => string) => shown.map((kind) => text(kind).padEnd(width)).join("")
  const legend = Object.entries(marks)
    .map(([tag, { mark, paint }]) => `${paint(mark)} ${tag}`)
    .join("  ")
  return [
    "",
    legend,
    "",
    `${" ".repeat(20)}${columns((kind) => titles[kind])}`.trimEnd(),
    `   time  backend    ${columns(() => "processes  requests  probes")}`.trimEnd()
  ].join("\n")
}

const line = (
  story: Story,
  { requests }: Backend,
  processes: Processes,
  shown: ReadonlyArray<Kind>,
  from: number,
  to: number
): string => {
  const columns = shown.map((kind) => {
    const came = requests.filter((it) => it.kind === kind && it.at >= from && it.at < to)
    const probes = came.filter(({ isProbe }) => isProbe).length
    const states = processes.states(kind).map((tag) => marks[tag].paint(marks[tag].mark))
    return `${states.join(" ")}  ${`${came.length}`.padStart(8)}  ${`${probes || ""}`.padStart(6)}${" ".repeat(width - 27)}`
  })
  const isDown = isDownAt(story, from)
  const condition = isDown ? red("down   ") : green("healthy")
  return `${(to / 1_000).toFixed(2).padStart(6)} s ${condition}    ${columns.join("")}`.trimEnd()
}

const summary = (
  story: Story,
  { requests }: Backend,
  { callsWhileDown }: Processes,
  shown: ReadonlyArray<Kind>
): string => {
  const columns = (value: (kind: Kind) => string | number) =>
    shown.map((kind) => `${value(kind)}`.padStart(20)).join("")
  const count = (kind: Kind, wanted: (request: Backend["requests"][number]) => boolean) =>
    requests.filter((request) => request.kind === kind && wanted(request)).length
  const row = (label: string, wanted: (request: Backend["requests"][number]) => boolean) =>
    label.padEnd(40) + columns((kind) => count(kind, wanted))
  return [
    "",
    bold("While the backend was down".padEnd(40) + columns((kind) => titles[kind])),
    "  calls".padEnd(40) + columns(callsWhileDown),
    row("  requests that reached it", ({ at }) => isDownAt(story, at)),
    row("  of these, probes", ({ at, isProbe }) => isProbe && isDownAt(story, at))
  ].join("\n")
}

// Node knows NO_COLOR.
const wantsColour = process.stdout.isTTY && process.stdout.hasColors()

type Paint = (text: string) => string

const paint =
  (style: Parameters<typeof styleText>[0]): Paint =>
  (text) =>
    wantsColour ? styleText(style, text) : text

const green = paint("green")
const red = paint("red")
const bold = paint("bold")

const marks: Record<Transition.StateTag, { readonly mark: string; readonly paint: Paint }> = {
  Closed: { mark: "·", paint: green },
  Open: { mark: "O", paint: red },
  HalfOpen: { mark: "h", paint: paint("yellow") },
  Recovering: { mark: "r", paint: paint("cyan") },
  Isolated: { mark: "I", paint: red },
  Disabled: { mark: "D", paint: bold }
}
