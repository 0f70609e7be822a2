import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import { rejectionOf } from "../rules/fixtures.ts"
import {
  all,
  eventually,
  historyOf,
  newPrefix,
  nodeAt,
  nodeOn,
  stays,
  syncMillis,
  tagsOf
} from "./fixtures.ts"
import * as ProxyServer from "./Proxy.ts"
import * as RedisServer from "./RedisServer.ts"
import { assertReported, failsNow, linesOf, noticed, recovered, trips, warmUp, worksNow } from "./World.ts"
import * as World from "./World.ts"

interface Fault {
  /** Of the store, where the fault is noticed by it. */
  readonly deadline?: number
  readonly begins: (world: World.World) => Effect.Effect<unknown>
  readonly ends: (world: World.World) => Effect.Effect<unknown>
}

const silenceMillis = 3_000

const faults: Record<string, Fault> = {
  "the server is killed, and started again empty": {
    begins: ({ server }) => server.kill,
    ends: ({ server }) => server.start
  },
  "the server is silent": {
    deadline: silenceMillis,
    begins: ({ server }) => server.freeze,
    ends: ({ server }) => server.thaw
  },
  "the server answers later than the deadline": {
    deadline: silenceMillis,
    begins: ({ proxy }) => proxy.delay(2 * silenceMillis),
    ends: ({ proxy }) => proxy.mend
  },
  "the connections are closed": {
    begins: ({ proxy }) => proxy.cut,
    ends: ({ proxy }) => proxy.mend
  },
  "the server is a replica": {
    begins: ({ server }) => server.command("REPLICAOF", "127.0.0.1", "1"),
    ends: ({ server }) => server.command("REPLICAOF", "NO", "ONE")
  },
  "the server is out of memory": {
    begins: ({ server }) => server.command("CONFIG", "SET", "maxmemory", "1"),
    ends: ({ server }) => server.command("CONFIG", "SET", "maxmemory", "0")
  }
}

// The rate does not count the calls that work, so that the circuits stay warm.
const tripPolicy = TripPolicy.failureCount({ failures: 6, within: "10 minutes" })

