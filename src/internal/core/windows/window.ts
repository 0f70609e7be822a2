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
export const noCounts: Counts = Object.freeze({ calls: 0, failures: 0, slow: 0 })

/**
 * The functions by which several processes share a window. Each process reports its counts since its latest report, and
 * a store adds the reports up in sections.
 *
 * @internal
 */
export interface Sharing<W> {
  /**
   * The layout of each section. In a window of the latest calls, a store keeps a row for at least `freshMillis`, so
   * that every process sees it.
   */
  layouts(freshMillis: number): ReadonlyArray<Layout>
  /**
   * The counts of `window` beyond those of `reported`, an earlier value of the same window. The sections are in this
   * process's time. Indices may be fractions, a floor of `-Infinity` means none, and a negative row takes back reported
   * counts.
   */
  difference(window: W, reported: W, now: number): ReadonlyArray<Section>
  /** Makes the window of the counts in sections, in the time of the sections. A missing section counts as empty. */
  gather(sections: ReadonlyArray<Section>): W
}
