/** @internal */
export const failuresText = (failures: number): string =>
  `${failures} ${failures === 1 ? "failure" : "failures"}`

/**
 * A duration as text, in a unit that keeps the number short: 500 ms, 30 s, 15 min, 2 h.
 *
 * @internal
 */
export const spanText = (millis: number): string => {
  if (millis < 1_000) return `${rounded(millis)} ms`
  if (millis < 600_000) return `${rounded(millis / 1_000)} s`
  return millis < 7_200_000 ? `${rounded(millis / 60_000)} min` : `${rounded(millis / 3_600_000)} h`
}

const rounded = (value: number): number => Math.round(value * 100) / 100
