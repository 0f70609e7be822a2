import type { Layout, Section } from "./section.ts"

/**
 * The counts of a window.
 *
 * @internal
 */
export interface Counts {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

/** @internal */
export const noCounts: Counts = { calls: 0, failures: 0, slow: 0 }

/**
 * The functions by which several processes share a window. Each process reports its counts since its latest report, and
 * a store adds the reports up in sections.
 *
 * @internal
 */
export interface Sharing<W> {
  /**
   * The layout by which a store keeps each section. In a window of the latest calls, a store keeps a row for at least
   * `freshMillis`, until every process has seen it.
   */
  layouts(freshMillis: number): ReadonlyArray<Layout>
  /**
   * The counts of `window` beyond those of `reported`, an earlier value of the same window. The sections are in this
   * process's time. Indices may be fractions, `-Infinity` is no floor, and a negative row takes back reported counts.
   */
  difference(window: W, reported: W, now: number): ReadonlyArray<Section>
  /** The window that holds what sections hold, in their time. Sections that are missing hold nothing. */
  gather(sections: ReadonlyArray<Section>): W
}
