import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Entry, Store } from "../../CircuitStore.ts"
import { aloneKey } from "../breaker/join.ts"
import { decode } from "./options.ts"

/**
 * The store that shares nothing. Breakers recognise it and its copies by the property {@link aloneKey}.
 *
 * @internal
 */
export const alone: Store & { readonly [aloneKey]: true } = {
  [aloneKey]: true,
  coordination: decode("CircuitStore.alone", {}),
  exchange: (requests) =>
    Effect.map(Clock.currentTimeMillis, (now) => requests.map(() => ({ now, ...noCircuit }))),
  compareAndSet: ({ revision, state }) =>
    Effect.map(Clock.currentTimeMillis, (now) => ({ now, ...noCircuit, revision, state })),
  changes: () => Stream.never
}

const noCircuit: Omit<Entry, "now"> = { revision: "", state: "", window: undefined, leases: [] }
