/**
 * Takes each figure in short slices, one after the other and each first in turn, so that a machine that changes its pace
 * changes it for all of them.
 */
export const inTurn = async <Name extends string>(
  slices: number,
  figures: Readonly<Record<Name, () => Promise<number>>>
): Promise<Readonly<Record<Name, ReadonlyArray<number>>>> => {
  const names = Object.keys(figures) as Array<Name>
  const taken = Object.fromEntries(names.map((name) => [name, [] as Array<number>])) as Record<
    Name,
    Array<number>
  >
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(slice + i) % names.length]!
      taken[name].push(await figures[name]())
    }
  }
  return taken
}
