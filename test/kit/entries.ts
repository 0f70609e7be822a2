import type { CircuitStore } from "effect-circuit-breaker"

/** The entries of a store's answer, none of which is a fault. */
export const entriesOf = (
  answers: ReadonlyArray<CircuitStore.Entry | CircuitStore.CircuitStoreError>
): ReadonlyArray<CircuitStore.Entry> =>
  answers.map((answer) => {
    if ("_tag" in answer) throw answer
    return answer
  })

/** A read request, without its circuit. */
export const request = {
  node: "one",
  revision: "",
  window: undefined,
  announce: false,
  renew: false,
  keepMillis: 60_000
}

/** The window of a request that reports this number of failed calls, by default as the node's first report. */
export const reportOf = (
  calls: number,
  { name = "rules", number = 1 }: { readonly name?: string; readonly number?: number } = {}
): CircuitStore.WindowRequest => ({
  name,
  epoch: 1,
  report: {
    number,
    base: number - 1,
    failing: true,
    listed: 2,
    sections: [{ ...layout, floor: 0, rows: [[1, calls, calls, 0]] }]
  }
})

/** The number of calls in the first section of a window. */
export const callsIn = ({ window }: CircuitStore.Entry): number =>
  window?.sections[0]?.rows.reduce((sum, [, calls]) => sum + calls, 0) ?? 0

/** Keeps every row. */
const layout = { unitMillis: 1, span: Infinity, enough: Infinity, freshMillis: 0, parts: Infinity }