RedisServer.describeWith("own", "C7 when Redis fails", () => {
  for (const [name, fault] of Object.entries(faults)) {
    it.scopedLive(`C7 calls go on, and the nodes agree again afterwards: ${name}`, () =>
      Effect.gen(function* () {
        const { deadline } = fault
        const world = yield* World.make({
          breaker: { tripPolicy },
          store: deadline === undefined ? {} : { deadline }
        })
        const { join, nodes } = world
        const [a, b] = nodes
        yield* warmUp(world)
        yield* Effect.sleep(syncMillis)

        yield* fault.begins(world)
        worksNow(a, 100)
        yield* noticed(world)
        for (const node of nodes) worksNow(node, 100)
        // Its own count decides.
        failsNow(a, 4)
        assert.strictEqual(yield* a.tag, "Closed")
        failsNow(a, 1)
        assert.isTrue(Exit.isFailure(a.callNow(Effect.void)))
        assert.strictEqual(yield* a.tag, "Open")
        yield* stays(tagsOf(nodes), ["Open", "Closed"], 3 * syncMillis)
        worksNow(b, 100)

        yield* fault.ends(world)
        yield* eventually(tagsOf(nodes), ["Open", "Open"])
        yield* recovered(world)
        const late = yield* join
        assert.strictEqual((yield* rejectionOf(late.protect(Effect.void))).state, "Open")
        yield* stays(tagsOf(nodes), ["Open", "Open"], 2 * syncMillis)
        assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
        assertReported(nodes)
      })
    )
  }

  it.scopedLive("C7 down from the start: the circuits are shared as soon as there is a server", () =>
    Effect.gen(function* () {
      const world = yield* Effect.gen(function* () {
        const server = yield* RedisServer.make
        yield* server.kill
        const proxy = yield* ProxyServer.make(server.address)
        const join = Effect.map(nodeAt(proxy.address, newPrefix()), ({ node }) => node)
        const nodes: World.World["nodes"] = [yield* join, yield* join]
        return { server, proxy, join, nodes }
      })
      const [a, b] = world.nodes
      for (const node of world.nodes) yield* node.protect(Effect.void)
      failsNow(a, 5)
      assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Open", "Closed"])
      yield* world.server.start
      yield* eventually(Effect.map(Effect.exit(b.protect(Effect.void)), Exit.isFailure), true)
      yield* recovered(world)
    })
  )

  it.scopedLive("C7 silent from the start: a breaker is made, and its calls go on", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make
      yield* server.freeze
      const { node } = yield* nodeAt(server.address, newPrefix(), { store: { deadline: silenceMillis } })
      yield* node.protect(Effect.void)
      failsNow(node, 5)
      assert.strictEqual(yield* node.tag, "Open")
      yield* noticed({ nodes: [node] })
      yield* server.thaw
      yield* recovered({ nodes: [node] })
      const other = yield* nodeOn(server.address, newPrefix())
      yield* other.protect(Effect.void)
    })
  )

  it.scopedLive("C7 a server that is started again empty while nodes are open gets the opening back", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { join, nodes, server } = world
      const [a, b] = nodes
      yield* warmUp(world)
      trips(a)
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* server.kill
      yield* noticed(world)
      yield* server.start
      yield* recovered(world)
      yield* Effect.sleep(syncMillis)
      const late = yield* join
      assert.deepInclude(yield* Effect.zipRight(Effect.exit(late.protect(Effect.void)), late.state()), {
        _tag: "Open",
        openings: 1
      })
      assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
      yield* b.reset()
      yield* eventually(tagsOf([a, b, late]), ["Closed", "Closed", "Closed"])
    })
  )

  it.scopedLive("C7 FLUSHALL while nodes are open loses nothing, and nobody says anything", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { join, nodes, server } = world
      yield* warmUp(world)
      trips(nodes[0])
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* server.command("FLUSHALL")
      yield* eventually(server.command("DBSIZE"), 1)
      yield* Effect.sleep(syncMillis)
      const late = yield* join
      assert.strictEqual((yield* rejectionOf(late.protect(Effect.void))).state, "Open")
      assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
      assert.deepStrictEqual(yield* linesOf(nodes), [[], []])
    })
  )

  it.scopedLive("C7 an isolation outlasts a server that is started again empty", () =>
    Effect.gen(function* () {
      const lease = 3_000
      const world = yield* World.make({ breaker: { tripPolicy }, store: { lease } })
      const { nodes, server } = world
      const [a] = nodes
      yield* warmUp(world)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* a.isolate()
          yield* eventually(tagsOf(nodes), ["Isolated", "Isolated"])
          yield* server.kill
          yield* noticed(world)
          yield* server.start
          yield* recovered(world)
          yield* stays(tagsOf(nodes), ["Isolated", "Isolated"], lease + syncMillis)
        })
      )
      yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
    })
  )

  it.scopedLive("C7 SCRIPT FLUSH is not noticed", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { nodes, server } = world
      yield* warmUp(world)
      for (let i = 0; i < 2; i++) {
        yield* server.command("SCRIPT", "FLUSH")
        failsNow(nodes[0])
        yield* Effect.sleep(syncMillis)
      }
      failsNow(nodes[1])
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      assert.deepStrictEqual(yield* linesOf(nodes), [[], []])
    })
  )

  it.scopedLive("C7 connections that are reset cost no count", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { nodes, proxy } = world
      yield* warmUp(world)
      failsNow(nodes[0])
      yield* proxy.reset
      failsNow(nodes[0])
      yield* eventually(
        Effect.map(linesOf(nodes), (lines) => lines.every((it) => it.length % 2 === 0)),
        true
      )
      failsNow(nodes[1])
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
    })
  )

  it.scopedLive("C7 without the subscription nodes learn of changes by asking", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { nodes, server } = world
      const [a, b] = nodes
      yield* warmUp(world)
      // One key is warm; of the other, only a's calls fail.
      yield* b.protectWith(Effect.void, { key: "cold" })
      yield* server.command("ACL", "SETUSER", "default", "-subscribe")
      yield* server.command("CLIENT", "KILL", "TYPE", "pubsub")
      yield* Effect.replicateEffect(
        Effect.exit(a.protectWith(Effect.fail("unavailable"), { key: "cold" })),
        5
      )
      trips(a)
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* eventually(
        Effect.map(Effect.exit(b.protectWith(Effect.void, { key: "cold" })), Exit.isFailure),
        true
      )
      assert.deepStrictEqual(yield* linesOf(nodes), [[], []])
      yield* server.command("ACL", "SETUSER", "default", "+subscribe")
      yield* eventually(
        Effect.map(
          server.command("PUBSUB", "CHANNELS"),
          (channels) => Array.isArray(channels) && channels.length
        ),
        1
      )
      yield* a.reset()
      yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
    })
  )

  it.scopedLive("C7 nodes that subscribe while their connections are getting ready are told of changes", () =>
    Effect.gen(function* () {
      const world = yield* World.make()
      const { nodes, proxy, server } = world
      const [a, b] = nodes
      const key = "quiet"
      for (const node of nodes) yield* node.protectWith(Effect.void, { key })
      const channels = Effect.map(server.command("PUBSUB", "CHANNELS"), (it) => (Array.isArray(it) ? it : []))
      const listeners = Effect.flatMap(channels, ([channel]) =>
        channel === undefined
          ? Effect.succeed(0)
          : Effect.map(server.command("PUBSUB", "NUMSUB", String(channel)), (it) =>
              Array.isArray(it) ? Number(it[1]) : 0
            )
      )
      yield* eventually(listeners, 2)
      // A new connection is ready when the server has answered, and the nodes subscribe again after one interval.
      yield* proxy.delay(4 * syncMillis)
      yield* proxy.reset
      yield* eventually(listeners, 0)
      yield* eventually(listeners, 2)
      yield* Effect.sleep(8 * syncMillis)
      yield* a.trip(key)
      yield* eventually(
        Effect.map(b.state(key), ({ _tag }) => _tag),
        "Open"
      )
    })
  )

  it.scopedLive('C7 onStoreError "reject" rejects while the store fails, with the same error', () =>
    Effect.gen(function* () {
      const world = yield* World.make({ store: { onStoreError: "reject" } })
      const { nodes, server } = world
      const [a] = nodes
      yield* warmUp(world)
      yield* server.kill
      yield* noticed(world)
      const rejection = yield* rejectionOf(a.protect(Effect.succeed("works")))
      assert.instanceOf(rejection, CircuitOpenError)
      assert.strictEqual(rejection.state, "Open")
      assert.deepStrictEqual(historyOf(a), [])
      yield* server.start
      yield* eventually(
        Effect.sync(() => Exit.isSuccess(a.callNow(Effect.void))),
        true
      )
      assertReported([a])
    })
  )
})
