/** Several processes that report to one merged window, over a network that loses requests and answers. */
import { assert } from "@effect/vitest"
import type { Call, Policy, SharedPolicy } from "../../../src/internal/core/policies/policy.ts"
import { share } from "../../../src/internal/core/policies/table.ts"
import type { Layout, Section } from "../../../src/internal/core/windows/section.ts"
import * as Sections from "../../../src/internal/core/windows/section.ts"
import { frozen } from "../circuits.ts"
import { record } from "./fixtures.ts"

export const shared = (policy: Policy<unknown>): SharedPolicy<unknown> => {
  const its = share(policy.data)
  if (its === undefined) throw new Error("not to be shared")
  return its
}

/** The fate of a report. */
export type Fate = "arrives" | "its request is lost" | "its answer is lost"

interface Report {
  readonly number: number
  readonly base: number
  readonly sections: ReadonlyArray<Section>
  readonly window: unknown
}

/** A process, and by how much the store's clock is ahead of its own, which times its calls. */
interface Process {
  readonly ahead: number
  window: unknown
  reported: unknown
  number: number
  /** A report of which the process does not know whether it has arrived. */
  inDoubt: Report | undefined
}

/** The time of the store at the beginning: of the size of an epoch's, and on a border of all slices of the tests. */
export const beginning = 1_680_000_000_000

export class Reporting {
  now = beginning
  sections: ReadonlyArray<Section>
  readonly policy: SharedPolicy<unknown>
  readonly layouts: ReadonlyArray<Layout>
  private readonly processes: ReadonlyArray<Process>
  private readonly told: Array<number>

  constructor(alone: Policy<unknown>, aheads: ReadonlyArray<number>, freshMillis = 0) {
    const policy = shared(alone)
    this.policy = policy
    this.layouts = policy.layouts(freshMillis)
    this.sections = this.layouts.map(() => Sections.empty)
    this.processes = aheads.map((ahead) => ({
      ahead,
      window: policy.initial,
      reported: policy.initial,
      number: 0,
      inDoubt: undefined
    }))
    this.told = aheads.map(() => 0)
  }

  /** Records a call that ends at this moment. */
  record(i: number, how: (at: number, elapsedMillis?: number) => Call, elapsedMillis = 0): void {
    const process = this.processes[i]!
    process.window = this.policy.record(frozen(process.window), how(this.now - process.ahead, elapsedMillis))
  }

  /** Sends the report that is not acknowledged yet, or else a new one. Returns its sections; `undefined` if there is none. */
  report(i: number, fate: Fate = "arrives"): ReadonlyArray<Section> | undefined {
    const process = this.processes[i]!
    process.inDoubt ??= this.next(process)
    const report = process.inDoubt
    if (report === undefined) return undefined
    if (fate !== "its request is lost") this.receive(i, report)
    if (fate === "arrives") {
      process.reported = report.window
      process.number = report.number
      process.inDoubt = undefined
    }
    return report.sections
  }

  /** The window of the store with all that is not in it yet, of every process. */
  whole(): unknown {
    const unreported = this.processes.flatMap((process, i) => {
      const { inDoubt, window } = process
      const late = inDoubt === undefined || this.told[i] === inDoubt.number ? [] : [inDoubt.sections]
      return [...late, this.difference(process, window, inDoubt?.window ?? process.reported)]
    })
    return this.policy.gather(frozen(unreported.reduce((all, more) => this.sum(all, more), this.sections)))
  }

  /** The window of the store as one process evaluates it, together with its own new calls. */
  seenBy(i: number): unknown {
    const process = this.processes[i]!
    const own = this.difference(process, process.window, process.reported)
    return this.policy.gather(this.sum(this.sections, own))
  }

  private next(process: Process): Report | undefined {
    const { number, reported, window } = process
    const own = this.policy.difference(frozen(window), frozen(reported), this.now - process.ahead)
    if (Sections.areEmpty(own)) return undefined
    const sections = this.difference(process, window, reported)
    return { number: number + 1, base: number, sections, window }
  }

  private difference({ ahead }: Process, window: unknown, reported: unknown): ReadonlyArray<Section> {
    return this.policy
      .difference(window, reported, this.now - ahead)
      .map((section, i) => Sections.shift(frozen(section), this.layouts[i]!, ahead))
  }

  private receive(i: number, report: Report): void {
    if (this.told[i] !== report.base) return
    this.told[i] = report.number
    // as text, like everything that is sent
    this.sections = JSON.parse(JSON.stringify(this.sum(this.sections, report.sections)))
  }

  private sum(all: ReadonlyArray<Section>, more: ReadonlyArray<Section>): ReadonlyArray<Section> {
    return all.map((section, i) =>
      Sections.add(frozen(section), frozen(more[i]!), this.layouts[i]!, this.now)
    )
  }
}

/** The report at `now` of a process that has recorded `calls`, and reported the first `reported` of them. */
export const difference = (alone: Policy<unknown>, calls: ReadonlyArray<Call>, reported = 0, now = 0) => {
  const policy = shared(alone)
  const earlier = record(policy, calls.slice(0, reported))
  const window = calls.slice(reported).reduce((window, call) => policy.record(frozen(window), call), earlier)
  return policy.difference(frozen(window), frozen(earlier), now)
}

/** The rows of a policy with one section and no new floor. */
export const rowsOf = (sections: ReadonlyArray<Section>) => {
  assert.strictEqual(sections.length, 1)
  assert.strictEqual(sections[0]!.floor, -Infinity)
  return sections[0]!.rows
}

export const countsOf = (alone: Policy<unknown>, sections: ReadonlyArray<Section>, now: number) => {
  const policy = shared(alone)
  return policy.counts(policy.gather(frozen(sections)), now)
}

/** A merged window to which several processes have reported, one after the other. */
export const reported = (alone: Policy<unknown>, processes: ReadonlyArray<ReadonlyArray<Call>>) => {
  const reporting = new Reporting(
    alone,
    processes.map(() => beginning)
  )
  processes.forEach((calls, i) => {
    for (const call of calls) {
      reporting.now = beginning + call.at
      reporting.record(i, (at) => ({ ...call, at }))
    }
  })
  reporting.now = beginning + Math.max(...processes.flat().map(({ at }) => at))
  processes.forEach((_, i) => reporting.report(i))
  return {
    counts: (now: number) =>
      reporting.policy.counts(reporting.policy.gather(reporting.sections), beginning + now),
    trips: (now: number) =>
      reporting.policy.trips(reporting.policy.gather(reporting.sections), beginning + now),
    describe: (now: number) =>
      reporting.policy.describe(reporting.policy.gather(reporting.sections), beginning + now)
  }
}
