/** Two nodes on a server of their own, which they reach through a proxy: for tests of a server that fails. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { TripPolicy } from "effect-circuit-breaker"
import { failsNow, type Node, nodeOn } from "./Nodes.ts"
import { newPrefix, type Options } from "./options.ts"
import type { Proxy } from "./Proxy.ts"
import * as ProxyServer from "./Proxy.ts"
import type { OwnRedisServer } from "./RedisServer.ts"
import * as RedisServer from "./RedisServer.ts"

export interface TwoNodes {
  readonly server: OwnRedisServer
  readonly proxy: Proxy
  readonly nodes: readonly [a: Node, b: Node]
  /** Makes another node. */
  readonly join: Effect.Effect<Node, never, Scope.Scope>
}

/** A policy under which a success of one node does not reset the failures of the other. */
const tripPolicy = TripPolicy.failureCount({ failures: 5, within: "10 minutes" })

export const make = (
  options: Options = { breaker: { tripPolicy } }
): Effect.Effect<TwoNodes, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make()
    const proxy = yield* ProxyServer.make(server.address)
    const join = nodeOn(proxy.address, newPrefix(), options)
    return { server, proxy, nodes: [yield* join, yield* join], join }
  })

/** Makes both nodes exchange the circuit, because each has seen a failure. */
export const startExchanging = ({ nodes }: TwoNodes) =>
  Effect.gen(function* () {
    for (const node of nodes) {
      yield* node.protect(Effect.void)
      failsNow(node)
    }
  })
