import { bundleComparisons } from "./comparisons/bundle.ts"
import { allocationComparisons, callComparisons } from "./comparisons/calls.ts"
import { fleetComparisons } from "./comparisons/fleet.ts"
import { httpComparisons } from "./comparisons/http.ts"
import { idleComparisons } from "./comparisons/idle.ts"
import { keyComparisons } from "./comparisons/keys.ts"
import type { Comparison } from "./comparison.ts"

/**
 * Cases that are measured in turn, round by round. In each session their processes are started anew, since one process
 * may be optimised differently from the next. `concurrent` ones may run beside each other: what they tell does not
 * depend on it.
 */
export interface Group {
  readonly name: string
  readonly sessions: number
  readonly rounds: number
  readonly concurrent: boolean
  readonly nodeOptions: ReadonlyArray<string>
  readonly comparisons: ReadonlyArray<Comparison>
}

// so that the collector's work counts in the time of those who make it work, once
const oneThread = ["--single-threaded-gc"]
// so that nothing is collected between two readings of the heap
const roomy = ["--min-semi-space-size=256", "--max-semi-space-size=256"]

export const plan: ReadonlyArray<Group> = [
  {
    name: "calls",
    sessions: 2,
    rounds: 5,
    concurrent: false,
    nodeOptions: oneThread,
    comparisons: callComparisons
  },
  {
    name: "bytes a call",
    sessions: 1,
    rounds: 5,
    concurrent: true,
    nodeOptions: roomy,
    comparisons: allocationComparisons
  },
  {
    name: "time by keys",
    sessions: 1,
    rounds: 9,
    concurrent: false,
    nodeOptions: oneThread,
    comparisons: keyComparisons.time
  },
  {
    name: "bytes by keys",
    sessions: 1,
    rounds: 5,
    concurrent: true,
    nodeOptions: [],
    comparisons: keyComparisons.bytes
  },
  {
    name: "worst call",
    sessions: 1,
    // it is five passes, and their median, by itself
    rounds: 1,
    concurrent: true,
    nodeOptions: [],
    comparisons: keyComparisons.worstCall
  },
  {
    name: "idle breakers",
    sessions: 1,
    rounds: 5,
    concurrent: true,
    nodeOptions: [],
    comparisons: idleComparisons
  },
  {
    name: "bundle",
    sessions: 1,
    rounds: 5,
    concurrent: true,
    nodeOptions: [],
    comparisons: bundleComparisons
  },
  {
    name: "http",
    sessions: 1,
    rounds: 7,
    concurrent: false,
    nodeOptions: oneThread,
    comparisons: httpComparisons
  },
  {
    name: "fleet",
    sessions: 1,
    rounds: 5,
    concurrent: false,
    nodeOptions: [],
    comparisons: fleetComparisons
  }
]

export const casesOf = (comparisons: ReadonlyArray<Comparison>): ReadonlyArray<string> => [
  ...new Set(
    comparisons.flatMap(({ measured, reference }) =>
      reference === undefined ? [measured.case] : [measured.case, reference.case]
    )
  )
]

/** The part of the plan whose rows have this text in their label. */
export const only = (text: string): ReadonlyArray<Group> =>
  plan
    .map((group) => ({
      ...group,
      comparisons: group.comparisons.filter(({ label }) => `${group.name}: ${label}`.includes(text))
    }))
    .filter((group) => group.comparisons.length > 0)
