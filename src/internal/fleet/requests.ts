import type { ExchangeRequest } from "../../CircuitStore.ts"
import { yearMillis } from "../core/millis.ts"
import type { CircuitRequest } from "../core/replica/events.ts"
import type { Node } from "./node.ts"

/**
 * The request of a node's replica about a circuit, as the store takes it.
 *
 * @internal
 */
export const exchanging = (
  { name, settings: { node } }: Node,
  key: string,
  { announce, keepMillis, renew, revision, window }: CircuitRequest
): ExchangeRequest => ({
  circuit: { breaker: name, key },
  node,
  revision,
  window,
  announce,
  renew,
  keepMillis
})

/**
 * A request that only reads a circuit.
 *
 * @internal
 */
export const reading = (node: Node, key: string): ExchangeRequest =>
  exchanging(node, key, {
    revision: "",
    window: { name: node.settings.windowName, epoch: 0, report: undefined },
    announce: false,
    renew: false,
    keepMillis: yearMillis
  })

/**
 * A request that shows whether the store takes writes: it adds nothing to a window in which no node counts.
 *
 * @internal
 */
export const writing = (node: Node, key: string): ExchangeRequest => ({
  ...reading(node, key),
  window: {
    name: "ping",
    epoch: 0,
    report: { number: 0, base: 0, sections: [], failing: false, listed: 0 }
  },
  keepMillis: node.settings.idleMillis
})
