import type { Row, Section } from "../windows/section.ts"
import type { WindowEntry } from "../windows/stored.ts"
import { isCount, isFiniteNumber, latestGeneration } from "./values.ts"

/**
 * Decodes a window from a store's answer at a time of the store. Another process, another version or another program
 * may have written it, so invalid rows are dropped. Without a valid epoch and valid numbers, the result is `undefined`.
 *
 * @internal
 */
export const decodeWindow = (value: unknown, now: number): WindowEntry | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { epoch, exchanges, failing, sections, latestReport }: Fields<WindowEntry> = value
  if (!isFiniteNumber(epoch) || epoch > latestGeneration(now)) return undefined
  if (!isCount(latestReport) || !isCount(exchanges)) return undefined
  return {
    epoch,
    latestReport,
    exchanges,
    sections: listOf(sections, mostSections).map(sectionOf),
    failing: listOf(failing, mostFailing).filter((node) => typeof node === "string")
  }
}

type Fields<A> = { readonly [K in keyof A]?: unknown }

/** The largest number of sections that is read, which is more than a combined policy will have. */
const mostSections = 256

/** The largest window in calls. */
const mostRows = 100_000

const mostFailing = 10_000

const listOf = (value: unknown, most: number): ReadonlyArray<unknown> =>
  !Array.isArray(value) ? [] : value.length > most ? value.slice(0, most) : value

/** An invalid section becomes an empty one, so that the others keep their places. */
const sectionOf = (value: unknown): Section => {
  const { floor, rows }: Fields<Section> = typeof value === "object" && value !== null ? value : {}
  const kept: Array<Row> = []
  for (const row of listOf(rows, mostRows)) {
    if (isRow(row) && row[0] > (kept.at(-1)?.[0] ?? -Infinity)) kept.push(row)
  }
  return { floor: isFiniteNumber(floor) ? Math.max(0, floor) : 0, rows: kept }
}

const isRow = (value: unknown): value is Row => {
  if (!Array.isArray(value) || value.length !== 4) return false
  const [index, calls, failures, slow] = value
  return (
    Number.isSafeInteger(index) &&
    isCount(calls) &&
    calls > 0 &&
    isCount(failures) &&
    failures <= calls &&
    isCount(slow) &&
    slow <= calls
  )
}
