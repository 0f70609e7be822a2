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

const afterAllOthers = (which: "reused" | "anew", label: string): ReadonlyArray<Comparison> => {
  const figure = (of: string) => ({ case: "after-all-others/calls", field: `${of}/${which}` })
  const row = { label, unit: "ns" as const, measured: figure("closed") }
  return [
    { ...row, reference: { label: "Effect 4.1", ...figure("effect4") }, target: { ratio: 1 / 12 } },
    { ...row, reference: { label: "floor", ...figure("floor") } }
  ]
}

// a rejected call has no bare effect in it to take off: the whole time is compared
const rejected = (
  which: "reused" | "anew",
  label: string,
  name: string,
  field: "bare" | "perCall",
  ratio: number
): Comparison => ({
  label: which === "reused" ? "rejection, reused" : "rejection, built anew",
  unit: "ns",
  measured: { case: `rejection/${which}`, field: "perCall" },
  reference: { label, case: name, field },
  target: { ratio }
})

const reused = "closed, consecutive, reused"
const anew = "closed, consecutive, built anew"
const overCalls = "closed, failureRate over 10,000 calls"

export const callComparisons: ReadonlyArray<Comparison> = [
  { ...overhead(reused, "closed/reused"), ...against("Effect 4.1", "effect4/reused", 1 / 18) },
  { ...overhead(reused, "closed/reused"), ...against("floor", "floor/reused", 0.7) },
  { ...overhead(anew, "closed/anew"), ...against("Effect 4.1", "effect4/anew", 1 / 18) },
  { ...overhead(anew, "closed/anew"), ...against("floor", "floor/anew", 0.7) },
  ...afterAllOthers("reused", `${reused}, overhead after all other cases`),
  ...afterAllOthers("anew", `${anew}, overhead after all other cases`),
  {
    ...overhead("closed, through the tag, reused", "closed/tag-reused"),
    ...against("Effect 4.1", "effect4/reused", 1 / 10)
  },
  {
    ...overhead("closed, through the tag, built anew", "closed/tag-anew"),
    ...against("Effect 4.1", "effect4/anew", 1 / 10)
  },
  {
    ...overhead("closed, failureRate over 10 buckets", "closed/10-buckets"),
    ...against("consecutive", "closed/reused", 1.6)
  },
  { ...overhead(overCalls, "closed/10000-calls"), ...against("consecutive", "closed/reused", 1.1) },
  { ...overhead(overCalls, "closed/10000-calls"), ...against("Effect 4.1", "effect4/10000-calls") },
  {
    ...overhead("closed, failureRate over 100,000 calls", "closed/100000-calls"),
    ...against("consecutive", "closed/reused", 1.1)
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
  overhead("closed, cockatiel", "cockatiel/closed"),
  overhead("closed, opossum", "opossum/closed"),
  rejected("reused", "Effect.ignore of a failure", "rejection/reused", "bare", 2),
  rejected("anew", "Effect.ignore of a failure", "rejection/anew", "bare", 2),
  rejected("reused", "Effect 4.1", "effect4/rejection", "perCall", 1 / 20),
  rejected("anew", "Effect 4.1", "effect4/rejection", "perCall", 1 / 20),
  rejected("reused", "cockatiel", "cockatiel/rejection", "perCall", 1 / 4),
  rejected("reused", "opossum", "opossum/rejection", "perCall", 1 / 4),
  {
    label: "a change of state whose log line nobody shows",
    unit: "ns",
    measured: { case: "transitions/by-hand", field: "perCall" },
    target: { value: 15_000 }
  },
  // the same, as near as this machine can tell
  {
    label: "an opening under a Schedule, the 10,000th in a row",
    unit: "ns",
    measured: { case: "transitions/openings", field: "last" },
    reference: { label: "the first", case: "transitions/openings", field: "first" },
    target: { ratio: 1.2 }
  }
]

const bytesACall = { label: "closed, bytes a call", unit: "bytes" } as const

export const allocationComparisons: ReadonlyArray<Comparison> = [
  {
    ...bytesACall,
    measured: { case: "closed/bytes", field: "perCall" },
    reference: { label: "bare", case: "closed/bytes", field: "bare" },
    target: { value: 1_000 }
  },
  {
    ...bytesACall,
    measured: { case: "closed/bytes", field: "overhead" },
    reference: { label: "Effect 4.1", case: "effect4/bytes", field: "overhead" }
  }
]
