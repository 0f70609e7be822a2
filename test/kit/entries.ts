import type { CircuitStore } from "effect-circuit-breaker"

/** What a store answers that has no fault to report of any circuit. */
export const entriesOf = (
  answers: ReadonlyArray<CircuitStore.Entry | CircuitStore.CircuitStoreError>
): ReadonlyArray<CircuitStore.Entry> =>
  answers.map((answer) => {
    if ("_tag" in answer) throw answer
    return answer
  })
