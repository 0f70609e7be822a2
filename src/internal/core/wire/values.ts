// Checks of single values in texts and answers from outside this process.

/**
 * The properties of an object, whose values may be anything.
 *
 * @internal
 */
export type Fields = Readonly<Record<string, unknown>>

/** @internal */
export const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** @internal */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** @internal */
export const isPositive = (value: unknown): value is number => isCount(value) && value > 0

/**
 * The largest generation that can be right at a time. The first generation is a time in milliseconds, and each change
 * of state adds one, so this is far above any. It grows with the time, so that the generation after one that is
 * accepted is soon accepted as well.
 *
 * @internal
 */
export const latestGeneration = (now: number): number => Math.max(0, now) + 2 ** 48

/** @internal */
export const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value)

/**
 * Whether a value can be a reading of a clock, in milliseconds. It is negative if clocks differ near 1970, and no
 * further from 1970 than a date can be.
 *
 * @internal
 */
export const isTime = (value: unknown): value is number =>
  typeof value === "number" && Math.abs(value) <= latestDate

const latestDate = 8.64e15

/**
 * A value as a text for the log, shortened. Its content never matters: a value that JSON cannot show, such as one that
 * is nested too deeply, is named by its type.
 *
 * @internal
 */
export const shown = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, longestShown)
  } catch {
    return typeof value
  }
}

const longestShown = 200

/**
 * The message of a value that a store or the code that shares circuits has thrown, which need not be an error.
 *
 * @internal
 */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? String(thrown) : shown(thrown)
