import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import * as testing from "effect-circuit-breaker/testing"
import * as ioredis from "ioredis"
import { callsIn, entriesOf, reportOf, request } from "../kit/entries.ts"
import { liveTest } from "../kit/test.ts"
import { rejectionOf, tagOf } from "../kit/index.ts"
import { infoOf, keysIn, replicated, subscribersOf } from "./commands.ts"
import { describeInTurn, describeWith } from "./describe.ts"
import { sharing } from "./Fleet.ts"
import {
  all,
  connected,
  historyOf,
  isRejected,
  type Node,
  nodeWith,
  noticed,
  recovered,
  storeLinesOf,
  tagsOf,
  unavailable
} from "./Nodes.ts"
import { channelOf, newPrefix, type Options, storeOptions, syncMillis } from "./options.ts"
import type { ClusterServer } from "./RedisCluster.ts"
import * as RedisCluster from "./RedisCluster.ts"
import { eventually } from "./waiting.ts"

/** A cluster, and a client that stores can share: to connect to a cluster takes longer than most of the tests. */
interface SharedCluster extends RedisCluster.RedisCluster {
  readonly client: ioredis.Cluster
}

class Cluster extends Context.Tag("Cluster")<Cluster, SharedCluster>() {}

/** A client of the program's own. */
const connect = ({ primaries }: RedisCluster.RedisCluster) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new ioredis.Cluster(
        primaries.map(({ address }) => address),
        { lazyConnect: true }
      )
      client.on("error", () => undefined)
      await client.connect()
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

const sharedCluster: Effect.Effect<SharedCluster, never, Scope.Scope> = Effect.gen(function* () {
  const cluster = yield* RedisCluster.make
  return { ...cluster, client: yield* connect(cluster) }
})

/** With connections of its own. */
const layerOn = (cluster: RedisCluster.RedisCluster, prefix: string, options?: RedisCircuitStore.Options) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const client = yield* connect(cluster)
      const subscriber = yield* connect(cluster)
      return RedisCircuitStore.layerFromClient({ client, subscriber }, { ...storeOptions(options), prefix })
    })
  )

/** A store that sends its commands by the shared client, and its subscriptions by `subscriber`. */
const storeOn = ({ client }: SharedCluster, prefix: string, subscriber = client) =>
  Effect.map(
    Layer.build(
      RedisCircuitStore.layerFromClient({ client, subscriber }, { ...storeOptions(undefined), prefix })
    ),
    Context.get(CircuitStore.CircuitStore)
  )

/** A node of the fleet of `prefix`, with connections of its own. */
const nodeOn = (
  cluster: RedisCluster.RedisCluster,
  prefix: string,
  { breaker, store }: Options = {}
): Effect.Effect<Node, never, Scope.Scope> => connected(nodeWith(layerOn(cluster, prefix, store), breaker))

/** The keys with this prefix, for each primary. */
const keysOf = ({ primaries }: RedisCluster.RedisCluster, prefix: string) =>
  Effect.forEach(primaries, (server) => keysIn(server, prefix))

const allKeys = (cluster: RedisCluster.RedisCluster, prefix: string) =>
  Effect.map(keysOf(cluster, prefix), (parts) => parts.flat())

const slotOf = ({ primaries: [server] }: RedisCluster.RedisCluster, key: string): Effect.Effect<number> =>
  Effect.map(server.command("CLUSTER", "KEYSLOT", key), Number)

const sumOver = (
  servers: ReadonlyArray<ClusterServer>,
  f: (server: ClusterServer) => Effect.Effect<number>
) => Effect.map(Effect.forEach(servers, f), (numbers) => numbers.reduce((sum, it) => sum + it, 0))

/** The number of times that servers redirected a command to another one. */
const movedIn = ({ servers }: RedisCluster.RedisCluster): Effect.Effect<number> =>
  sumOver(servers, (server) =>
    Effect.map(infoOf(server, "errorstats", "errorstat_MOVED"), (it) => Number(it?.split("=")[1] ?? 0))
  )

const inAll = (
  { servers }: RedisCluster.RedisCluster,
  ...command: Parameters<ClusterServer["command"]>
): Effect.Effect<void> => Effect.forEach(servers, (server) => server.command(...command), { discard: true })

/** Waits until this number of nodes is subscribed to the changes of their breaker. */
const listening = ({ servers }: RedisCluster.RedisCluster, prefix: string, nodes: number) =>
  eventually(
    sumOver(servers, (server) => subscribersOf(server, channelOf(prefix))),
    nodes
  )

/** Two nodes that both know a circuit, which is idle. */
const shared = (cluster: RedisCluster.RedisCluster, key: string) =>
  Effect.gen(function* () {
    const prefix = newPrefix()
    const [a, b] = [yield* nodeOn(cluster, prefix), yield* nodeOn(cluster, prefix)]
    for (const node of [a, b]) yield* node.protectWith(Effect.void, { key })
    yield* listening(cluster, prefix, 2)
    return { prefix, nodes: [a, b] as const, a, b }
  })

