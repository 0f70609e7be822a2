import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { liveTest } from "../kit/test.ts"
import { replicated, subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import {
  callsNow,
  failsNow,
  historyOf,
  isRejected,
  type Node,
  nodeOn,
  noticed,
  recovered,
  tagsOf,
  trips,
  worksNow
} from "./Nodes.ts"
import { channelOf, newPrefix } from "./options.ts"
import * as ProxyServer from "./Proxy.ts"
import * as RedisSentinel from "./RedisSentinel.ts"
import type { OwnRedisServer } from "./RedisServer.ts"
import { eventually, until } from "./waiting.ts"

const key = "quiet"

/**
 * Two nodes, which reach the sentinel through a proxy. Both exchange the default circuit, which has failures. The circuit of
 * the key has none, so a node is notified of its changes and never asks for them.
 */
const fleet = Effect.gen(function* () {
  const sentinel = yield* RedisSentinel.make
  const prefix = newPrefix()
  const proxy = yield* ProxyServer.make(sentinel.address)
  const { host, port } = proxy.address
  const address = { ...sentinel.address, sentinels: [{ host, port }] }
  const join = nodeOn(address, prefix, { store: { deadline: 3_000 } })
  const nodes = [yield* join, yield* join] as const
  for (const node of nodes) {
    yield* node.protect(Effect.void)
    yield* node.protectWith(Effect.void, { key })
    failsNow(node)
  }
  const subscribedToReplica = eventually(subscribersOf(sentinel.replica, channelOf(prefix)), 2)
  return { sentinel, prefix, nodes, proxy, subscribedToReplica }
})

const openMillisOf = (node: Node) =>
  Effect.map(node.state(), (state) => (state._tag === "Open" ? Duration.toMillis(state.retryAfter) : 0))

const failures: Record<string, (primary: OwnRedisServer) => Effect.Effect<void>> = {
  "is killed": (primary) => primary.kill,
  "does not answer": (primary) => primary.freeze
}

describeWith("own", "C7 a primary that a sentinel replaces", () => {
  for (const [what, fails] of Object.entries(failures)) {
    liveTest(`C7 a primary that ${what} stops no call, and no opening is lost`, function* () {
      const { nodes, prefix, sentinel } = yield* fleet
      const [a, b] = nodes
      trips(a)
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* replicated(sentinel.primary, sentinel.replica)

      yield* fails(sentinel.primary)
      yield* noticed({ nodes })
      for (const node of nodes) {
        assert.strictEqual(yield* isRejected(node), true)
        callsNow(node, Effect.succeed("works"), 1, key)
      }
      // Makes the second opening a second later than the one that the replica knows.
      yield* Effect.sleep("1 second")
      yield* a.reset()
      worksNow(a, 100)
      failsNow(a, 4)
      assert.deepStrictEqual(yield* tagsOf(nodes), ["Closed", "Open"])
      failsNow(a)
      assert.deepStrictEqual(yield* tagsOf(nodes), ["Open", "Open"])

      yield* sentinel.failOver
      yield* recovered({ nodes })
      const late = yield* nodeOn(sentinel.address, prefix)
      yield* until(isRejected(late))
      assert.deepStrictEqual(yield* tagsOf(nodes), ["Open", "Open"])
      // Until all nodes have the later opening, it would overrule a reset.
      yield* until(
        Effect.map(Effect.all([openMillisOf(a), openMillisOf(b)]), ([x, y]) => Math.abs(x - y) < 500)
      )
      yield* b.reset()
      yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
      assert.deepStrictEqual(historyOf(b).at(-1), "Open > Closed")
    })

    liveTest(`C7 after a primary that ${what}, the new one publishes changes to the nodes`, function* () {
      const { subscribedToReplica, nodes, sentinel } = yield* fleet
      yield* fails(sentinel.primary)
      yield* noticed({ nodes })
      yield* sentinel.failOver
      yield* recovered({ nodes })
      yield* subscribedToReplica
      yield* nodes[0].trip(key)
      yield* eventually(tagsOf(nodes, key), ["Open", "Open"])
    })
  }

  liveTest("C7 a node that asks for the primary during a failover finds the new one", function* () {
    const { subscribedToReplica, nodes, proxy, sentinel } = yield* fleet
    // Most of the time, a node waits for the sentinel's answer.
    yield* proxy.delay(500)
    yield* sentinel.primary.kill
    yield* sentinel.failOver
    yield* subscribedToReplica
    yield* nodes[0].trip(key)
    yield* eventually(tagsOf(nodes, key), ["Open", "Open"])
  })
})
