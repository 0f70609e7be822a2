import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { build, install } from "./build.ts"
import { measure } from "./measure.ts"
import { messageOf } from "./process.ts"
import { compare, formatTable } from "./report.ts"
import { only } from "./rows.ts"
import type { Result } from "./report.ts"

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", default: "" },
    smoke: { type: "boolean", default: false }
  }
})

const run = options.smoke ? "smoke" : "full"
const machine = `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`
const at = new Date().toISOString()
const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)

const groups = only(options.only)
install()
const folder = build()
const rows: Array<Result> = []
const samples: Record<string, unknown> = {}
const failures = new Set<string>()
const leftOut: Array<string> = []
for (const group of groups) {
  const missing = group.needs()
  process.stderr.write(`${seconds()} s: ${group.name}\n`)
  if (missing !== undefined) {
    leftOut.push(`${group.name}, ${missing}`)
    continue
  }
  const measured = await measure(folder, group, run)
  samples[group.name] = Object.fromEntries(measured.samples)
  for (const row of group.rows) {
    try {
      rows.push(compare(group, row, measured))
    } catch (error) {
      failures.add(messageOf(error))
    }
  }
  if (options.json !== undefined) {
    const report = { at, machine, run, seconds: seconds(), rows, failures: [...failures], samples }
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
  }
}

console.log(formatTable(rows, options.smoke))
console.log(`\n${machine}, ${seconds()} s. 'over' is overhead: a call less the same bare effect.`)
console.log("Every figure is the median of its rounds, and every ratio that of the rounds' ratios.")
if (options.smoke) console.log("A smoke run shows that everything runs: its figures mean nothing.")
for (const reason of leftOut) console.log(`Left out: ${reason}`)
for (const failure of failures) console.error(`failed: ${failure}`)

// a target that is missed is a finding, a case that does not run is a fault
process.exitCode = failures.size > 0 ? 1 : 0
