/** Windows through the policies that use them, and what a naive count of everything recorded says. */
import * as fc from "fast-check"
import type { Policy } from "../../../src/internal/core/policies/policy.ts"
import type { RateWindow } from "../../../src/internal/core/policies/rate.ts"
import type { Counts } from "../../../src/internal/core/windows/window.ts"
import { failure, frozen, success } from "../circuits.ts"
import { slowCallRate } from "../policies/fixtures.ts"

export interface Recorded {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

const slowerThanMillis = 10

/** A window with what has been recorded in it. Every version stays as it was. */
export class Recording {
  readonly window: unknown
  private readonly policy: Policy<unknown>

  constructor(policy: Policy<unknown>, window: unknown = policy.initial) {
    this.policy = policy
    this.window = frozen(window)
  }

  add({ at, failed, slow }: Recorded): Recording {
    const call = (failed ? failure : success)(at, slow ? slowerThanMillis : slowerThanMillis - 1)
    return new Recording(this.policy, this.policy.record(this.window, call))
  }

  counts(now: number): Counts {
    return this.policy.counts(this.window, now)
  }
}

export const ofSlowCalls = (window: RateWindow): Recording =>
  new Recording(slowCallRate({ slowerThanMillis, window }))

export const countsOf = (recorded: ReadonlyArray<Recorded>): Counts => ({
  calls: recorded.length,
  failures: recorded.filter((call) => call.failed).length,
  slow: recorded.filter((call) => call.slow).length
})

/** The sum of all gaps up to each. */
export const timesFrom = (gaps: ReadonlyArray<number>): ReadonlyArray<number> => {
  let now = 0
  return gaps.map((gap) => (now += gap))
}

/** Gaps between calls in a window of `within`: none, a millisecond, about a slice, about the whole, and idle ones. */
export const gapsFor = (within: number, buckets: number): fc.Arbitrary<number> => {
  const slice = Math.max(1, Math.floor(within / buckets))
  const near = [slice, within - slice, within, 2 * within, 1_000 * within, 3 * within - slice]
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 0, 1) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 * slice }) },
    { weight: 2, arbitrary: fc.constantFrom(...near.flatMap((gap) => [Math.max(0, gap - 1), gap, gap + 1])) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * within }) }
  )
}
