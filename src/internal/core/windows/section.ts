/**
 * The counts of the calls at one index of a section.
 *
 * @since 0.1.0
 * @category models
 */
export type Row = readonly [index: number, calls: number, failures: number, slow: number]

/**
 * A part of a shared window: rows ordered by index, each index once. Rows before the floor do not count, and 0 means no
 * floor.
 *
 * @since 0.1.0
 * @category models
 */
export interface Section {
  readonly floor: number
  readonly rows: ReadonlyArray<Row>
}

/**
 * The rules by which a store drops and joins the rows of a section.
 *
 * **Details**
 *
 * An index is a time in units of `unitMillis`. A row ahead of the store's clock is moved back to the store's time. A
 * row is dropped if it is before the floor or `span` units old, or if it is older than `freshMillis` and the newer rows
 * have `enough` calls. Neighbouring rows are then joined, at the index of the newer one, as long as a joined row has at
 * most one in `parts` of all calls; with infinity, none are joined.
 *
 * @since 0.1.0
 * @category models
 */
export interface Layout {
  readonly unitMillis: number
  readonly span: number
  readonly enough: number
  readonly freshMillis: number
  readonly parts: number
}

/** @internal */
export const empty: Section = { floor: 0, rows: [] }

/**
 * Whether a difference is empty: it has no row and no floor, which is `-Infinity` before the difference is shifted.
 *
 * @internal
 */
export const areEmpty = (sections: ReadonlyArray<Section>): boolean =>
  sections.every(({ floor, rows }) => floor === -Infinity && rows.length === 0)

/**
 * Adds the section of a report to a stored one, at the store's time `now`. Rows of equal indices are added up, and the
 * later floor counts. A floor ahead of the clock is moved to its time, like a row. A report may take back counts of an
 * earlier one, which are then negative. No sum is ever negative, and a row without calls is dropped.
 *
 * @internal
 */
export const add = (section: Section, report: Section, layout: Layout, now: number): Section => {
  const latest = Math.floor(now / layout.unitMillis)
  const floor = Math.max(section.floor, Math.min(report.floor, latest))
  const first = Math.max(floor, latest - layout.span + 1)
  const rows = from(sum(section.rows, report.rows, latest), first)
  return { floor, rows: joined(withoutSurplus(rows, layout, now), layout.parts) }
}

/** The rows from an index on. */
const from = (rows: ReadonlyArray<Row>, first: number): ReadonlyArray<Row> =>
  rows.length === 0 || rows[0]![0] >= first ? rows : rows.filter(([index]) => index >= first)

/** Adds up the rows of both by index, in the order of the indices. */
const sum = (rows: ReadonlyArray<Row>, reported: ReadonlyArray<Row>, latest: number): ReadonlyArray<Row> => {
  if (reported.length === 0) return rows
  const byIndex = new Map(rows.map((row) => [row[0], row]))
  for (const row of reported) {
    const index = Math.min(Math.floor(row[0]), latest)
    byIndex.set(index, together(byIndex.get(index) ?? [index, 0, 0, 0], row, index))
  }
  return [...byIndex.values()].filter(([, calls]) => calls > 0).toSorted(([a], [b]) => a - b)
}

const together = (a: Row, b: Row, index: number): Row => [
  index,
  Math.max(0, a[1] + b[1]),
  Math.max(0, a[2] + b[2]),
  Math.max(0, a[3] + b[3])
]

/** Drops the oldest rows if the newer ones hold enough calls. */
const withoutSurplus = (
  rows: ReadonlyArray<Row>,
  { enough, freshMillis, unitMillis }: Layout,
  now: number
): ReadonlyArray<Row> => {
  let calls = 0
  let first = rows.length
  while (first > 0 && (calls < enough || (rows[first - 1]![0] + 1) * unitMillis > now - freshMillis)) {
    first--
    calls += rows[first]![1]
  }
  return first === 0 ? rows : rows.slice(first)
}

const joined = (rows: ReadonlyArray<Row>, parts: number): ReadonlyArray<Row> => {
  if (rows.length <= parts) return rows
  const most = rows.reduce((calls, row) => calls + row[1], 0) / parts
  const result: Array<Row> = []
  for (const row of rows) {
    const last = result.at(-1)
    if (last === undefined || last[1] + row[1] > most) result.push(row)
    else result[result.length - 1] = together(last, row, row[0])
  }
  return result
}

/**
 * Converts a section to the time of another clock, which is `ahead` milliseconds ahead, with whole indices. A
 * difference of a few milliseconds is ignored. With a larger one, a unit of this clock overlaps two of the other, and
 * its counts go to the earlier one, so that they never count too long.
 *
 * @internal
 */
export const shift = ({ floor, rows }: Section, { unitMillis }: Layout, ahead: number): Section => {
  const units = (ahead + toleranceOf(unitMillis)) / unitMillis
  return {
    floor: Math.max(0, Math.floor(floor + units)),
    rows: rows.map(([index, ...counts]) => [Math.floor(index + units), ...counts] as const)
  }
}

/**
 * The difference of clocks that is ignored, in milliseconds. It is 0 if the unit is a millisecond, because an index is
 * then an exact time.
 */
const toleranceOf = (unitMillis: number): number => (unitMillis > 1 ? Math.min(20, unitMillis / 5) : 0)
