import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { compare } from "./comparison.ts"
import { compile } from "./compile.ts"
import { install } from "./install.ts"
import { measure } from "./measure.ts"
import { only } from "./plan.ts"
import { formatTable } from "./report.ts"
import type { Sample, Scale } from "./case.ts"
import type { Measurements, Row } from "./comparison.ts"

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", default: "" },
    smoke: { type: "boolean", default: false }
  }
})

const scale: Scale = options.smoke ? "smoke" : "full"
const machine = `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`
const at = new Date().toISOString()
const startedAt = performance.now()
const rows: Array<Row> = []
const samples: Record<string, Record<string, ReadonlyArray<Sample>>> = {}
const failures = new Set<string>()

const seconds = () => Math.round((performance.now() - startedAt) / 1000)

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const samplesOf = (measurements: Measurements) =>
  Object.fromEntries(
    [...measurements].flatMap(([name, found]) => (found instanceof Error ? [] : [[name, found] as const]))
  )

const writeJson = (file: string) => {
  const report = { at, machine, scale, seconds: seconds(), rows, failures: [...failures], samples }
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`)
}

install()
const entries = compile()
for (const group of only(options.only)) {
  process.stderr.write(`${seconds()} s: ${group.name}\n`)
  const measurements = await measure(group, entries, scale)
  samples[group.name] = samplesOf(measurements)
  for (const comparison of group.comparisons) {
    try {
      rows.push(compare(group.name, comparison, measurements))
    } catch (error) {
      failures.add(messageOf(error))
    }
  }
  if (options.json !== undefined) {
    writeJson(options.json)
  }
}

console.log(formatTable(rows, options.smoke))
console.log(
  `\n${machine}, ${seconds()} s. Every figure is a median of rounds, and every ratio one of the rounds' ratios.`
)
console.log("Nanoseconds are CPU time. 'over' is overhead: a call less the same bare effect.")
if (options.smoke) {
  console.log("A smoke run: it proves that everything runs, its figures mean nothing.")
}
for (const failure of failures) {
  console.error(`failed: ${failure}`)
}

// a target that is missed is a finding, a case that does not run is a fault
process.exitCode = failures.size > 0 ? 1 : 0
