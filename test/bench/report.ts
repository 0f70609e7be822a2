import type { Row } from "./comparison.ts"

const formatValue = (value: number, unit: Row["unit"]): string => {
  if (unit === "ns" && Math.abs(value) >= 10_000) return `${formatNumber(value / 1_000)} µs`
  if (unit === "count") return formatNumber(value, 0)
  return `${formatNumber(value)} ${unit === "bytes" ? "B" : unit}`
}

const formatNumber = (value: number, digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const formatRatio = (ratio: number): string =>
  ratio > 0 && ratio < 0.5 ? `1/${(1 / ratio).toFixed(1)}` : `${ratio.toFixed(2)} x`

const formatTarget = (row: Row): string => {
  if (row.target === undefined) {
    return ""
  }
  if ("value" in row.target) {
    return `<= ${formatValue(row.target.value, row.unit)}`
  }
  const { ratio } = row.target
  return `<= ${ratio < 0.5 ? `1/${Math.round(1 / ratio)}` : `${Number(ratio.toFixed(3))} x`}`
}

const formatMet = (row: Row, isSmoke: boolean): string =>
  row.met === undefined ? "" : isSmoke ? "-" : row.met ? "yes" : "NO"

const headings = [
  "case",
  "per call",
  "measured",
  "compared with",
  "ratio",
  "target",
  "met",
  "rounds differ by"
]

const cells = (row: Row, isSmoke: boolean): ReadonlyArray<string> => [
  row.label,
  row.perCall === undefined ? "" : formatValue(row.perCall, row.unit),
  `${formatValue(row.measured, row.unit)}${row.perCall === undefined ? "" : " over"}`,
  row.reference === undefined
    ? ""
    : `${row.reference.label}: ${formatValue(row.reference.measured, row.unit)}`,
  row.ratio === undefined || !Number.isFinite(row.ratio) ? "" : formatRatio(row.ratio),
  formatTarget(row),
  formatMet(row, isSmoke),
  row.rounds < 2 || !Number.isFinite(row.spread) ? "" : `${(row.spread * 100).toFixed(0)} %`
]

/** The rows as one table of plain text. */
export const formatTable = (rows: ReadonlyArray<Row>, isSmoke: boolean): string => {
  const lines = [headings, ...rows.map((row) => cells(row, isSmoke))]
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const format = (line: ReadonlyArray<string>) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  const rule = widths.map((width) => "-".repeat(width))
  return [headings, rule, ...lines.slice(1)].map(format).join("\n")
}
