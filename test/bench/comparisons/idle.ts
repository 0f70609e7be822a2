import type { Comparison } from "../comparison.ts"

const of10000 = (what: string, unit: Comparison["unit"], field: string): Comparison => ({
  label: `10,000 idle breakers, ${what}`,
  unit,
  measured: { case: "idle/breakers", field }
})

const opossum = (field: string) => ({ reference: { label: "opossum", case: "opossum/idle", field } })

export const idleComparisons: ReadonlyArray<Comparison> = [
  { ...of10000("timers", "count", "timers"), ...opossum("timers"), target: { value: 0 } },
  { ...of10000("other active resources", "count", "resources"), target: { value: 0 } },
  { ...of10000("fibers", "count", "fibers"), target: { value: 0 } },
  // as much as a process takes that has nothing to do: its noise is about a thousandth of a CPU
  {
    ...of10000("CPU in a second, beyond none made", "ms", "cpuMore"),
    target: { value: 1 }
  },
  { ...of10000("CPU in a second", "ms", "cpuMillis"), ...opossum("cpuMillis") },
  { ...of10000("bytes each", "bytes", "bytes"), ...opossum("bytes") }
]
