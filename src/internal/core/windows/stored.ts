import * as Sections from "./section.ts"
import type { Layout, Section } from "./section.ts"

/**
 * A node's request for the window of a circuit.
 *
 * **Details**
 *
 * Nodes under the same rules count in windows of the same name. An epoch is a generation of the shared circuit, and a
 * window has the calls of one epoch. A report to a later epoch than the stored one first replaces the window with an
 * empty one. A report to an earlier epoch changes nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface WindowRequest {
  readonly name: string
  readonly epoch: number
  /** The counts of the node since its latest report; `undefined` if the node only reads. */
  readonly report: Report | undefined
}

/**
 * The counts of a node since its latest report.
 *
 * **Details**
 *
 * A window keeps the number of each node's latest report, which is 0 for a node without one. If that is `base`, the
 * store adds the sections to the window, and keeps `number` instead. Otherwise it adds nothing: if it has `number`, the
 * report has arrived before, and any other number tells the node from which report to continue. So each report counts
 * once, whatever is lost on the way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  /** The number of this report. It is 0, like `base`, for a node that has nothing to report yet. */
  readonly number: number
  readonly base: number
  readonly sections: ReadonlyArray<Section & Layout>
  /** Whether this node sees failures. */
  readonly failing: boolean
  /** The largest number of failing nodes that the window lists; it keeps the latest ones, or none if this is 0. */
  readonly listed: number
}

/**
 * The contents of a window.
 *
 * @since 0.1.0
 * @category models
 */
export interface WindowEntry {
  readonly epoch: number
  /** The number of the asking node's latest report to this epoch; 0 if there is none. */
  readonly latestReport: number
  /** The number of requests with a report in this epoch. */
  readonly exchanges: number
  readonly sections: ReadonlyArray<Section>
  /** The nodes that reported failures, the latest one last, and at most as many as the latest report asked for. */
  readonly failing: ReadonlyArray<string>
}

/**
 * A window as a store keeps it. A {@link WindowEntry} leaves out the numbers of the other nodes.
 *
 * @internal
 */
export interface StoredWindow {
  readonly epoch: number
  readonly expiresAt: number
  readonly exchanges: number
  readonly sections: ReadonlyArray<Section>
  /** The number of each node's latest report, and when it expires. */
  readonly reporters: ReadonlyArray<Reporter>
  /** The nodes that have reported failures, the latest one last. */
  readonly failing: ReadonlyArray<Seen>
}

interface Reporter {
  readonly node: string
  readonly number: number
  readonly expiresAt: number
}

/**
 * A node, and the time of its last request.
 *
 * @internal
 */
export interface Seen {
  readonly node: string
  readonly at: number
}

/**
 * The store's time, and how long it keeps a window after a report.
 *
 * @internal
 */
export interface Retention {
  readonly now: number
  readonly keepMillis: number
}

/**
 * The window after a node's request. A request without a report, or with one to an earlier epoch, leaves it unchanged.
 *
 * @internal
 */
export const applyReport = (
  window: StoredWindow | undefined,
  node: string,
  { epoch, report }: WindowRequest,
  keeping: Retention
): StoredWindow | undefined => {
  const current = unexpired(window, keeping.now)
  if (report === undefined || (current !== undefined && epoch < current.epoch)) return current
  const before = current?.epoch === epoch ? current : { ...none, epoch }
  return { ...before, ...changesBy(before, node, report, keeping) }
}

/**
 * The window, unless it has expired.
 *
 * @internal
 */
export const unexpired = (window: StoredWindow | undefined, now: number): StoredWindow | undefined =>
  window !== undefined && now < window.expiresAt ? window : undefined

/**
 * The contents of an unexpired window, for the node that asks.
 *
 * @internal
 */
export const entryOf = (window: StoredWindow, node: string, now: number): WindowEntry => ({
  epoch: window.epoch,
  latestReport: numberOf(window.reporters, node, now),
  exchanges: window.exchanges,
  sections: window.sections,
  failing: window.failing.map(({ node }) => node)
})

/**
 * The nodes whose latest request is at most `keepMillis` old, without `node` itself.
 *
 * @internal
 */
export const others = (
  seen: ReadonlyArray<Seen>,
  node: string,
  { keepMillis, now }: Retention
): ReadonlyArray<Seen> => seen.filter((it) => it.node !== node && now - it.at <= keepMillis)

const none: Omit<StoredWindow, "epoch"> = {
  expiresAt: 0,
  exchanges: 0,
  sections: [],
  reporters: [],
  failing: []
}

const changesBy = (
  window: StoredWindow,
  node: string,
  report: Report,
  keeping: Retention
): Partial<StoredWindow> => {
  const { keepMillis, now } = keeping
  const latestReport = numberOf(window.reporters, node, now)
  const isNext = latestReport === report.base && report.number !== latestReport
  const isKept = isNext || (latestReport === report.number && latestReport > 0)
  const expiresAt = now + keepMillis
  const reporters = window.reporters.filter((it) => now < it.expiresAt && !(isKept && it.node === node))
  return {
    expiresAt: Math.max(window.expiresAt, expiresAt),
    exchanges: window.exchanges + 1,
    sections: isNext ? sum(window.sections, report.sections, now) : window.sections,
    reporters: isKept ? [...reporters, { node, number: report.number, expiresAt }] : reporters,
    failing: failingAfter(window.failing, node, report, keeping)
  }
}

const numberOf = (reporters: ReadonlyArray<Reporter>, node: string, now: number): number =>
  reporters.find((it) => it.node === node && now < it.expiresAt)?.number ?? 0

/**
 * Adds up the sections by position. Windows of the same name have the same sections; additional stored ones are kept.
 */
const sum = (
  stored: ReadonlyArray<Section>,
  reported: Report["sections"],
  now: number
): ReadonlyArray<Section> => [
  ...reported.map((section, i) => Sections.add(stored[i] ?? Sections.empty, section, section, now)),
  ...stored.slice(reported.length)
]

const failingAfter = (
  seen: ReadonlyArray<Seen>,
  node: string,
  { failing, listed }: Report,
  keeping: Retention
): ReadonlyArray<Seen> => {
  const rest = others(seen, node, keeping)
  const all = failing ? [...rest, { node, at: keeping.now }] : rest
  return listed > 0 ? all.slice(-listed) : []
}
