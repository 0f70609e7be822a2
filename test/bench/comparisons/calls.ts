import { unmetered } from "../process.ts"
import type { Comparison } from "../comparison.ts"

const overhead = (label: string, name: string) => ({
  label,
  unit: "ns" as const,
  measured: { case: name, field: "overhead" }
})

const against = (label: string, name: string, ratio?: number): Pick<Comparison, "reference" | "target"> => ({
  reference: { label, case: name, field: "overhead" },
  ...(ratio !== undefined && { target: { ratio } })
})

// a rejected call has no bare effect in it to take off: the whole time is compared
const rejected = (label: string, name: string) => ({
  label,
  unit: "ns" as const,
  measured: { case: name, field: "perCall" }
})

const againstRejected = (label: string, name: string, ratio: number) => ({
  reference: { label, case: name, field: "perCall" },
  target: { ratio }
})

const reused = "closed, consecutive, reused"
const anew = "closed, consecutive, built anew"
const tagReused = "closed, through the tag, reused"
const tagAnew = "closed, through the tag, built anew"
const rejection = "rejection, reused"
const rejectionAnew = "rejection, built anew"

export const callComparisons: ReadonlyArray<Comparison> = [
  { ...overhead(reused, "closed/reused"), ...against("Effect 4.1", "effect4/reused", 1 / 8) },
  { ...overhead(reused, "closed/reused"), ...against("floor", "floor/reused", 1.3) },
  { ...overhead(reused, "closed/reused"), ...against("floor, exit after it", "floor/then-exit-reused") },
  { ...overhead(anew, "closed/anew"), ...against("Effect 4.1", "effect4/anew", 1 / 8) },
  { ...overhead(anew, "closed/anew"), ...against("floor", "floor/anew", 1.3) },
  { ...overhead(anew, "closed/anew"), ...against("floor, exit after it", "floor/then-exit-anew") },
  { ...overhead(tagReused, "closed/tag-reused"), ...against("Effect 4.1", "effect4/reused", 1 / 5) },
  { ...overhead(tagAnew, "closed/tag-anew"), ...against("Effect 4.1", "effect4/anew", 1 / 5) },
  {
    ...overhead("closed, failureRate over 10 buckets", "closed/10-buckets"),
    ...against("consecutive", "closed/reused", 1.6)
  },
  {
    ...overhead("closed, failureRate over 10,000 calls", "closed/10000-calls"),
    ...against("consecutive", "closed/reused", 1.6)
  },
  {
    ...overhead("closed, failureRate over 10,000 calls", "closed/10000-calls"),
    ...against("Effect 4.1", "effect4/10000-calls")
  },
  {
    ...overhead("closed, failureRate over 100,000 calls", "closed/100000-calls"),
    ...against("consecutive", "closed/reused", 1.6)
  },
  {
    ...overhead("the same over 10,000 calls, one in 100 fails", "closed/10000-calls-mixed"),
    ...against("consecutive", "closed/mixed")
  },
  // nothing more, as near as this machine can tell
  {
    ...overhead("closed, openDuration as a Schedule", "closed/schedule"),
    ...against("consecutive", "closed/reused", 1.1)
  },
  {
    ...overhead("closed, with its metrics", "closed/reused"),
    ...against("without", `closed/reused${unmetered}`, 1.1)
  },
  { ...overhead("closed, cockatiel", "cockatiel/closed") },
  { ...overhead("closed, opossum", "opossum/closed") },
  {
    ...rejected(rejection, "rejection/reused"),
    ...againstRejected("Effect 4.1", "effect4/rejection", 1 / 15)
  },
  { ...rejected(rejection, "rejection/reused"), ...againstRejected("cockatiel", "cockatiel/rejection", 1) },
  { ...rejected(rejection, "rejection/reused"), ...againstRejected("opossum", "opossum/rejection", 1) },
  {
    ...rejected(rejectionAnew, "rejection/anew"),
    ...againstRejected("Effect 4.1", "effect4/rejection", 1 / 15)
  }
]
