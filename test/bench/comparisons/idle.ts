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
  // an idle process takes some CPU without any: a quarter more than that is noise
  {
    ...of10000("CPU in a second", "ms", "cpuMillis"),
    reference: { label: "none made", case: "idle/breakers", field: "cpuBefore" },
    target: { ratio: 1.25 }
  },
  { ...of10000("CPU in a second", "ms", "cpuMillis"), ...opossum("cpuMillis") },
  { ...of10000("bytes each", "bytes", "bytes"), ...opossum("bytes") }
]
