import type { Layout, Section } from "./section.ts"

/**
 * What a window holds, in numbers.
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
 * How the windows of several processes are put together. Each process reports what it has counted since its latest
 * report, and a store adds the reports up in sections.
 *
 * @internal
 */
export interface Sharing<W> {
  /**
   * How a store keeps each section. `freshMillis` is for how long it keeps a row at the least, where a window holds the
   * latest calls rather than those of a time: until every process has seen it.
   */
  layouts(freshMillis: number): ReadonlyArray<Layout>
  /**
   * What `window` holds beyond `reported`, an earlier value of the same window: one section each, in this process's
   * time. Indices may be fractions, `-Infinity` is no floor, and a negative row takes back what was reported.
   */
  difference(window: W, reported: W, now: number): ReadonlyArray<Section>
  /** The window that holds what sections hold, in their time. Sections that are missing hold nothing. */
  gather(sections: ReadonlyArray<Section>): W
}