describeInTurn("own", "a store in a Redis cluster", () =>
  sharing(Layer.scoped(Cluster, sharedCluster), (test) => {
    const prefix = newPrefix()
    const newStore = Effect.gen(function* () {
      const cluster = yield* Cluster
      return yield* storeOn(cluster, prefix, yield* connect(cluster))
    })
    for (const law of testing.storeLaws) {
      test(`CircuitStore law, on a cluster: ${law.about}: ${law.name}`, function* () {
        yield* law.check(Effect.provideService(newStore, Cluster, yield* Cluster))
      })
    }

    test("CircuitStore.exchange reaches circuits on all servers of a cluster, over which they are spread", function* () {
      const cluster = yield* Cluster
      const prefix = newPrefix()
      const store = yield* storeOn(cluster, prefix)
      const keys = Array.from({ length: 300 }, (_, i) => `tenant-${i}`)
      const requests = keys.map((key, i) => ({
        ...request,
        circuit: { breaker: "payments", key },
        window: reportOf(i + 1)
      }))
      const entries = yield* store.exchange(requests)
      assert.deepStrictEqual(
        entriesOf(entries).map(callsIn),
        keys.map((_, i) => i + 1)
      )
      const held = yield* keysOf(cluster, prefix)
      assert.strictEqual(held.flat().length, keys.length)
      for (const part of held) assert.isAbove(part.length, keys.length / 6)
    })

    test("C6 a node is notified of an opening by the one server it listens to, wherever in a cluster the circuit is", function* () {
      const cluster = yield* Cluster
      const prefix = newPrefix()
      const quiet = { store: { syncInterval: "1 hour" } } as const
      const a = yield* nodeOn(cluster, prefix, quiet)
      const b = yield* nodeOn(cluster, prefix, quiet)
      const keys = ["a", "b", "c", "d", "e", "f"]
      for (const node of [a, b]) {
        yield* Effect.forEach(keys, (key) => node.protectWith(Effect.void, { key }))
      }
      yield* listening(cluster, prefix, 2)
      for (const key of keys) for (let i = 0; i < 5; i++) a.callNow(unavailable, key)
      yield* eventually(
        Effect.forEach(keys, (key): Effect.Effect<string> => tagOf(b, key)),
        all(keys, "Open")
      )
      const primaries = new Set(
        yield* Effect.forEach(yield* allKeys(cluster, prefix), (key) =>
          Effect.map(slotOf(cluster, key), (slot) => cluster.primaryOf(slot).id)
        )
      )
      assert.isAbove(primaries.size, 1)
      assert.deepStrictEqual([a, b].map(storeLinesOf), [[], []])
    })

    const names: ReadonlyArray<readonly [what: string, prefix: string, breaker: string, key: string]> = [
      ["keys in braces", "", "payments", "{tenant}"],
      ["keys that close a brace", "", "payments", "}tenant"],
      ["a breaker in braces", "", "{payments}", "tenant"],
      ["a breaker that closes a brace", "", "pay}ments", "tenant"],
      ["a breaker that closes a brace at once", "", "}payments", "tenant"],
      ["empty braces", "", "{}", "{}"],
      ["no names", "", "", ""],
      ["names that are not ASCII", "", "zahlungen-größe", "店-💳"],
      ["a prefix that closes a brace", "app}:", "payments", "tenant"],
      ["a prefix in braces", "{app}:", "payments", "tenant"],
      ["a prefix with empty braces", "app{}:", "payments", "tenant"],
      ["a prefix that opens a brace", "app{:", "payments", "tenant"]
    ]
    for (const [what, start, breaker, key] of names) {
      const isSpread = !start.includes("{")
      test(`F9 nodes find the same circuits with ${what}${isSpread ? ", in slots of their own, without a redirection" : ""}`, function* () {
        const cluster = yield* Cluster
        const prefix = `${start}${newPrefix()}`
        const one = yield* storeOn(cluster, prefix)
        const other = yield* storeOn(cluster, prefix)
        const moved = yield* movedIn(cluster)
        const circuits = Array.from({ length: 20 }, (_, i) => ({ breaker, key: `${key}${i}` }))
        const reports = circuits.map((circuit, i) => ({ ...request, circuit, window: reportOf(i + 1) }))
        yield* one.exchange(reports)
        const reads = reports.map((it) => ({ ...it, window: { ...it.window, report: undefined } }))
        assert.deepStrictEqual(
          entriesOf(yield* other.exchange(reads)).map(callsIn),
          circuits.map((_, i) => i + 1)
        )
        if (!isSpread) return
        assert.strictEqual(yield* movedIn(cluster), moved)
        const slots = yield* Effect.forEach(yield* allKeys(cluster, prefix), (it) => slotOf(cluster, it))
        assert.isAbove(new Set(slots).size, circuits.length / 2)
      })
    }

    test("C6 a circuit stays shared while its slot moves to another server of a cluster", function* () {
      const cluster = yield* Cluster
      const { a, b, nodes, prefix } = yield* shared(cluster, "moving")
      for (const node of nodes) node.callNow(unavailable, "moving")
      const keys = allKeys(cluster, prefix)
      yield* eventually(
        Effect.map(keys, ({ length }) => length),
        1
      )
      const [key] = yield* keys
      const slot = yield* slotOf(cluster, key!)
      const source = cluster.primaryOf(slot)
      const target = cluster.primaries.find((it) => it !== source)!

      yield* target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
      yield* source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
      yield* source.command("MIGRATE", target.address.host, target.address.port, key!, 0, 5_000)
      // The source redirects questions to the target.
      yield* a.trip("moving")
      yield* eventually(tagOf(b, "moving"), "Open")
      assert.deepStrictEqual(yield* keysIn(source, prefix), [])

      for (const server of [target, source, ...cluster.primaries]) {
        yield* server.command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
      }
      yield* b.reset("moving")
      yield* eventually(tagOf(a, "moving"), "Closed")
      const late = yield* nodeOn(cluster, prefix)
      yield* a.trip("moving")
      assert.strictEqual((yield* rejectionOf(late.protectWith(Effect.void, { key: "moving" }))).state, "Open")
      assert.deepStrictEqual([a, b, late].map(storeLinesOf), [[], [], []])
    })

    test("C7 the first calls of 100 circuits at once on a cluster do not count as a failure of the store", function* () {
      const cluster = yield* Cluster
      const node = yield* nodeOn(cluster, newPrefix())
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => `tenant-${i}`),
        (key) => node.protectWith(Effect.void, { key }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(storeLinesOf(node), [])
    })

    test("C7 a node asks for the changes that it missed while its subscription moved to another server", function* () {
      const cluster = yield* Cluster
      const { a, b, prefix } = yield* shared(cluster, "missed")
      const mostClients = (count: number) => inAll(cluster, "CONFIG", "SET", "maxclients", count)
      // No client can connect meanwhile.
      yield* mostClients(1)
      yield* Effect.addFinalizer(() => mostClients(1_000))
      yield* inAll(cluster, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* listening(cluster, prefix, 0)
      yield* a.trip("missed")
      yield* mostClients(1_000)
      yield* listening(cluster, prefix, 2)
      yield* eventually(isRejected(b, "missed"), true)
    })

    test("C7 a node asks at intervals while its subscription is refused, and subscribes again when it is allowed", function* () {
      const cluster = yield* Cluster
      const { a, b, prefix } = yield* shared(cluster, "refused")
      yield* inAll(cluster, "ACL", "SETUSER", "default", "-subscribe")
      yield* inAll(cluster, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* Effect.addFinalizer(() => inAll(cluster, "ACL", "SETUSER", "default", "+subscribe"))
      yield* listening(cluster, prefix, 0)
      yield* a.trip("refused")
      yield* eventually(isRejected(b, "refused"), true)
      yield* inAll(cluster, "ACL", "SETUSER", "default", "+subscribe")
      yield* listening(cluster, prefix, 2)
    })
  })
)

describeWith("own", "C7 a Redis cluster that fails over", () => {
  const failures: Record<string, (primary: ClusterServer) => Effect.Effect<void>> = {
    "is killed": (primary) => primary.kill,
    "does not answer": (primary) => primary.freeze
  }
  for (const [what, fails] of Object.entries(failures)) {
    liveTest(
      `C7 a primary of a cluster that ${what} stops no call, and the nodes agree on its replica`,
      function* () {
        const cluster = yield* RedisCluster.make
        const [primary] = cluster.primaries
        const prefix = newPrefix()
        const options = { store: { deadline: 3_000 } }
        const a = yield* nodeOn(cluster, prefix, options)
        const b = yield* nodeOn(cluster, prefix, options)
        const nodes = [a, b]
        const key = yield* keyOn(cluster, primary, `${prefix}{payments:`)
        const tags = tagsOf(nodes, key)
        for (const node of nodes) yield* node.protectWith(Effect.void, { key })
        for (const node of nodes) node.callNow(unavailable, key)
        yield* a.trip(key)
        yield* eventually(tags, ["Open", "Open"])

        // The nodes would restore an opening that the replica does not know.
        yield* replicated(primary, cluster.replica)

        yield* fails(primary)
        yield* noticed({ nodes })
        yield* a.reset(key)
        assert.deepStrictEqual(yield* tags, ["Closed", "Open"])
        assert.deepStrictEqual(a.callNow(Effect.succeed("works"), key), Exit.succeed("works"))

        // The other primaries still answer, which must not count as the recovery of this one.
        yield* Effect.sleep(3 * syncMillis)
        assert.deepStrictEqual(nodes.map(storeLinesOf), all(nodes, ["Warning"]))

        yield* cluster.replica.command("CLUSTER", "FAILOVER", "TAKEOVER")
        yield* eventually(tags, ["Closed", "Closed"])
        yield* recovered({ nodes })
        assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open", "Open > Closed"]))
      }
    )
  }
})

/** The key of a circuit that lies on a server. */
const keyOn = (
  cluster: RedisCluster.RedisCluster,
  server: ClusterServer,
  start: string
): Effect.Effect<string> =>
  Effect.gen(function* () {
    for (let i = 0; ; i++) {
      const slot = yield* slotOf(cluster, `${start}tenant-${i}}`)
      if (cluster.primaryOf(slot) === server) return `tenant-${i}`
    }
  })
