import type { Circuit } from "../circuit.ts"
import * as Machine from "../circuit.ts"
import type { Layout, Section } from "../windows/section.ts"
import * as Sections from "../windows/section.ts"
import type { Report, WindowEntry } from "../windows/stored.ts"
import type { Settings, Situation } from "./situation.ts"
import { mostDriftMillis } from "./situation.ts"

/**
 * The reports of a node about its window, and the store's last answer about the window of all nodes.
 *
 * Each report is the difference between the window and the last acknowledged report. A report without an answer is
 * repeated unchanged, and later outcomes wait for the next report. So each outcome counts once, whichever messages are
 * lost.
 *
 * @internal
 */
export interface Reporting {
  /** The generation of the shared circuit that the window belongs to. */
  readonly epoch: number
  /**
   * The clock offset of all reports of this epoch: a report can take back counts only at the time where they were
   * added.
   */
  readonly clockOffset: number
  /** The last report that the store has acknowledged. */
  readonly acknowledged: Snapshot
  /** Acknowledged reports before that one, because a store may lose them, too. */
  readonly earlier: ReadonlyArray<Snapshot>
  /** The highest report number that was used. */
  readonly lastNumber: number
  /** When the store last renewed the number of a report, in the node's time. It keeps the number for a while only. */
  readonly confirmedAt: number
  /** The report that is not acknowledged yet. */
  readonly inDoubt: InDoubt | undefined
  /** The store's last answer; `undefined` while the store fails. */
  readonly answer: WindowEntry | undefined
}

interface Snapshot {
  readonly number: number
  readonly window: unknown
}

interface InDoubt extends Snapshot {
  /** When it was first sent, in the node's time. */
  readonly since: number
  readonly sections: ReadonlyArray<Section & Layout>
}

/**
 * The reporting of a window of which nothing has been reported.
 *
 * @internal
 */
export const initial = (epoch: number, clockOffset: number, policy: Settings["policy"]): Reporting => ({
  epoch,
  clockOffset,
  acknowledged: { number: 0, window: policy.initial },
  earlier: [],
  lastNumber: 0,
  confirmedAt: -Infinity,
  inDoubt: undefined,
  answer: undefined
})

/**
 * Goes on with an empty window: reports so far stay valid, and all later outcomes are new.
 *
 * @internal
 */
export const restarted = (reporting: Reporting, { initial }: Settings["policy"]): Reporting => {
  const { acknowledged, inDoubt } = reporting
  return {
    ...reporting,
    acknowledged: { ...acknowledged, window: initial },
    earlier: [],
    inDoubt: inDoubt && { ...inDoubt, window: initial }
  }
}

/** The reporting of an epoch: a new one if the generation has changed. */
const reportingOf = (
  reporting: Reporting,
  epoch: number,
  { clockOffset, settings: { policy } }: Situation
): Reporting => {
  if (reporting.epoch !== epoch) return initial(epoch, clockOffset, policy)
  const isSteady = reporting.lastNumber > 0 && Math.abs(reporting.clockOffset - clockOffset) < mostDriftMillis
  return isSteady || reporting.clockOffset === clockOffset ? reporting : { ...reporting, clockOffset }
}

/**
 * Makes the next report of a window. In a window of the latest calls, the store keeps rows for at least `freshMillis`.
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
  const reporting = withoutExpired(reportingOf(before, epoch, situation), situation)
  const { acknowledged, lastNumber } = reporting
  const sections = reporting.inDoubt?.sections ?? unreported(reporting, window, freshMillis, situation)
  const common = {
    base: acknowledged.number,
    sections,
    failing: seesFailures(window, situation.now, settings),
    listed: settings.quorum > 1 ? settings.quorum : 0
  }
  if (reporting.inDoubt !== undefined) {
    return [reporting, { ...common, number: reporting.inDoubt.number }]
  }
  // An empty report repeats the acknowledged number: it adds nothing, and extends the window's lifetime.
  if (sections.length === 0) return [reporting, { ...common, number: acknowledged.number }]
  const number = lastNumber + 1
  return [
    { ...reporting, lastNumber: number, inDoubt: { number, window, sections, since: situation.now } },
    { ...common, number }
  ]
}

/**
 * Treats a report without an answer as acknowledged once the store may have forgotten its number, because the store would
 * count a repetition again.
 */
const withoutExpired = (reporting: Reporting, { now, settings: { idleMillis } }: Situation): Reporting =>
  reporting.inDoubt !== undefined && now - reporting.inDoubt.since >= idleMillis
    ? acknowledging(reporting)
    : reporting

