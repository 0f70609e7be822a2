/** The table of a run: a row for each round. */
import type { Figures } from "./program.ts"
import type { ProcessSample, ServerSample } from "./verdict.ts"

export interface Row {
  readonly round: number
  /** When the run began, in epoch milliseconds. */
  readonly startedAt: number
  readonly faults: number
  /** The time after the faults until the processes agreed. */
  readonly agreedMillis: number | undefined
  /** The values of each process. */
  readonly figures: ReadonlyArray<Figures>
  readonly samples: ReadonlyArray<ProcessSample>
  readonly server: ServerSample
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)
const total = (name: keyof Figures) => (row: Row) => `${sum(row.figures.map((figures) => figures[name]))}`
const mega = (bytes: number): string => (bytes / 1e6).toFixed(1)
const ofEach = (cell: (sample: ProcessSample) => string | number) => (row: Row) =>
  row.samples.map(cell).join(" ")

const columns: ReadonlyArray<readonly [head: string, width: number, cell: (row: Row) => string]> = [
  ["round", 5, ({ round }) => `${round}`],
  ["at s", 5, ({ startedAt }) => `${Math.round((Date.now() - startedAt) / 1_000)}`],
  ["faults", 6, ({ faults }) => `${faults}`],
  ["calls", 8, total("made")],
  ["rejected", 8, total("rejected")],
  ["failed", 7, total("failed")],
  ["overtaken", 9, total("overtaken")],
  ["uncertain", 9, total("uncertain")],
  ["changes", 7, total("transitions")],
  ["agreed ms", 9, ({ agreedMillis }) => (agreedMillis === undefined ? "never" : `${agreedMillis}`)],
  ["heap MB", 14, ofEach(({ heap }) => mega(heap))],
  ["handles", 7, ofEach(({ resources }) => sum(Object.values(resources)))],
  ["listeners", 9, ofEach(({ listeners }) => listeners)],
  ["keys", 5, ({ server }) => `${server.keys}`],
  ["Redis MB", 8, ({ server }) => mega(server.memory)],
  ["connections", 11, ({ server }) => `${server.connections}`]
]

export const head: string = columns.map(([name, width]) => name.padStart(width)).join("  ")

export const lineOf = (row: Row): string =>
  columns.map(([, width, cell]) => cell(row).padStart(width)).join("  ")
