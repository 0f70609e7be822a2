/** Two nodes on a server of their own, for tests of what happens when it fails. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { TripPolicy } from "effect-circuit-breaker"
import type { Node, Options } from "./fixtures.ts"
import { all, eventually, newPrefix, nodeOn, storeLinesOf } from "./fixtures.ts"
import type { Proxy } from "./Proxy.ts"
import * as ProxyServer from "./Proxy.ts"
import type { OwnRedisServer } from "./RedisServer.ts"
import * as RedisServer from "./RedisServer.ts"

/** Two nodes, whose way to the server leads through a proxy. */
export interface World {
  readonly server: OwnRedisServer
  readonly proxy: Proxy
  readonly nodes: readonly [a: Node, b: Node]
  readonly join: Effect.Effect<Node, never, Scope.Scope>
}

/** A success of one does not end what the other counts. */
const tripPolicy = TripPolicy.failureCount({ failures: 5, within: "10 minutes" })

export const make = (
  options: Options = { breaker: { tripPolicy } }
): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* RedisServer.make
    const proxy = yield* ProxyServer.make(server.address)
    const join = nodeOn(proxy.address, newPrefix(), options)
    return { server, proxy, nodes: [yield* join, yield* join], join }
  })

export const failsNow = (node: Node, times = 1) => {
  for (let i = 0; i < times; i++) {
    assert.deepStrictEqual(node.callNow(Effect.fail("unavailable")), Exit.fail("unavailable"))
  }
}

/** Calls that fail until the circuit opens: how many that takes depends on what the other node has told. */
export const trips = (node: Node) => {
  for (let i = 0; i < 5 && node.seen.length === 0; i++) node.callNow(Effect.fail("unavailable"))
}

export const worksNow = (node: Node, times = 1) => {
  for (let i = 0; i < times; i++)
    assert.deepStrictEqual(node.callNow(Effect.succeed("works")), Exit.succeed("works"))
}

export const linesOf = (nodes: ReadonlyArray<Node>) => Effect.sync(() => nodes.map(storeLinesOf))

/** Both have asked the store, and have a failure of which they keep each other informed. */
export const warmUp = ({ nodes }: World) =>
  Effect.gen(function* () {
    for (const node of nodes) {
      yield* node.protect(Effect.void)
      failsNow(node)
    }
  })

/**
 * What the nodes have said of an outage that is over. A busy machine may make more than one of it; `test/fleet` has each
 * of them reported once.
 */
export const assertReported = (nodes: ReadonlyArray<Node>): void => {
  for (const lines of nodes.map(storeLinesOf)) {
    assert.isAtLeast(lines.length, 2)
    assert.deepStrictEqual(
      lines,
      lines.map((_, i) => (i % 2 === 0 ? "Warning" : "Info"))
    )
  }
}

const latestOf = (nodes: ReadonlyArray<Node>) =>
  Effect.sync(() => nodes.map((node) => storeLinesOf(node).at(-1)))

/** Waits until the nodes have noticed that the server fails. */
export const noticed = ({ nodes }: { readonly nodes: ReadonlyArray<Node> }): Effect.Effect<void> =>
  eventually(latestOf(nodes), all(nodes, "Warning"))

/** Waits until the nodes have noticed that it answers again. */
export const recovered = ({ nodes }: { readonly nodes: ReadonlyArray<Node> }): Effect.Effect<void> =>
  eventually(latestOf(nodes), all(nodes, "Info"))
