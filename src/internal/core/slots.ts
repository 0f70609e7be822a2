/**
 * A slot of a half-open circuit, which a probe has taken. Ids grow by one with each slot.
 *
 * @internal
 */
export interface Slot {
  readonly id: number
  readonly takenAt: number
}

/**
 * The slots that are taken, in the order of taking. They are divided into rows, so that taking a slot or giving it back
 * copies one row and the list of rows instead of all slots.
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
 * The slots without the one with this id; the same object if it is not taken.
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
 * The slots that were taken after `moment`; the same object if all of them were. Because of the order, the oldest slot
 * shows whether all of them were, and only one row can have both older and newer slots.
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

/** The index of the row that has a slot if it is taken: the last row whose first id is not above that of the slot. */
const rowOf = ({ rows }: Slots, id: number): number => rows.findLastIndex((row) => row[0]!.id <= id)
