import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { eventually, historyOf, newPrefix, nodeOn, tagsOf } from "./fixtures.ts"
import type { Node } from "./fixtures.ts"
import * as ProxyServer from "./Proxy.ts"
import type { RedisProcess } from "./RedisProcess.ts"
import * as RedisSentinel from "./RedisSentinel.ts"
import * as RedisServer from "./RedisServer.ts"
import { failsNow, noticed, recovered, trips, worksNow } from "./World.ts"

const key = "quiet"

/**
 * Two nodes, whose way to the sentinel leads through a proxy. They have failures to tell each other of; and of the circuit of
 * the key they have none, so that a node is only told of it, and never asks.
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
  return { sentinel, prefix, nodes, proxy }
})

const quietTagsOf = (nodes: ReadonlyArray<Node>) =>
  Effect.forEach(nodes, (node) => Effect.map(node.state(key), ({ _tag }) => _tag))

const openMillisOf = (node: Node) =>
  Effect.map(node.state(), (state) => (state._tag === "Open" ? Duration.toMillis(state.retryAfter) : 0))

const listeners = ({ command }: RedisProcess, channel: string) =>
  Effect.map(command("PUBSUB", "NUMSUB", channel), (it) => (Array.isArray(it) ? Number(it[1]) : 0))

const failures: Record<string, (primary: RedisProcess) => Effect.Effect<void>> = {
  "is killed": (primary) => primary.kill,
  "is silent": (primary) => primary.freeze
}

RedisServer.describeWith("own", "a primary that a sentinel replaces", () => {
  for (const [what, fails] of Object.entries(failures)) {
    it.scopedLive(`when it ${what}, calls go on, and no opening is lost`, () =>
      Effect.gen(function* () {
        const { nodes, prefix, sentinel } = yield* fleet
        const [a, b] = nodes
        trips(a)
        yield* eventually(tagsOf(nodes), ["Open", "Open"])

        yield* fails(sentinel.primary)
        yield* noticed({ nodes })
        for (const node of nodes) {
          assert.isTrue(Exit.isFailure(node.callNow(Effect.succeed("works"))))
          assert.deepStrictEqual(node.callNow(Effect.succeed("works"), key), Exit.succeed("works"))
        }
        // What a node does meanwhile is its own, and a second later.
        yield* Effect.sleep("1 second")
        yield* a.reset()
        worksNow(a, 100)
        failsNow(a, 4)
        assert.deepStrictEqual(yield* tagsOf(nodes), ["Closed", "Open"])
        failsNow(a)
        assert.deepStrictEqual(yield* tagsOf(nodes), ["Open", "Open"])

        yield* sentinel.failedOver
        yield* recovered({ nodes })
        const late = yield* nodeOn(sentinel.address, prefix)
        yield* eventually(Effect.map(Effect.exit(late.protect(Effect.void)), Exit.isFailure), true)
        assert.deepStrictEqual(yield* tagsOf(nodes), ["Open", "Open"])
        // Until the later opening is everybody's, it would overrule a reset.
        yield* eventually(
          Effect.map(Effect.all([openMillisOf(a), openMillisOf(b)]), ([x, y]) => Math.abs(x - y) < 500),
          true
        )
        yield* b.reset()
        yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
        assert.deepStrictEqual(historyOf(b).at(-1), "Open > Closed")
      })
    )

    it.scopedLive(`when it ${what}, nodes are told of changes by the new one`, () =>
      Effect.gen(function* () {
        const { nodes, prefix, sentinel } = yield* fleet
        yield* fails(sentinel.primary)
        yield* sentinel.failedOver
        yield* recovered({ nodes })
        yield* eventually(listeners(sentinel.replica, `${prefix}v1:0:payments`), 2)
        yield* nodes[0].trip(key)
        yield* eventually(quietTagsOf(nodes), ["Open", "Open"])
      })
    )
  }

  it.scopedLive(
    "when the sentinel tells of the new one while a node still asks it for the old, the node comes back",
    () =>
      Effect.gen(function* () {
        const { nodes, prefix, proxy, sentinel } = yield* fleet
        // Most of the time, a node waits for the sentinel's answer.
        yield* proxy.delay(500)
        yield* sentinel.primary.kill
        yield* sentinel.failedOver
        yield* eventually(listeners(sentinel.replica, `${prefix}v1:0:payments`), 2)
        yield* nodes[0].trip(key)
        yield* eventually(quietTagsOf(nodes), ["Open", "Open"])
      })
  )
})
