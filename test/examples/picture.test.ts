import { beforeAll, describe, expect, it } from "vitest"
import * as Screen from "../../examples/quickstart/picture/Screen.ts"
import * as Svg from "../../examples/quickstart/picture/Svg.ts"
import * as Terminal from "../../examples/quickstart/picture/Terminal.ts"
import { read } from "./documents.ts"

const lineOf = (row: ReadonlyArray<Screen.Cell>): string =>
  row
    .map(({ character }) => character)
    .join("")
    .trimEnd()

/** The words of an image, in the order of its rows. */
const wordsOf = (svg: string): ReadonlyArray<string> =>
  Array.from(svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g), (match) => match[1]!)

/** The tags that are open at the end of a document; fails at a tag that closes another one than the latest. */
const leftOpen = (svg: string): ReadonlyArray<string> => {
  const open: Array<string> = []
  for (const [, closing, name, rest] of svg.matchAll(/<(\/?)(\w+)((?:[^>"]|"[^"<]*")*)>/g)) {
    if (closing === "/") expect(open.pop()).toBe(name)
    else if (!rest!.endsWith("/")) open.push(name!)
  }
  return open
}

describe("the picture of the demo", () => {
  let rows: ReadonlyArray<ReadonlyArray<Screen.Cell>>
  let svg: string

  beforeAll(async () => {
    rows = Screen.shown(await Terminal.outputOf("test/examples/panel.ts"))
    svg = Svg.of(rows, { columns: Terminal.columns, title: "with & without" })
  })

  it("shows the last frame of the panel alone, and the summary below it", () => {
    const lines = rows.map(lineOf)
    expect(lines[0]).toMatch(/^The same \d+ calls a second/)
    expect(lines.filter((line) => line.startsWith("The same"))).toHaveLength(1)
    expect(lines[1]).toMatch(/^ server +healthy +500 errors +hangs +recovers +healthy$/)
    expect(lines[2]).toMatch(/^ circuit +closed +isolated +closed +◐ probe$/)
    expect(lines.join("\n")).not.toContain("The circuit is")
    expect(lines.findLast((line) => line !== "")).toMatch(/^Spared:/)
  })

  it("has the panel's colours", () => {
    const colourOf = (row: number, text: string) => rows[row]![lineOf(rows[row]!).indexOf(text)]!.style
    expect(colourOf(1, "500 errors").background).toBe("red")
    expect(colourOf(2, "isolated").background).toBe("white")
    expect(colourOf(0, "The same").isBold).toBe(true)
  })

  it("is an SVG with every word of the screen in its place", () => {
    expect(leftOpen(svg)).toEqual([])
    expect(svg).toContain("<title>with &amp; without</title>")
    const shown = rows.map((row) => lineOf(row).replaceAll(/[▁▂▃▄▅▆▇█\s]/g, "")).join("")
    expect(wordsOf(svg).join("").replaceAll(/\s/g, "")).toBe(shown)
  })

  it("draws a bar for each cell that has one", () => {
    const bars = rows.flat().filter(({ character }) => "▁▂▃▄▅▆▇█".includes(character))
    expect(bars.length).toBeGreaterThan(0)
    expect(svg.match(/<rect [^>]*width="8\.4"[^>]*\/>/g)?.length).toBeGreaterThanOrEqual(bars.length)
  })

  it("is stored beside the demo as a real run has made it", () => {
    const picture = read("examples/quickstart/demo.svg")
    expect(leftOpen(picture)).toEqual([])
    const words = wordsOf(picture).join(" ")
    expect(words).toMatch(/^The same \d+ calls a second, with a circuit breaker and without server healthy/)
    expect(words).toMatch(/Spared: the server \d+ requests \(\d+ %\)/)
  })
})
