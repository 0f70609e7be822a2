/** A cluster of three servers, and nodes of a fleet that share their circuits on it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { CircuitStore } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import type { ClusterOptions } from "ioredis"
import { Cluster } from "ioredis"
import type { Node, Options } from "./fixtures.ts"
import { connected, eventually, nodeWith, storeDefaults } from "./fixtures.ts"
import { freePort } from "./ports.ts"
import type { RedisProcess } from "./RedisProcess.ts"
import * as Process from "./RedisProcess.ts"

export interface ClusterServer extends RedisProcess {
  readonly id: string
  readonly busPort: number
}

export interface RedisCluster {
  readonly primaries: readonly [ClusterServer, ClusterServer, ClusterServer]
  /** Of the first primary. It takes over only where it is told to. */
  readonly replica: ClusterServer
  readonly servers: ReadonlyArray<ClusterServer>
  /** The primary that serves a slot from the beginning. */
  readonly primaryOf: (slot: number) => ClusterServer
}

const { host } = Process
const slots = 16_384

export const make: Effect.Effect<RedisCluster, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Process.directory
  const server = (name: string) => startServer(directory, name)
  const primaries = [yield* server("first"), yield* server("second"), yield* server("third")] as const
  const replica = yield* server("replica")
  const servers = [...primaries, replica]
  const [first] = primaries

  const share = Math.ceil(slots / primaries.length)
  for (const [i, primary] of primaries.entries()) {
    yield* primary.command("CLUSTER", "ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, slots) - 1)
  }
  for (const { busPort, port } of servers.slice(1)) {
    yield* first.command("CLUSTER", "MEET", host, port, busPort)
  }
  const inAll = <A>(look: (server: ClusterServer) => Effect.Effect<A>, expected: A) =>
    eventually(
      Effect.forEach(servers, look),
      servers.map(() => expected)
    )
  // Who has just met is not spoken to yet.
  yield* inAll(
    ({ command }) => Effect.map(command("CLUSTER", "NODES"), (nodes) => /handshake/.test(String(nodes))),
    false
  )
  yield* inAll((it) => infoOf(it, "cluster_known_nodes"), `${servers.length}`)
  yield* replica.command("CLUSTER", "REPLICATE", first.id)
  yield* inAll((it) => infoOf(it, "cluster_state"), "ok")
  yield* eventually(
    Effect.map(replica.command("INFO", "replication"), (info) => String(info).includes("link_status:up")),
    true
  )
  return { primaries, replica, servers, primaryOf: (slot) => primaries[Math.floor(slot / share)]! }
})

const infoOf = ({ command }: ClusterServer, name: string): Effect.Effect<string | undefined> =>
  Effect.map(
    command("CLUSTER", "INFO"),
    (info) =>
      String(info)
        .split("\r\n")
        .find((line) => line.startsWith(`${name}:`))
        ?.split(":")[1]
  )

const startServer = (dir: string, name: string): Effect.Effect<ClusterServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const busPort = yield* Effect.promise(freePort)
    const process = yield* Process.server({
      dir,
      "cluster-enabled": "yes",
      "cluster-port": busPort,
      "cluster-config-file": `${name}.conf`,
      // A busy machine is not to be taken for a failure.
      "cluster-node-timeout": 60_000,
      "cluster-replica-no-failover": "yes"
    })
    return { ...process, id: String(yield* process.command("CLUSTER", "MYID")), busPort }
  })

// ---------------------------------------------------------------------------------------------------------
// Clients

/** A client of the program's own. */
export const connect = (
  { primaries }: RedisCluster,
  options: ClusterOptions = {}
): Effect.Effect<Cluster, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Cluster(
        primaries.map(({ port }) => ({ host, port })),
        { lazyConnect: true, ...options }
      )
      client.on("error", () => undefined)
      await client.connect()
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

const layerOn = (
  cluster: RedisCluster,
  options: RedisCircuitStore.Options
): Layer.Layer<CircuitStore.CircuitStore> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const client = yield* connect(cluster)
      const subscriber = yield* connect(cluster)
      return RedisCircuitStore.layerFromClient({ client, subscriber }, options)
    })
  )

export const storeOn = (
  cluster: RedisCluster,
  options: RedisCircuitStore.Options
): Effect.Effect<CircuitStore.Store, never, Scope.Scope> =>
  Effect.map(Layer.build(layerOn(cluster, options)), Context.get(CircuitStore.CircuitStore))

/** A breaker of the fleet of `prefix`, with connections of its own. */
export const nodeOn = (
  cluster: RedisCluster,
  prefix: string,
  { breaker, store }: Options = {}
): Effect.Effect<Node, never, Scope.Scope> => {
  return connected(nodeWith(layerOn(cluster, { prefix, ...storeDefaults(store) }), breaker))
}
