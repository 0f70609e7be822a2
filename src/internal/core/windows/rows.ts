/**
 * An immutable array of numbers in rows of 64. Writing copies one row and the list of rows, never the whole array.
 * Entries that were never written read as 0.
 *
 * @internal
 */
export type Rows = ReadonlyArray<ReadonlyArray<number>>

const rowLength = 64

/** @internal */
export const empty: Rows = []

/** @internal */
export const get = (rows: Rows, index: number): number =>
  rows[Math.floor(index / rowLength)]?.[index % rowLength] ?? 0

/** @internal */
export const set = (rows: Rows, index: number, value: number): Rows => {
  const at = Math.floor(index / rowLength)
  const copy = rows.slice()
  while (copy.length <= at) copy.push([])
  const row = copy[at]!.slice()
  while (row.length < index % rowLength) row.push(0)
  row[index % rowLength] = value
  copy[at] = row
  return copy
}

/**
 * Makes an array of the numbers.
 *
 * @internal
 */
export const from = (values: ReadonlyArray<number>): Rows => {
  if (values.length <= rowLength) return values.length === 0 ? empty : [values]
  return Array.from({ length: Math.ceil(values.length / rowLength) }, (_, i) =>
    values.slice(i * rowLength, (i + 1) * rowLength)
  )
}
