import type { Row, Section } from "./windows/section.ts"
import type { WindowEntry } from "./windows/stored.ts"

/**
 * The window that a store has answered, without what can be no part of one. Another process, another version or another
 * program may have written it. Without an epoch, or without the numbers that say what was reported, it is none.
 *
 * @internal
 */
export const decodeWindow = (value: unknown): WindowEntry | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const { epoch, exchanges, failing, sections, told }: Fields<WindowEntry> = value
  if (!isFinite(epoch) || !isCount(told) || !isCount(exchanges)) return undefined
  return {
    epoch,
    told,
    exchanges,
    sections: listOf(sections, mostSections).map(sectionOf),
    failing: listOf(failing, mostFailing).filter((node) => typeof node === "string")
  }
}

type Fields<A> = { readonly [K in keyof A]?: unknown }

/** Policies may be combined, hardly ever of more parts than this. */
const mostSections = 256

/** As many as the latest calls that a window may hold. */
const mostRows = 100_000

const mostFailing = 10_000

const listOf = (value: unknown, most: number): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value.slice(0, most) : []

/** A section keeps its place among the others, whatever is in it. */
const sectionOf = (value: unknown): Section => {
  const { floor, rows }: Fields<Section> = typeof value === "object" && value !== null ? value : {}
  const kept: Array<Row> = []
  for (const row of listOf(rows, mostRows)) {
    if (isRow(row) && row[0] > (kept.at(-1)?.[0] ?? -Infinity)) kept.push(row)
  }
  return { floor: isFinite(floor) ? Math.max(0, floor) : 0, rows: kept }
}

const isRow = (value: unknown): value is Row => {
  if (!Array.isArray(value) || value.length !== 4) return false
  const [index, calls, failures, slow] = value
  return (
    Number.isSafeInteger(index) &&
    isCount(calls) &&
    calls > 0 &&
    [failures, slow].every((count) => isCount(count) && count <= calls)
  )
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isFinite = (value: unknown): value is number => Number.isFinite(value)