/** The difference between the window and the acknowledged report; no sections if there is none. */
const unreported = (
  { acknowledged, clockOffset }: Reporting,
  window: unknown,
  freshMillis: number,
  { now, settings: { policy } }: Situation
): ReadonlyArray<Section & Layout> => {
  const difference = policy.difference(window, acknowledged.window, now)
  if (Sections.areEmpty(difference)) return []
  const layouts = policy.layouts(freshMillis)
  return difference.map((section, i) =>
    Object.assign(Sections.shift(section, layouts[i]!, clockOffset), layouts[i]!)
  )
}

/**
 * Whether the whole window has been reported.
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
 * Takes in the store's answer about the window of an epoch. `asked` is the reporting at the time of the request.
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
  const latestReport = answer?.latestReport ?? 0
  switch (meaningOf(latestReport, reporting, asked)) {
    case "Known":
      return { ...reporting, answer, confirmedAt: situation.now }
    case "Acknowledged":
      return { ...acknowledging(reporting), answer, confirmedAt: situation.now }
    case "Overtaken":
      return reporting
    case "Lost":
      return {
        ...resumeFrom(reporting, latestReport, window, situation),
        inDoubt: undefined,
        answer
      }
  }
}

/** Compares the number that the store has for this node with the node's reports. */
const meaningOf = (
  latestReport: number,
  { acknowledged, epoch, inDoubt, lastNumber }: Reporting,
  asked: Reporting
): "Known" | "Acknowledged" | "Overtaken" | "Lost" => {
  // The answer is about the window of another epoch.
  if (asked.epoch !== epoch && lastNumber > 0) return "Overtaken"
  if (latestReport === acknowledged.number) return "Known"
  if (latestReport === inDoubt?.number) return "Acknowledged"
  return latestReport === asked.acknowledged.number || latestReport === asked.inDoubt?.number
    ? "Overtaken"
    : "Lost"
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
 * Goes on from the report that the store has, because it has lost later ones. If the node has no snapshot of that
 * report, it counts the whole window as reported: missing a failure is better than counting one twice. If only the number
 * may have expired, the store may still have the acknowledged counts, so the node reports the later outcomes. To a store
 * without a number of this node, it otherwise reports the whole window again.
 */
const resumeFrom = (
  reporting: Reporting,
  latestReport: number,
  window: unknown,
  { now, settings: { idleMillis, policy } }: Situation
): Reporting => {
  const { acknowledged, confirmedAt, earlier, lastNumber } = reporting
  const hasExpired = latestReport === 0 && now - confirmedAt >= idleMillis
  // Without an acknowledged report, the number in the store is not this node's.
  const isNew = latestReport === 0 || acknowledged.number === 0
  const snapshot = hasExpired ? acknowledged : earlier.find(({ number }) => number === latestReport)
  const kept = isNew && !hasExpired ? policy.initial : (snapshot?.window ?? window)
  return {
    ...reporting,
    acknowledged: { number: latestReport, window: kept },
    earlier: earlier.filter(({ number }) => number < latestReport),
    lastNumber: Math.max(lastNumber, latestReport)
  }
}

const mostSnapshots = 8

/**
 * Whether an answer showed that the store has lost reports of this node.
 *
 * @internal
 */
export const hasLost = (before: Reporting, after: Reporting): boolean =>
  before.epoch === after.epoch && after.acknowledged.number < before.acknowledged.number

/**
 * The number of exchanges that all nodes made between two answers; `undefined` if that is unknown.
 *
 * @internal
 */
export const exchangesBetween = (before: Reporting, after: Reporting): number | undefined =>
  before.epoch === after.epoch && before.answer !== undefined && after.answer !== undefined
    ? Math.max(0, after.answer.exchanges - before.answer.exchanges)
    : undefined

/**
 * The circuit with the window of all nodes, and the time by which that window is read. It is the node's own window if
 * the store has not answered, or if too few nodes see failures.
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
  const { acknowledged, clockOffset, answer } = reporting
  if (answer === undefined || reporting.epoch !== epoch || !Machine.isCounting(circuit)) return own
  if (!concernsAll(reporting, circuit, situation)) return own
  const { policy } = situation.settings
  const at = situation.now + clockOffset
  const layouts = policy.layouts(Infinity)
  const difference = policy.difference(circuit.window, acknowledged.window, situation.now)
  const sections = difference.map((section, i) =>
    Sections.add(
      answer.sections[i] ?? Sections.empty,
      Sections.shift(section, layouts[i]!, clockOffset),
      layouts[i]!,
      at
    )
  )
  return { circuit: { ...circuit, window: policy.gather(sections) }, at }
}

/**
 * Whether enough nodes see failures for the circuit to open on all of them.
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
  const own = Machine.isCounting(circuit) && seesFailures(circuit.window, now, settings) ? 1 : 0
  return others + own >= settings.quorum
}

/**
 * Whether the window of all nodes has failures or slow calls.
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
