const quantile = (sorted: ReadonlyArray<number>, share: number): number => {
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

const sort = (values: Iterable<number>) => [...values].sort((a, b) => a - b)

export const median = (values: Iterable<number>): number => quantile(sort(values), 0.5)

/** Half of the distance between the quartiles, as a share of the median: how far rounds differ. */
export const spread = (values: Iterable<number>): number => {
  const sorted = sort(values)
  return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / Math.abs(quantile(sorted, 0.5))
}
