/**
 * Colours, where the output is a terminal that wants them (Node knows `NO_COLOR`).
 */
import { styleText } from "node:util"
import type { Transition } from "effect-circuit-breaker"
import type { Condition } from "./Story.ts"
import type { Call } from "./Traffic.ts"

type Style = Parameters<typeof styleText>[0]

export type Paint = (text: string) => string

const wantsColour = process.stdout.isTTY && process.stdout.hasColors()

const paint =
  (style: Style): Paint =>
  (text) =>
    wantsColour ? styleText(style, text, { validateStream: false }) : text

export const dim = paint("dim")
export const bold = paint("bold")

/** The filling of a band: its colour, or a line if the terminal shows no colours. */
export const filler = wantsColour ? " " : "─"

export const ofCondition: Readonly<Record<Condition, Paint>> = {
  healthy: paint(["black", "bgGreen"]),
  failing: paint(["black", "bgRed"]),
  hanging: paint(["black", "bgMagenta"]),
  recovering: paint(["black", "bgCyan"])
}

export const ofState: Readonly<Record<Transition.StateTag, Paint>> = {
  Closed: paint(["black", "bgGreen"]),
  Open: paint(["black", "bgRed"]),
  HalfOpen: paint(["black", "bgYellow"]),
  Recovering: paint(["black", "bgCyan"]),
  Isolated: paint(["black", "bgWhite"]),
  Disabled: paint(["black", "bgWhite"])
}

export const ofResult: Readonly<Record<Call["got"], Paint>> = {
  answer: paint("green"),
  fallback: paint("yellow"),
  error: paint("red")
}
