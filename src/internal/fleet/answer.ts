import type { Entry } from "../../CircuitStore.ts"
import { CircuitStoreError } from "../stores/error.ts"

/**
 * The answer of a store about one circuit: its entry, or a fault of this circuit alone.
 *
 * @internal
 */
export type Answer = Entry | CircuitStoreError

/** @internal */
export const isFault = (answer: Answer): answer is CircuitStoreError => "_tag" in answer

/**
 * Stands for an answer that a store has left out.
 *
 * @internal
 */
export const noAnswer = new CircuitStoreError({ message: "the store has not answered about the circuit" })
