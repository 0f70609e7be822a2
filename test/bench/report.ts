import { median, spread } from "./case.ts"
import type { Measured } from "./measure.ts"
import type { Figure, Group, Row } from "./rows.ts"

/** A row with its figures: medians of the rounds. */
export interface Result extends Pick<Row, "label" | "unit" | "target"> {
  readonly group: string
  readonly rounds: number
  readonly measured: number
  /** The whole guarded call, where `measured` is its overhead. */
  readonly perCall?: number
  readonly reference?: { readonly label: string; readonly measured: number }
  /** The median of the ratios of each round, not the ratio of the medians. */
  readonly ratio?: number
  /** The difference between the rounds in the compared figures. */
  readonly spread: number
  readonly met?: boolean
}

/** Compares round by round. Throws where a case has failed. */
export const compare = (group: Group, row: Row, { failures, samples }: Measured): Result => {
  const read = ({ case: id, field }: Figure): ReadonlyArray<number> => {
    const found = samples.get(id)
    if (found === undefined) throw new Error(`${id}: ${failures.get(id)}`)
    return found.map((sample) => {
      const value = sample[field]
      if (value === undefined) throw new Error(`${id} has no ${field}`)
      return value
    })
  }
  const { beside, label, of, target, unit } = row
  const values = read(of)
  const others = beside && read(beside.of)
  const ratios = others?.map((other, round) => values[round]! / other)
  const [measured, ratio] = [median(values), ratios && median(ratios)]
  return {
    group: group.name,
    label,
    unit,
    rounds: values.length,
    measured,
    ...(of.field === "overhead" && { perCall: median(read({ ...of, field: "guarded" })) }),
    ...(beside && others && { reference: { label: beside.label, measured: median(others) } }),
    ...(ratio !== undefined && { ratio }),
    spread: spread(ratios ?? values),
    ...(target && { target, met: "value" in target ? measured <= target.value : ratio! <= target.ratio })
  }
}

const formatNumber = (value: number, digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const formatValue = (value: number, unit: string): string => {
  if (unit === "ns" && Math.abs(value) >= 10_000) return `${formatNumber(value / 1_000)} µs`
  if (unit === "count") return formatNumber(value, 0)
  return `${formatNumber(value)} ${unit === "bytes" ? "B" : unit}`
}

const formatTarget = ({ target, unit }: Result): string => {
  if (target === undefined) return ""
  if ("value" in target) return `<= ${formatValue(target.value, unit)}`
  return `<= ${target.ratio < 0.5 ? `1/${Math.round(1 / target.ratio)}` : `${Number(target.ratio.toFixed(3))} x`}`
}

const formatRatio = (ratio: number | undefined): string => {
  if (ratio === undefined || !Number.isFinite(ratio)) return ""
  return ratio > 0 && ratio < 0.5 ? `1/${(1 / ratio).toFixed(1)}` : `${ratio.toFixed(2)} x`
}

const columns: Readonly<Record<string, (result: Result) => string>> = {
  case: ({ label }) => label,
  "per call": ({ perCall, unit }) => (perCall === undefined ? "" : formatValue(perCall, unit)),
  measured: ({ measured, perCall, unit }) =>
    `${formatValue(measured, unit)}${perCall === undefined ? "" : " over"}`,
  "compared with": ({ reference, unit }) =>
    reference === undefined ? "" : `${reference.label}: ${formatValue(reference.measured, unit)}`,
  ratio: ({ ratio }) => formatRatio(ratio),
  target: formatTarget,
  met: ({ met }) => (met === undefined ? "" : met ? "yes" : "NO"),
  "rounds differ by": ({ rounds, spread }) =>
    rounds < 2 || !Number.isFinite(spread) ? "" : `${(spread * 100).toFixed(0)} %`
}

/** The results as one table of plain text. In a smoke run no target counts as met or missed. */
export const formatTable = (results: ReadonlyArray<Result>, isSmoke: boolean): string => {
  const headings = Object.keys(columns).filter((heading) => heading !== "met" || !isSmoke)
  const cells = results.map((result) => headings.map((heading) => columns[heading]!(result)))
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...cells.map((line) => line[i]!.length))
  )
  return [headings, widths.map((width) => "-".repeat(width)), ...cells]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
