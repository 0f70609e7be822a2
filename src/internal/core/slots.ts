/**
 * A probe's place in a half-open circuit: `id` is one more for each slot taken.
 *
 * @internal
 */
export interface Slot {
  readonly id: number
  readonly takenAt: number
}

/**
 * The slots that are taken, in the order in which they were taken, in rows: taking one or giving one back copies a row
 * and the list of rows, never the whole.
 *
 * @internal
 */
export interface Slots {
  readonly count: number
  readonly rows: ReadonlyArray<ReadonlyArray<Slot>>
}

const rowLength = 64

/** @internal */
export const none: Slots = { count: 0, rows: [] }

/** @internal */
export const take = ({ count, rows }: Slots, slot: Slot): Slots => {
  const last = rows.at(-1)
  return {
    count: count + 1,
    rows:
      last === undefined || last.length === rowLength
        ? [...rows, [slot]]
        : rows.with(rows.length - 1, [...last, slot])
  }
}

/** @internal */
export const holds = (slots: Slots, id: number): boolean =>
  slots.rows[rowOf(slots, id)]?.some((slot) => slot.id === id) ?? false

/**
 * The slots without that of `id`: the same where it is not held.
 *
 * @internal
 */
export const giveBack = (slots: Slots, id: number): Slots => {
  if (!holds(slots, id)) return slots
  const index = rowOf(slots, id)
  const row = slots.rows[index]!.filter((slot) => slot.id !== id)
  return {
    count: slots.count - 1,
    rows: row.length === 0 ? slots.rows.toSpliced(index, 1) : slots.rows.with(index, row)
  }
}

/**
 * The slots that were taken after `moment`: the same where all of them were. They lie in order, so it is enough to look
 * at the oldest, and only one row holds both younger and older ones.
 *
 * @internal
 */
export const takenAfter = (slots: Slots, moment: number): Slots => {
  const first = oldest(slots)
  if (first === undefined || first.takenAt > moment) return slots
  const rows = slots.rows
    .filter((row) => row.at(-1)!.takenAt > moment)
    .map((row, i) => (i === 0 ? row.filter((slot) => slot.takenAt > moment) : row))
  return { count: rows.reduce((count, row) => count + row.length, 0), rows }
}

/** @internal */
export const oldest = (slots: Slots): Slot | undefined => slots.rows[0]?.[0]

/** @internal */
export const toArray = (slots: Slots): ReadonlyArray<Slot> => slots.rows.flat()

/** @internal */
export const from = (slots: ReadonlyArray<Slot>): Slots => slots.reduce(take, none)

/** The row in which a slot lies, if it is held: the last one that begins at or before it. */
const rowOf = ({ rows }: Slots, id: number): number => {
  let start = 0
  let end = rows.length
  while (end - start > 1) {
    const middle = (start + end) >> 1
    if (rows[middle]![0]!.id <= id) start = middle
    else end = middle
  }
  return start
}
