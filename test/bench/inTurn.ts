import { median } from "./statistics.ts"
import type { Round, Scale } from "./case.ts"

/**
 * Takes each figure in short slices, one after the other and each first in turn, so that a machine that changes its pace
 * changes it for all of them. A sample is the median of each. The first slices only warm up.
 */
export const inTurn = async (
  scale: Scale,
  figures: Readonly<Record<string, () => Promise<number>>>
): Promise<Round> => {
  const names = Object.keys(figures)
  const round =
    (slices: number): Round =>
    async () => {
      const found = new Map<string, Array<number>>(names.map((name) => [name, []]))
      for (let slice = 0; slice < slices; slice++) {
        for (let i = 0; i < names.length; i++) {
          const name = names[(slice + i) % names.length]!
          found.get(name)!.push(await figures[name]!())
        }
      }
      return Object.fromEntries([...found].map(([name, values]) => [name, median(values)]))
    }
  if (scale === "full") await round(5)()
  return round(scale === "full" ? 21 : 1)
}
