import type { Circuit, Closed, Recovering } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Layout, Section } from "../windows/section.ts"
import * as Sections from "../windows/section.ts"
import type { Report, WindowEntry } from "../windows/stored.ts"
import type { Settings, Situation } from "./situation.ts"

/**
 * What a node has reported of its window, and what all nodes have.
 *
 * Each report says what the window holds beyond the latest report that the store has acknowledged. A report without an
 * answer is sent again as it was, and what is recorded meanwhile waits for the next one. So each outcome is counted once,
 * whatever is lost on the way.
 *
 * @internal
 */
export interface Reporting {
  /** The generation of the shared circuit that the window belongs to. */
  readonly epoch: number
  /** By how much the store's clock is ahead for all reports to it: what is taken back has to be found where it was put. */
  readonly ahead: number
  /** The number of the latest report that the store has acknowledged, and the window as it was then. */
  readonly acknowledged: Snapshot
  /** The acknowledged ones before that: a store may lose what it has acknowledged. */
  readonly earlier: ReadonlyArray<Snapshot>
  /** Numbers up to this one have been used. */
  readonly lastNumber: number
  /** The report that the store has not acknowledged yet. */
  readonly inDoubt: InDoubt | undefined
  /** What the store answered last; none while it fails. */
  readonly answer: WindowEntry | undefined
}

interface Snapshot {
  readonly number: number
  readonly window: unknown
}

interface InDoubt extends Snapshot {
  readonly sections: ReadonlyArray<Section & Layout>
}

/** A circuit that counts calls. */
type Counting = Closed<unknown> | Recovering<unknown>

/** @internal */
export const isCounting = (circuit: Circuit<unknown>): circuit is Counting =>
  circuit._tag === "Closed" || circuit._tag === "Recovering"

/**
 * The reporting of a window of which nothing has been reported.
 *
 * @internal
 */
export const begun = (epoch: number, ahead: number, policy: Settings["policy"]): Reporting => ({
  epoch,
  ahead,
  acknowledged: { number: 0, window: policy.initial },
  earlier: [],
  lastNumber: 0,
  inDoubt: undefined,
  answer: undefined
})

/**
 * What has been reported stays so, and what is recorded from now on is new.
 *
 * @internal
 */
export const renewed = (reporting: Reporting, { initial }: Settings["policy"]): Reporting => {
  const { acknowledged, inDoubt } = reporting
  return {
    ...reporting,
    acknowledged: { ...acknowledged, window: initial },
    earlier: [],
    inDoubt: inDoubt && { ...inDoubt, window: initial }
  }
}

/** The reporting of a window: begun anew where the circuit has changed its state since. */
const reportingOf = (
  reporting: Reporting,
  epoch: number,
  { ahead, settings: { policy } }: Situation
): Reporting => {
  if (reporting.epoch !== epoch) return begun(epoch, ahead, policy)
  const isSteady = reporting.lastNumber > 0 && Math.abs(reporting.ahead - ahead) < mostDriftMillis
  return isSteady || reporting.ahead === ahead ? reporting : { ...reporting, ahead }
}

/** By more than this, a clock has been set. */
const mostDriftMillis = 1_000

/**
 * Reports a window that belongs to an epoch. `freshMillis` is for how long the store keeps what has just been reported.
 *
 * @internal
 */
export const report = (
  before: Reporting,
  {
    epoch,
    freshMillis,
    window
  }: { readonly epoch: number; readonly freshMillis: number; readonly window: unknown },
  situation: Situation
): readonly [reporting: Reporting, report: Report] => {
  const { settings } = situation
  const reporting = reportingOf(before, epoch, situation)
  const { acknowledged, lastNumber } = reporting
  const sections = reporting.inDoubt?.sections ?? newsOf(reporting, window, freshMillis, situation)
  const common = {
    base: acknowledged.number,
    sections,
    failing: seesFailures(window, situation.now, settings),
    listed: settings.quorum > 1 ? settings.quorum : 0
  }
  if (reporting.inDoubt !== undefined) {
    return [reporting, { ...common, number: reporting.inDoubt.number }]
  }
  // With the number of the report before it, it is one that has arrived: it keeps the window alive and is answered.
  if (sections.length === 0) return [reporting, { ...common, number: acknowledged.number }]
  const number = lastNumber + 1
  return [
    { ...reporting, lastNumber: number, inDoubt: { number, window, sections } },
    { ...common, number }
  ]
}

/** What the window holds beyond what has been reported: no section at all where there is nothing. */
const newsOf = (
  { acknowledged, ahead }: Reporting,
  window: unknown,
  freshMillis: number,
  { now, settings: { policy } }: Situation
): ReadonlyArray<Section & Layout> => {
  const difference = policy.difference(window, acknowledged.window, now)
  if (Sections.areEmpty(difference)) return []
  const layouts = policy.layouts(freshMillis)
  return difference.map((section, i) =>
    Object.assign(Sections.shift(section, layouts[i]!, ahead), layouts[i]!)
  )
}

/**
 * Whether all that a window holds has been reported.
 *
 * @internal
 */
export const hasReported = (
  { acknowledged }: Reporting,
  window: unknown,
  now: number,
  { policy }: Settings
): boolean => Sections.areEmpty(policy.difference(window, acknowledged.window, now))

const seesFailures = (window: unknown, now: number, { policy }: Settings): boolean => {
  const { failures, slow } = policy.counts(window, now)
  return failures + slow > 0
}

