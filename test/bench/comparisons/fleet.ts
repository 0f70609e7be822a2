import type { Comparison } from "../comparison.ts"

/** Through a real Redis on loopback. */
export const fleetComparisons: ReadonlyArray<Comparison> = [
  {
    label: "shared, closed",
    unit: "ns",
    measured: { case: "fleet/closed", field: "overhead" },
    reference: { label: "not shared", case: "closed/reused", field: "overhead" },
    target: { ratio: 1.3 }
  },
  {
    label: "shared, closed",
    unit: "ns",
    measured: { case: "fleet/closed", field: "overhead" },
    reference: { label: "Effect 4.1 on Redis", case: "effect4-redis/closed", field: "overhead" }
  },
  { label: "first call of a key", unit: "ns", measured: { case: "fleet/first-call", field: "perCall" } },
  {
    label: "commands a second, 1,000 calls a second, none fails",
    unit: "count",
    measured: { case: "fleet/commands", field: "healthy" },
    target: { value: 1 }
  },
  {
    label: "commands a second, 100,000 calls a second, one in 100 fails",
    unit: "count",
    measured: { case: "fleet/commands", field: "fast" },
    reference: { label: "1,000 calls a second", case: "fleet/commands", field: "slow" },
    target: { ratio: 1.5 }
  },
  {
    label: "from a failure that opens to a rejection in another process, median",
    unit: "ms",
    measured: { case: "fleet/spread", field: "median" }
  },
  {
    label: "from a failure that opens to a rejection in another process, p99",
    unit: "ms",
    measured: { case: "fleet/spread", field: "p99" },
    target: { value: 25 }
  }
]
