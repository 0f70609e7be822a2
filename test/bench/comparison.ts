import { median, spread } from "./statistics.ts"
import type { Sample } from "./case.ts"

/** A figure of a case: one field of its samples. */
export interface Figure {
  readonly case: string
  readonly field: string
}

/** One row of the table: a figure, perhaps beside that of another case, and what is to be reached. */
export interface Comparison {
  readonly label: string
  readonly unit: "ns" | "ms" | "bytes" | "count"
  readonly measured: Figure
  readonly reference?: Figure & { readonly label: string }
  /** To be reached at most: a ratio to the reference, or a value. */
  readonly target?: { readonly ratio: number } | { readonly value: number }
}

/** Each case's samples, round by round. Where a case failed in place of them: why. */
export type Measurements = ReadonlyMap<string, ReadonlyArray<Sample> | Error>

export interface Row {
  readonly group: string
  readonly label: string
  readonly unit: Comparison["unit"]
  readonly rounds: number
  /** The median of the rounds, as are all that follow. */
  readonly measured: number
  readonly perCall?: number
  readonly reference?: { readonly label: string; readonly measured: number }
  /** The median of the ratios of each round, not the ratio of the medians. */
  readonly ratio?: number
  /** How far the rounds differ in what is compared: half the distance between quartiles, as a share. */
  readonly spread: number
  readonly target?: Comparison["target"]
  readonly met?: boolean
}

const values = (measurements: Measurements, { case: name, field }: Figure): ReadonlyArray<number> => {
  const samples = measurements.get(name)
  if (samples === undefined) {
    throw new Error(`${name} was not measured`)
  }
  if (samples instanceof Error) {
    throw samples
  }
  return samples.map((sample) => {
    const value = sample[field]
    if (value === undefined) {
      throw new Error(`${name} has no ${field}`)
    }
    return value
  })
}

const isMet = (target: NonNullable<Comparison["target"]>, measured: number, ratio: number | undefined) =>
  "value" in target ? measured <= target.value : ratio !== undefined && ratio <= target.ratio

/** Compares round by round. Throws the error of a case that failed. */
export const compare = (group: string, comparison: Comparison, measurements: Measurements): Row => {
  const { label, reference, target, unit } = comparison
  const figures = values(measurements, comparison.measured)
  const measured = median(figures)
  const row = { group, label, unit, rounds: figures.length, measured }
  const referenced = reference === undefined ? undefined : values(measurements, reference)
  const ratios = referenced?.map((value, round) => (figures[round] ?? Number.NaN) / value)
  const ratio = ratios === undefined ? undefined : median(ratios)
  return {
    ...row,
    ...(comparison.measured.field === "overhead" && {
      perCall: median(values(measurements, { ...comparison.measured, field: "perCall" }))
    }),
    ...(reference !== undefined &&
      referenced !== undefined && { reference: { label: reference.label, measured: median(referenced) } }),
    ...(ratio !== undefined && { ratio }),
    spread: spread(ratios ?? figures),
    ...(target !== undefined && { target, met: isMet(target, measured, ratio) })
  }
}
