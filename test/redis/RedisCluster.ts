/** A cluster of three servers and a replica of the first. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { replicated } from "./commands.ts"
import { freePort } from "./ports.ts"
import type { OwnRedisServer } from "./RedisServer.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually } from "./waiting.ts"

export interface ClusterServer extends OwnRedisServer {
  readonly id: string
  readonly busPort: number
}

export interface RedisCluster {
  readonly primaries: readonly [ClusterServer, ClusterServer, ClusterServer]
  /** The replica of the first primary. It takes over only at a test's request. */
  readonly replica: ClusterServer
  readonly servers: ReadonlyArray<ClusterServer>
  /** The primary that serves a slot from the beginning. */
  readonly primaryOf: (slot: number) => ClusterServer
}

const slots = 16_384

export const make: Effect.Effect<RedisCluster, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* RedisServer.directory
  const server = (name: string) => startServer(directory, name)
  const primaries = [yield* server("first"), yield* server("second"), yield* server("third")] as const
  const replica = yield* server("replica")
  const servers = [...primaries, replica]
  const [first] = primaries

  const share = Math.ceil(slots / primaries.length)
  for (const [i, primary] of primaries.entries()) {
    yield* primary.command("CLUSTER", "ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, slots) - 1)
  }
  for (const { address, busPort } of servers.slice(1)) {
    yield* first.command("CLUSTER", "MEET", address.host, address.port, busPort)
  }
  const inAll = <A>(look: (server: ClusterServer) => Effect.Effect<A>, expected: A) =>
    eventually(
      Effect.forEach(servers, look),
      servers.map(() => expected)
    )
  // Servers that have just met do not talk to each other yet.
  yield* inAll(
    ({ command }) => Effect.map(command("CLUSTER", "NODES"), (nodes) => /handshake/.test(String(nodes))),
    false
  )
  yield* inAll((it) => clusterInfoOf(it, "cluster_known_nodes"), `${servers.length}`)
  yield* replica.command("CLUSTER", "REPLICATE", first.id)
  yield* inAll((it) => clusterInfoOf(it, "cluster_state"), "ok")
  yield* replicated(first, replica)
  return { primaries, replica, servers, primaryOf: (slot) => primaries[Math.floor(slot / share)]! }
})

/** A cluster of one server, which a client of a single server can use, too. */
export const makeSingle: Effect.Effect<ClusterServer, never, Scope.Scope> = Effect.gen(function* () {
  const server = yield* startServer(yield* RedisServer.directory, "single")
  yield* server.command("CLUSTER", "ADDSLOTSRANGE", 0, slots - 1)
  yield* eventually(clusterInfoOf(server, "cluster_state"), "ok")
  return server
})

const clusterInfoOf = ({ command }: ClusterServer, name: string): Effect.Effect<string | undefined> =>
  Effect.map(command("CLUSTER", "INFO"), (info) => new RegExp(`${name}:(.*?)\r`).exec(String(info))?.[1])

const startServer = (dir: string, name: string): Effect.Effect<ClusterServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const busPort = yield* Effect.promise(freePort)
    const server = yield* RedisServer.make({
      dir,
      "cluster-enabled": "yes",
      "cluster-port": busPort,
      "cluster-config-file": `${name}.conf`,
      // A busy machine must not count as a failure.
      "cluster-node-timeout": 60_000,
      "cluster-replica-no-failover": "yes"
    })
    return { ...server, id: String(yield* server.command("CLUSTER", "MYID")), busPort }
  })
