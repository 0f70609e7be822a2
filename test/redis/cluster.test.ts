import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Scope from "effect/Scope"
import type { CircuitStore } from "effect-circuit-breaker"
import * as testing from "effect-circuit-breaker/testing"
import { entriesOf } from "../entries.ts"
import { rejectionOf } from "../rules/fixtures.ts"
import { all, eventually, historyOf, newPrefix, storeLinesOf } from "./fixtures.ts"
import type { Node } from "./fixtures.ts"
import * as RedisCluster from "./RedisCluster.ts"
import type { ClusterServer } from "./RedisCluster.ts"
import * as RedisServer from "./RedisServer.ts"
import { noticed, recovered } from "./World.ts"

class Cluster extends Context.Tag("Cluster")<Cluster, RedisCluster.RedisCluster>() {}

const runtime = ManagedRuntime.make(Layer.scoped(Cluster, RedisCluster.make))

const test = <E>(name: string, run: () => Effect.Effect<void, E, Cluster | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(run(), runtime))

const deadline = "10 seconds"
const keepMillis = 60_000

const contribution = (circuit: CircuitStore.CircuitId, value: string): CircuitStore.ExchangeRequest => ({
  circuit,
  node: "one",
  contribution: value,
  announce: false,
  keepMillis
})

const valuesOf = (entries: ReadonlyArray<CircuitStore.Entry>) =>
  entries.map(({ contributions }) => contributions.map(({ value }) => value))

