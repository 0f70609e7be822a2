/**
 * A screen as an SVG image.
 */
import { type Cell, type Colour, plain, type Style } from "./Screen.ts"

type Rows = ReadonlyArray<ReadonlyArray<Cell>>

const cellWidth = 8.4
const cellHeight = 18
const fontSize = 14
const margin = 16

export const of = (rows: Rows, { columns, title }: { readonly columns: number; readonly title: string }) => {
  const width = columns * cellWidth + 2 * margin
  const height = rows.length * cellHeight + 2 * margin
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${ground}"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" shape-rendering="crispEdges">`,
    ...rows.flatMap((row, n) => [...backgrounds(row, n), ...foregrounds(row, n)]),
    "</g>",
    "</svg>",
    ""
  ].join("\n")
}

const backgrounds = (row: ReadonlyArray<Cell>, n: number): ReadonlyArray<string> =>
  runsOf(row, ({ style }) => style.background).flatMap(({ cells, column }) => {
    const { background } = cells[0]!.style
    if (background === undefined) return []
    const width = round(cells.length * cellWidth)
    return [
      `<rect x="${left(column)}" y="${top(n)}" width="${width}" height="${cellHeight}" fill="${colourOf[background]}"/>`
    ]
  })

const foregrounds = (row: ReadonlyArray<Cell>, n: number): ReadonlyArray<string> =>
  runsOf(row, styleOf).flatMap(({ cells, column }) =>
    Array.from(textOf(cells).matchAll(/[!-~]+(?: [!-~]+)*|[^ -~]/g), ({ 0: text, index }) =>
      barHeight(text) === 0
        ? word(text, { column: column + index, row: n }, cells[0]!.style)
        : bar(text, { column: column + index, row: n }, cells[0]!.style)
    )
  )

interface Place {
  readonly column: number
  readonly row: number
}

/** Words are as wide as their cells, whatever font a viewer has for them. */
const word = (text: string, { column, row }: Place, style: Style): string => {
  const y = round(top(row) + 0.73 * cellHeight)
  const weight = style.isBold ? ' font-weight="bold"' : ""
  const width = round(text.length * cellWidth)
  return `<text x="${left(column)}" y="${y}" textLength="${width}" lengthAdjust="spacingAndGlyphs"${weight}${paint(style)}>${escaped(text)}</text>`
}

/** The bars are drawn: as characters of a font, they would not meet the edges of their cells. */
const bar = (text: string, { column, row }: Place, style: Style): string => {
  const height = round((barHeight(text) / 8) * cellHeight)
  const y = round(top(row) + cellHeight - height)
  return `<rect x="${left(column)}" y="${y}" width="${cellWidth}" height="${height}"${paint(style)}/>`
}

/** In eighths of a cell; zero for what is no bar. */
const barHeight = (text: string): number => "▁▂▃▄▅▆▇█".indexOf(text) + 1

const paint = ({ foreground, isDim }: Style): string =>
  ` fill="${foreground === undefined ? ink : colourOf[foreground]}"${isDim ? ' opacity="0.6"' : ""}`

interface Run {
  readonly column: number
  readonly cells: ReadonlyArray<Cell>
}

/** The cells side by side that agree in something. */
const runsOf = (row: ReadonlyArray<Cell>, aspect: (cell: Cell) => unknown): ReadonlyArray<Run> => {
  const runs: Array<{ readonly column: number; readonly cells: Array<Cell> }> = []
  for (const [column, cell] of row.entries()) {
    const last = runs.at(-1)
    if (last !== undefined && aspect(last.cells[0]!) === aspect(cell)) last.cells.push(cell)
    else runs.push({ column, cells: [cell] })
  }
  return runs
}

const styleOf = ({ style }: Cell): string =>
  Object.keys(plain)
    .map((key) => String(style[key as keyof Style]))
    .join()

const textOf = (cells: ReadonlyArray<Cell>): string => cells.map(({ character }) => character).join("")

const left = (column: number): number => round(margin + column * cellWidth)
const top = (row: number): number => margin + row * cellHeight
const round = (value: number): number => Math.round(value * 100) / 100

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const ground = "#0d1117"
const ink = "#c9d1d9"

const colourOf: Readonly<Record<Colour, string>> = {
  black: "#0d1117",
  red: "#f85149",
  green: "#3fb950",
  yellow: "#e3b341",
  blue: "#58a6ff",
  magenta: "#bc8cff",
  cyan: "#39c5cf",
  white: "#b1bac4"
}
