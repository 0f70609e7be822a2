import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import { rejectionOf } from "../rules/fixtures.ts"
import {
  all,
  deadlineMillis,
  eventually,
  historyOf,
  newPrefix,
  nodeOn,
  stays,
  storeLinesOf,
  syncMillis,
  tagsOf
} from "./fixtures.ts"
import * as ProxyServer from "./Proxy.ts"
import * as RedisServer from "./RedisServer.ts"
import { failsNow, linesOf, noticed, recovered, trips, warmUp, worksNow } from "./World.ts"
import * as World from "./World.ts"

interface Fault {
  readonly begins: (world: World.World) => Effect.Effect<unknown>
  readonly ends: (world: World.World) => Effect.Effect<unknown>
}

const faults: Record<string, Fault> = {
  "the server is killed, and started again empty": {
    begins: ({ server }) => server.kill,
    ends: ({ server }) => server.start
  },
  "the server is silent": {
    begins: ({ server }) => server.freeze,
    ends: ({ server }) => server.thaw
  },
  "the server answers later than the deadline": {
    begins: ({ proxy }) => proxy.delay(2 * deadlineMillis),
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
        const world = yield* World.make({ breaker: { tripPolicy } })
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
        assert.deepStrictEqual(yield* linesOf(nodes), all(nodes, ["Warning"]))

        yield* fault.ends(world)
        yield* eventually(tagsOf(nodes), ["Open", "Open"])
        yield* recovered(world)
        const late = yield* join
        assert.strictEqual((yield* rejectionOf(late.protect(Effect.void))).state, "Open")
        yield* stays(tagsOf(nodes), ["Open", "Open"], 2 * syncMillis)
        assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
        assert.deepStrictEqual(yield* linesOf(nodes), all(nodes, ["Warning", "Info"]))
      })
    )
  }

  it.scopedLive("C7 down from the start: the circuits are shared as soon as there is a server", () =>
    Effect.gen(function* () {
      const world = yield* Effect.gen(function* () {
        const server = yield* RedisServer.make
        yield* server.kill
        const proxy = yield* ProxyServer.make(server.address)
        const join = nodeOn(proxy.address, newPrefix())
        const nodes: World.World["nodes"] = [yield* join, yield* join]
        return { server, proxy, join, nodes }
      })
      const [a, b] = world.nodes
      for (const node of world.nodes) yield* node.protect(Effect.void)
      failsNow(a, 5)
      assert.deepStrictEqual(yield* tagsOf(world.nodes), ["Open", "Closed"])
      yield* world.server.start
      yield* eventually(Effect.map(Effect.exit(b.protect(Effect.void)), Exit.isFailure), true)
      yield* eventually(linesOf(world.nodes), all(world.nodes, ["Warning", "Info"]))
    })
  )

  it.scopedLive("C7 silent from the start: a breaker is made, and its calls go on", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make
      yield* server.freeze
      const node = yield* nodeOn(server.address, newPrefix())
      yield* node.protect(Effect.void)
      failsNow(node, 5)
      assert.strictEqual(yield* node.tag, "Open")
      assert.deepStrictEqual(storeLinesOf(node), ["Warning"])
      yield* server.thaw
      yield* eventually(linesOf([node]), [["Warning", "Info"]])
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
      for (const lines of yield* linesOf(nodes)) assert.isAtMost(lines.length, 2)
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
      assert.deepStrictEqual(storeLinesOf(a), ["Warning", "Info"])
    })
  )
})