const keysIn = (server: ClusterServer, prefix: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(server.command("KEYS", "*"), (keys) =>
    Array.isArray(keys) ? keys.map(String).filter((key) => key.startsWith(prefix)) : []
  )

const allKeys = ({ primaries }: RedisCluster.RedisCluster, prefix: string) =>
  Effect.map(
    Effect.forEach(primaries, (server) => keysIn(server, prefix)),
    (parts) => parts.flat()
  )

const slotOf = ({ primaries: [server] }: RedisCluster.RedisCluster, key: string): Effect.Effect<number> =>
  Effect.map(server.command("CLUSTER", "KEYSLOT", key), Number)

/** How often a server had to tell that what it was asked for is elsewhere. */
const movedIn = ({ servers }: RedisCluster.RedisCluster): Effect.Effect<number> =>
  Effect.map(
    Effect.forEach(servers, ({ command }) => command("INFO", "errorstats")),
    (stats) =>
      stats.reduce<number>((n, it) => n + Number(/errorstat_MOVED:count=(\d+)/.exec(String(it))?.[1] ?? 0), 0)
  )

const inAll = (
  { servers }: RedisCluster.RedisCluster,
  ...command: Parameters<ClusterServer["command"]>
): Effect.Effect<void> => Effect.forEach(servers, (server) => server.command(...command), { discard: true })

const tagOf = (node: Node, key: string): Effect.Effect<string> =>
  Effect.map(node.state(key), ({ _tag }) => _tag)

const isRejected = (node: Node, key: string): Effect.Effect<boolean> =>
  Effect.map(Effect.exit(node.protectWith(Effect.void, { key })), Exit.isFailure)

/** A circuit that both nodes know, and of which there is nothing to tell. */
const shared = (cluster: RedisCluster.RedisCluster, key: string) =>
  Effect.gen(function* () {
    const prefix = newPrefix()
    const [a, b] = [yield* RedisCluster.nodeOn(cluster, prefix), yield* RedisCluster.nodeOn(cluster, prefix)]
    for (const node of [a, b]) yield* node.protectWith(Effect.void, { key })
    yield* listening(cluster, `${prefix}v1:0:payments`, 2)
    return { prefix, nodes: [a, b] as const, a, b }
  })

/** Waits until so many nodes are told of changes. */
const listening = ({ servers }: RedisCluster.RedisCluster, channel: string, nodes: number) =>
  eventually(
    Effect.map(
      Effect.forEach(servers, ({ command }) => command("PUBSUB", "NUMSUB", channel)),
      (answers) => answers.reduce<number>((n, it) => n + (Array.isArray(it) ? Number(it[1]) : 0), 0)
    ),
    nodes
  )

RedisServer.describeInTurn("own", "the store in a Redis cluster", () => {
  beforeAll(() => runtime.runPromise(Effect.void))
  afterAll(() => runtime.dispose())

  const prefix = newPrefix()
  const connect = Effect.flatMap(Cluster, (cluster) => RedisCluster.storeOn(cluster, { prefix, deadline }))
  for (const law of testing.storeLaws) {
    test(`${law.about}: ${law.name}`, () =>
      Effect.flatMap(Effect.context<Cluster>(), (context) => law.check(Effect.provide(connect, context))))
  }

  test("circuits are spread over the servers, and one exchange reaches them all", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const prefix = newPrefix()
      const store = yield* RedisCluster.storeOn(cluster, { prefix, deadline })
      const keys = Array.from({ length: 300 }, (_, i) => `tenant-${i}`)
      const requests = keys.map((key) => contribution({ breaker: "payments", key }, key))
      const entries = yield* store.exchange(requests)
      assert.deepStrictEqual(
        valuesOf(entriesOf(entries)),
        keys.map((key) => [key])
      )
      const held = yield* Effect.forEach(cluster.primaries, (server) => keysIn(server, prefix))
      assert.strictEqual(held.flat().length, keys.length)
      for (const part of held) assert.isAbove(part.length, keys.length / 6)
    }))

  test("a node learns of an opening from the server it listens to, wherever the circuit is", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const prefix = newPrefix()
      const quiet = { store: { syncInterval: "1 hour" } } as const
      const a = yield* RedisCluster.nodeOn(cluster, prefix, quiet)
      const b = yield* RedisCluster.nodeOn(cluster, prefix, quiet)
      const keys = ["a", "b", "c", "d", "e", "f"]
      for (const node of [a, b]) {
        yield* Effect.forEach(keys, (key) => node.protectWith(Effect.void, { key }))
      }
      yield* listening(cluster, `${prefix}v1:0:payments`, 2)
      for (const key of keys) for (let i = 0; i < 5; i++) a.callNow(Effect.fail("unavailable"), key)
      yield* eventually(
        Effect.forEach(keys, (key) => tagOf(b, key)),
        all(keys, "Open")
      )
      const primaries = new Set(
        yield* Effect.forEach(yield* allKeys(cluster, prefix), (key) =>
          Effect.map(slotOf(cluster, key), (slot) => cluster.primaryOf(slot).port)
        )
      )
      assert.isAbove(primaries.size, 1)
      assert.deepStrictEqual([a, b].map(storeLinesOf), [[], []])
    }))

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
    test(`${what}: nodes meet${isSpread ? ", each circuit has a slot of its own, and nobody asks elsewhere" : ""}`, () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster
        const prefix = `${start}${newPrefix()}`
        const one = yield* RedisCluster.storeOn(cluster, { prefix, deadline })
        const other = yield* RedisCluster.storeOn(cluster, { prefix, deadline })
        const moved = yield* movedIn(cluster)
        const circuits = Array.from({ length: 20 }, (_, i) => ({ breaker, key: `${key}${i}` }))
        yield* one.exchange(circuits.map((circuit) => contribution(circuit, circuit.key)))
        const reads = circuits.map((circuit) => ({ ...contribution(circuit, ""), contribution: undefined }))
        assert.deepStrictEqual(
          valuesOf(entriesOf(yield* other.exchange(reads))),
          circuits.map(({ key }) => [key])
        )
        if (!isSpread) return
        assert.strictEqual(yield* movedIn(cluster), moved)
        const slots = yield* Effect.forEach(yield* allKeys(cluster, prefix), (it) => slotOf(cluster, it))
        assert.isAbove(new Set(slots).size, circuits.length / 2)
      }))
  }

  test("a slot moves to another server while its circuit is in use", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const { a, b, nodes, prefix } = yield* shared(cluster, "moving")
      for (const node of nodes) node.callNow(Effect.fail("unavailable"), "moving")
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
      yield* source.command("MIGRATE", "127.0.0.1", target.port, key!, 0, 5_000)
      // The source sends whoever asks on to the target.
      yield* a.trip("moving")
      yield* eventually(tagOf(b, "moving"), "Open")
      assert.deepStrictEqual(yield* keysIn(source, prefix), [])

      for (const server of [target, source, ...cluster.primaries]) {
        yield* server.command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
      }
      yield* b.reset("moving")
      yield* eventually(tagOf(a, "moving"), "Closed")
      const late = yield* RedisCluster.nodeOn(cluster, prefix)
      yield* a.trip("moving")
      assert.strictEqual((yield* rejectionOf(late.protectWith(Effect.void, { key: "moving" }))).state, "Open")
      assert.deepStrictEqual([a, b, late].map(storeLinesOf), [[], [], []])
    }))

  test("many circuits that are new at once are not taken for a store that fails", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const node = yield* RedisCluster.nodeOn(cluster, newPrefix())
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => `tenant-${i}`),
        (key) => node.protectWith(Effect.void, { key }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(storeLinesOf(node), [])
    }))

  test("what changes while the client moves its subscription to another server is asked for", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const { a, b, prefix } = yield* shared(cluster, "missed")
      const mostClients = (count: number) => inAll(cluster, "CONFIG", "SET", "maxclients", count)
      // Nobody connects meanwhile.
      yield* mostClients(1)
      yield* Effect.addFinalizer(() => mostClients(1_000))
      yield* inAll(cluster, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* listening(cluster, `${prefix}v1:0:payments`, 0)
      yield* a.trip("missed")
      yield* mostClients(1_000)
      yield* listening(cluster, `${prefix}v1:0:payments`, 2)
      yield* eventually(isRejected(b, "missed"), true)
    }))

  test("a node whose subscription is refused asks, and is told again when it is not", () =>
    Effect.gen(function* () {
      const cluster = yield* Cluster
      const { a, b, prefix } = yield* shared(cluster, "refused")
      yield* inAll(cluster, "ACL", "SETUSER", "default", "-subscribe")
      yield* inAll(cluster, "CLIENT", "KILL", "TYPE", "pubsub")
      yield* Effect.addFinalizer(() => inAll(cluster, "ACL", "SETUSER", "default", "+subscribe"))
      yield* listening(cluster, `${prefix}v1:0:payments`, 0)
      yield* a.trip("refused")
      yield* eventually(isRejected(b, "refused"), true)
      yield* inAll(cluster, "ACL", "SETUSER", "default", "+subscribe")
      yield* listening(cluster, `${prefix}v1:0:payments`, 2)
    }))
})

