/**
 * Draws the picture of the demo in the README: runs the demo and writes what a terminal shows at its end as an SVG
 * image, beside this file.
 *
 *     npm run picture
 */
import { writeFile } from "node:fs/promises"
import * as Screen from "./picture/Screen.ts"
import * as Svg from "./picture/Svg.ts"
import * as Terminal from "./picture/Terminal.ts"

const output = await Terminal.outputOf("examples/quickstart.ts", ["--no-dashboard"])
if (!output.includes("Spared:")) throw new Error(`The demo did not run to its end: ${output}`)
// The picture would have a line about it that puzzles its readers.
if (output.includes("The machine was busy")) throw new Error("The machine is busy: draw the picture later.")

const svg = Svg.of(Screen.shown(output), {
  columns: Terminal.columns,
  title:
    "The demo: the same calls with a circuit breaker and without, while their server fails, hangs and recovers"
})
await writeFile(new URL("demo.svg", import.meta.url), svg)
