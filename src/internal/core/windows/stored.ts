import * as Sections from "./section.ts"
import type { Layout, Section } from "./section.ts"

/**
 * A window of a circuit, as a node asks for it.
 *
 * **Details**
 *
 * Nodes under the same rules count in windows of the same name. A report to a later epoch than the stored one first
 * replaces the window by an empty one. A report to an earlier epoch changes nothing.
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
 * A window keeps the number of each node's latest report, and 0 for a node without one. If that is `base`, the sections
 * are added to the window, and `number` is kept. Otherwise nothing is added: if it is `number`, the report has arrived
 * before, and any other number tells the node from where to go on. So each report is counted once, whatever is lost on
 * the way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  /** 0, as `base`, for a node that has nothing to report yet. */
  readonly number: number
  readonly base: number
  readonly sections: ReadonlyArray<Section & Layout>
  /** Whether this node sees failures. */
  readonly failing: boolean
  /** The number of nodes that see failures to list: the latest of them, and none if it is 0. */
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
  /** The number of requests with a report that this epoch has had. */
  readonly exchanges: number
  readonly sections: ReadonlyArray<Section>
  /** The latest nodes that see failures, the latest last, no more than the latest report asked for. */
  readonly failing: ReadonlyArray<string>
}

/**
 * A window as a store keeps it. Entries leave out the numbers of the other nodes.
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
  /** The nodes that have reported failures, the latest last. */
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
 * The window after a node's request. A request without a report, or with one to an earlier epoch, leaves it as it is.
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
 * The nodes that are not too old, except one.
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

/** Adds up the sections in their order. Windows of equal names have equal sections; additional ones are kept. */
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
