import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { compare } from "./comparison.ts"
import { compile } from "./compile.ts"
import { measure } from "./measure.ts"
import { only } from "./plan.ts"
import { formatTable } from "./report.ts"
import type { Scale } from "./case.ts"
import type { Measurements, Row } from "./comparison.ts"

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", default: "" },
    smoke: { type: "boolean", default: false }
  }
})

const scale: Scale = options.smoke ? "smoke" : "full"
const plan = only(options.only)
const entry = compile()
const startedAt = performance.now()
const rows: Array<Row> = []
const measured = new Map<string, Measurements>()
const failures = new Set<string>()

for (const group of plan) {
  process.stderr.write(`measuring: ${group.name}\n`)
  const measurements = await measure(group, entry, scale)
  measured.set(group.name, measurements)
  for (const comparison of group.comparisons) {
    try {
      rows.push(compare(group.name, comparison, measurements))
    } catch (error) {
      failures.add(error instanceof Error ? error.message : String(error))
    }
  }
}

const seconds = Math.round((performance.now() - startedAt) / 1000)
const machine = `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`
console.log(formatTable(rows, options.smoke))
console.log(`\n${machine}, ${seconds} s. Medians of the rounds; ratios are taken in each round.`)
console.log("'over' is overhead: the time of a call less that of the same bare effect.")
if (options.smoke) {
  console.log("A smoke run: it proves that everything runs, its figures mean nothing.")
}
for (const failure of failures) {
  console.error(`failed: ${failure}`)
}

if (options.json !== undefined) {
  const samples = Object.fromEntries(
    [...measured].map(([group, byCase]) => [
      group,
      Object.fromEntries([...byCase].filter(([, found]) => !(found instanceof Error)))
    ])
  )
  const report = {
    at: new Date().toISOString(),
    machine,
    scale,
    seconds,
    rows,
    failures: [...failures],
    samples
  }
  writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
}

// a target that is missed is a finding, a case that does not run is a fault
process.exitCode = failures.size > 0 ? 1 : 0