RedisServer.describeWith("own", "a Redis cluster that fails over", () => {
  const failures: Record<string, (primary: ClusterServer) => Effect.Effect<void>> = {
    "is killed": (primary) => primary.kill,
    "is silent": (primary) => primary.freeze
  }
  for (const [what, fails] of Object.entries(failures)) {
    it.scopedLive(`when a primary ${what}, calls go on, and the nodes agree on its replica`, () =>
      Effect.gen(function* () {
        const cluster = yield* RedisCluster.make
        const [primary] = cluster.primaries
        const prefix = newPrefix()
        const options = { store: { deadline: 3_000 } }
        const a = yield* RedisCluster.nodeOn(cluster, prefix, options)
        const b = yield* RedisCluster.nodeOn(cluster, prefix, options)
        const nodes = [a, b]
        const key = yield* keyOn(cluster, primary, `${prefix}{payments:`)
        const tags = Effect.forEach(nodes, (node) => tagOf(node, key))
        for (const node of nodes) yield* node.protectWith(Effect.void, { key })
        for (const node of nodes) node.callNow(Effect.fail("unavailable"), key)
        yield* a.trip(key)
        yield* eventually(tags, ["Open", "Open"])

        // An opening that the replica does not know is one to give back to it.
        yield* replicated(primary, cluster.replica)

        yield* fails(primary)
        yield* noticed({ nodes })
        yield* a.reset(key)
        assert.deepStrictEqual(yield* tags, ["Closed", "Open"])
        assert.deepStrictEqual(a.callNow(Effect.succeed("works"), key), Exit.succeed("works"))

        yield* cluster.replica.command("CLUSTER", "FAILOVER", "TAKEOVER")
        yield* eventually(tags, ["Closed", "Closed"])
        yield* recovered({ nodes })
        assert.deepStrictEqual(nodes.map(historyOf), all(nodes, ["Closed > Open", "Open > Closed"]))
      })
    )
  }
})

/** Waits until the replica has all that the primary has. */
const replicated = (primary: ClusterServer, replica: ClusterServer): Effect.Effect<void> => {
  const offsetOf = ({ command }: ClusterServer, name: string) =>
    Effect.map(command("INFO", "replication"), (info) => new RegExp(`${name}:(\\d+)`).exec(String(info))?.[1])
  return eventually(
    Effect.map(
      Effect.all([offsetOf(primary, "master_repl_offset"), offsetOf(replica, "slave_repl_offset")]),
      ([written, read]) => written === read
    ),
    true
  )
}

/** The key of a circuit that a server keeps. */
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
