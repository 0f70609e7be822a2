import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import { liveTest } from "../kit/test.ts"
import { rejectionOf } from "../kit/index.ts"
import { subscribersOf } from "./commands.ts"
import { describeWith } from "./describe.ts"
import {
  all,
  assertReported,
  failsNow,
  historyOf,
  isRejected,
  nodeAt,
  nodeOn,
  noticed,
  recovered,
  storeLinesOf,
  tagsOf,
  trips,
  unavailable,
  worksNow
} from "./Nodes.ts"
import { newPrefix, syncMillis } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import * as TwoNodes from "./TwoNodes.ts"
import { startExchanging } from "./TwoNodes.ts"
import { eventually, stays, until } from "./waiting.ts"

interface Fault {
  /** The deadline of the store, if it is what detects the fault. */
  readonly deadline?: number
  readonly begins: (fleet: TwoNodes.TwoNodes) => Effect.Effect<unknown>
  readonly ends: (fleet: TwoNodes.TwoNodes) => Effect.Effect<unknown>
}

const channelsOf = ({ command }: RedisServer.RedisServer): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(command("PUBSUB", "CHANNELS"), (it) => (Array.isArray(it) ? it.map(String) : []))

const silenceMillis = 3_000

const faults: Record<string, Fault> = {
  "the server is killed, and started again empty": {
    begins: ({ server }) => server.kill,
    ends: ({ server }) => server.start
  },
  "the server does not answer": {
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

// Successes do not end the failures that the rate counts, so the circuits stay exchanged.
const tripPolicy = TripPolicy.failureCount({ failures: 6, within: "10 minutes" })

describeWith("own", "C7 when Redis fails", () => {
  for (const [name, fault] of Object.entries(faults)) {
    liveTest(`C7 calls go on while ${name}, and the nodes agree again afterwards`, function* () {
      const { deadline } = fault
      const fleet = yield* TwoNodes.make({
        breaker: { tripPolicy },
        store: deadline === undefined ? {} : { deadline }
      })
      const { join, nodes } = fleet
      const [a, b] = nodes
      yield* startExchanging(fleet)
      yield* Effect.sleep(syncMillis)

      yield* fault.begins(fleet)
      worksNow(a, 100)
      yield* noticed(fleet)
      for (const node of nodes) worksNow(node, 100)
      // The node uses its own count.
      failsNow(a, 4)
      assert.strictEqual(yield* a.tag, "Closed")
      failsNow(a, 1)
      assert.isTrue(Exit.isFailure(a.callNow(Effect.void)))
      assert.strictEqual(yield* a.tag, "Open")
      yield* stays(tagsOf(nodes), ["Open", "Closed"], 3 * syncMillis)
      worksNow(b, 100)

      yield* fault.ends(fleet)
      yield* eventually(tagsOf(nodes), ["Open", "Open"])
      yield* recovered(fleet)
      const late = yield* join
      assert.strictEqual((yield* rejectionOf(late.protect(Effect.void))).state, "Open")
      yield* stays(tagsOf(nodes), ["Open", "Open"], 2 * syncMillis)
      assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
      for (const node of nodes) assertReported(storeLinesOf(node))
    })
  }

  liveTest("C7 circuits are shared as soon as a server starts that was down at first", function* () {
    const server = yield* RedisServer.make()
    yield* server.kill
    const join = Effect.map(nodeAt(server.address, newPrefix()), ({ node }) => node)
    const nodes = [yield* join, yield* join] as const
    for (const node of nodes) yield* node.protect(Effect.void)
    failsNow(nodes[0], 5)
    assert.deepStrictEqual(yield* tagsOf(nodes), ["Open", "Closed"])
    yield* server.start
    yield* until(isRejected(nodes[1]))
    yield* recovered({ nodes })
  })

  liveTest(
    "C7 a breaker is made, and its calls go on, if the server does not answer from the start",
    function* () {
      const server = yield* RedisServer.make()
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
    }
  )

  liveTest("C7 FLUSHALL loses no opening, and no line is logged", function* () {
    const fleet = yield* TwoNodes.make()
    const { join, nodes, server } = fleet
    yield* startExchanging(fleet)
    trips(nodes[0])
    yield* eventually(tagsOf(nodes), ["Open", "Open"])
    yield* server.command("FLUSHALL")
    yield* eventually(server.command("DBSIZE"), 1)
    yield* Effect.sleep(syncMillis)
    const late = yield* join
    assert.strictEqual((yield* rejectionOf(late.protect(Effect.void))).state, "Open")
    assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open"]))
    assert.deepStrictEqual(nodes.map(storeLinesOf), [[], []])
  })

  liveTest("C7 nodes give an isolation back to a server that is restarted empty", function* () {
    const lease = 3_000
    const fleet = yield* TwoNodes.make({ breaker: { tripPolicy }, store: { lease } })
    const { nodes, server } = fleet
    const [a] = nodes
    yield* startExchanging(fleet)
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* a.isolate()
        yield* eventually(tagsOf(nodes), ["Isolated", "Isolated"])
        yield* server.kill
        yield* noticed(fleet)
        yield* server.start
        yield* recovered(fleet)
        yield* stays(tagsOf(nodes), ["Isolated", "Isolated"], lease + syncMillis)
      })
    )
    yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
  })

  liveTest("C7 SCRIPT FLUSH loses no count, and no line is logged", function* () {
    const fleet = yield* TwoNodes.make()
    const { nodes, server } = fleet
    yield* startExchanging(fleet)
    for (let i = 0; i < 2; i++) {
      yield* server.command("SCRIPT", "FLUSH")
      failsNow(nodes[0])
      yield* Effect.sleep(syncMillis)
    }
    failsNow(nodes[1])
    yield* eventually(tagsOf(nodes), ["Open", "Open"])
    assert.deepStrictEqual(nodes.map(storeLinesOf), [[], []])
  })

  liveTest("C7 connections that are reset lose no count", function* () {
    const fleet = yield* TwoNodes.make()
    const { nodes, proxy } = fleet
    yield* startExchanging(fleet)
    failsNow(nodes[0])
    yield* proxy.reset
    failsNow(nodes[0])
    yield* until(Effect.sync(() => nodes.map(storeLinesOf).every((lines) => lines.length % 2 === 0)))
    failsNow(nodes[1])
    yield* eventually(tagsOf(nodes), ["Open", "Open"])
  })

  liveTest("C7 nodes that may not subscribe learn of changes by asking", function* () {
    const fleet = yield* TwoNodes.make()
    const { nodes, server } = fleet
    const [a, b] = nodes
    yield* startExchanging(fleet)
    // One key is exchanged; of the other, only a's calls fail.
    yield* b.protectWith(Effect.void, { key: "cold" })
    yield* server.command("ACL", "SETUSER", "default", "-subscribe")
    yield* server.command("CLIENT", "KILL", "TYPE", "pubsub")
    yield* Effect.replicateEffect(Effect.exit(a.protectWith(unavailable, { key: "cold" })), 5)
    trips(a)
    yield* eventually(tagsOf(nodes), ["Open", "Open"])
    yield* until(isRejected(b, "cold"))
    assert.deepStrictEqual(nodes.map(storeLinesOf), [[], []])
    yield* server.command("ACL", "SETUSER", "default", "+subscribe")
    yield* until(Effect.map(channelsOf(server), ({ length }) => length === 1))
    yield* a.reset()
    yield* eventually(tagsOf(nodes), ["Closed", "Closed"])
  })

  liveTest("C7 nodes that subscribe while they connect are notified of changes", function* () {
    const fleet = yield* TwoNodes.make()
    const { nodes, proxy, server } = fleet
    const [a, b] = nodes
    const key = "quiet"
    for (const node of nodes) yield* node.protectWith(Effect.void, { key })
    const listeners = Effect.flatMap(channelsOf(server), ([channel]) =>
      channel === undefined ? Effect.succeed(0) : subscribersOf(server, channel)
    )
    yield* eventually(listeners, 2)
    // A new connection is ready when the server has answered, and the nodes subscribe again after one interval.
    yield* proxy.delay(4 * syncMillis)
    yield* proxy.reset
    yield* eventually(listeners, 0)
    yield* eventually(listeners, 2)
    yield* Effect.sleep(8 * syncMillis)
    yield* a.trip(key)
    yield* eventually(tagsOf([b], key), ["Open"])
  })

  liveTest('C7 onStoreError "reject" rejects with a CircuitOpenError while the store fails', function* () {
    const fleet = yield* TwoNodes.make({ store: { onStoreError: "reject" } })
    const { nodes, server } = fleet
    const [a] = nodes
    yield* startExchanging(fleet)
    yield* server.kill
    yield* noticed(fleet)
    const rejection = yield* rejectionOf(a.protect(Effect.succeed("works")))
    assert.instanceOf(rejection, CircuitOpenError)
    assert.strictEqual(rejection.state, "Open")
    assert.deepStrictEqual(historyOf(a), [])
    yield* server.start
    yield* until(Effect.sync(() => Exit.isSuccess(a.callNow(Effect.void))))
    assertReported(storeLinesOf(a))
  })
})