/**
 * Takes in what the store answers about the window of an epoch. `asked` is the reporting as it was when the store was
 * asked.
 *
 * @internal
 */
export const answered = (
  before: Reporting,
  answer: WindowEntry | undefined,
  { asked, epoch, window }: { readonly asked: Reporting; readonly epoch: number; readonly window: unknown },
  situation: Situation
): Reporting => {
  const reporting = reportingOf(before, epoch, situation)
  if (answer !== undefined && answer.epoch !== epoch) return { ...reporting, answer: undefined }
  const told = answer?.told ?? 0
  switch (meaningOf(told, reporting, asked)) {
    case "Known":
      return { ...reporting, answer }
    case "Acknowledged":
      return { ...acknowledging(reporting), answer }
    case "Overtaken":
      return reporting
    case "Lost":
      return { ...goingOnFrom(reporting, told, window, situation.settings), inDoubt: undefined, answer }
  }
}

/** What the number that a store answers says about a node's reports. */
const meaningOf = (
  told: number,
  { acknowledged, epoch, inDoubt, lastNumber }: Reporting,
  asked: Reporting
): "Known" | "Acknowledged" | "Overtaken" | "Lost" => {
  // An answer to a question about another window says nothing about reports to this one.
  if (asked.epoch !== epoch && lastNumber > 0) return "Overtaken"
  if (told === acknowledged.number) return "Known"
  if (told === inDoubt?.number) return "Acknowledged"
  return told === asked.acknowledged.number || told === asked.inDoubt?.number ? "Overtaken" : "Lost"
}

const acknowledging = (reporting: Reporting): Reporting => {
  const { acknowledged, earlier, inDoubt = acknowledged } = reporting
  return {
    ...reporting,
    acknowledged: { number: inDoubt.number, window: inDoubt.window },
    earlier: [...earlier.slice(1 - mostSnapshots), acknowledged],
    inDoubt: undefined
  }
}

/**
 * The store does not know this node's latest report: it has lost some of them, or all. The node goes on from the one that
 * the store knows. If the node has no window of that one, it counts as told what may have been told: a failure too few is
 * better than one that counts twice.
 */
const goingOnFrom = (
  reporting: Reporting,
  told: number,
  window: unknown,
  { policy }: Settings
): Reporting => {
  const { acknowledged, earlier, lastNumber } = reporting
  // A node that nothing was ever acknowledged to is another one than that which the store knows.
  const isNew = told === 0 || acknowledged.number === 0
  const kept = isNew ? policy.initial : (earlier.find(({ number }) => number === told)?.window ?? window)
  return {
    ...reporting,
    acknowledged: { number: told, window: kept },
    earlier: earlier.filter(({ number }) => number < told),
    lastNumber: Math.max(lastNumber, told)
  }
}

const mostSnapshots = 8

/**
 * Whether the store has lost reports of this node, by what it knew before an answer and after it.
 *
 * @internal
 */
export const hasLost = (before: Reporting, after: Reporting): boolean =>
  before.epoch === after.epoch && after.acknowledged.number < before.acknowledged.number

/**
 * How many exchanges all nodes have made between two answers; `undefined` where that is not known.
 *
 * @internal
 */
export const exchangesBetween = (before: Reporting, after: Reporting): number | undefined =>
  before.epoch === after.epoch && before.answer !== undefined && after.answer !== undefined
    ? Math.max(0, after.answer.exchanges - before.answer.exchanges)
    : undefined

/**
 * The circuit with the window of all nodes, and the time by which that window goes; its own where the others are not
 * known, or too few of them see failures.
 *
 * @internal
 */
export const merged = (
  reporting: Reporting,
  circuit: Circuit<unknown>,
  epoch: number,
  situation: Situation
): { readonly circuit: Circuit<unknown>; readonly at: number } => {
  const own = { circuit, at: situation.now }
  const { acknowledged, ahead, answer } = reporting
  if (answer === undefined || reporting.epoch !== epoch || !isCounting(circuit)) return own
  if (!concernsAll(reporting, circuit, situation)) return own
  const { policy } = situation.settings
  const at = situation.now + ahead
  const layouts = policy.layouts(Infinity)
  const difference = policy.difference(circuit.window, acknowledged.window, situation.now)
  const sections = difference.map((section, i) =>
    Sections.add(
      answer.sections[i] ?? Sections.empty,
      Sections.shift(section, layouts[i]!, ahead),
      layouts[i]!,
      at
    )
  )
  return { circuit: { ...circuit, window: policy.gather(sections) }, at }
}

/**
 * Whether enough nodes see failures for a circuit to open for all of them.
 *
 * @internal
 */
export const concernsAll = (
  { answer }: Reporting,
  circuit: Circuit<unknown>,
  { now, settings }: Situation
): boolean => {
  if (settings.quorum === 1) return true
  const others = (answer?.failing ?? []).filter((node) => node !== settings.node).length
  const own = isCounting(circuit) && seesFailures(circuit.window, now, settings) ? 1 : 0
  return others + own >= settings.quorum
}

/**
 * What the window of a circuit holds, together with those of the other nodes.
 *
 * @internal
 */
export const sees = (
  reporting: Reporting,
  circuit: Circuit<unknown>,
  epoch: number,
  situation: Situation
): boolean => {
  const { at, circuit: together } = merged(reporting, circuit, epoch, situation)
  const { failures, slow } = Machine.counts(together, situation.settings.rules, at)
  return failures + slow > 0
}
