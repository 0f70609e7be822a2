import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis, RedisOptions } from "ioredis"
import type { Store } from "../../../CircuitStore.ts"
import type { ConnectionOptions, Options } from "../../../RedisCircuitStore.ts"
import { refuse } from "../../options/checks.ts"
import { makeCoordination } from "../coordination.ts"
import * as Address from "./address.ts"
import { open } from "./connection.ts"
import { isCluster, Listener } from "./listener.ts"
import * as Reason from "./reason.ts"
import * as RedisStore from "./store.ts"

/** Options of a store on connections of its own: its own options, and those of `ioredis`. */
type ConnectOptions = Options &
  ConnectionOptions &
  Omit<RedisOptions, keyof Options | keyof ConnectionOptions>

/**
 * Makes a store on connections of its own, which are closed with the scope.
 *
 * @internal
 */
export const connect = (options: ConnectOptions): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    checkGiven("RedisCircuitStore", "given options, such as { url }", options)
    const { deadline, lease, onStoreError, prefix, quorum, sync, syncInterval, ...address } = options
    const settings = settingsOf({ deadline, lease, onStoreError, prefix, quorum, sync, syncInterval })
    const redis = Address.decode(address)
    const [{ client, reason }, subscriber] = yield* Effect.all(
      [
        open({ ...redis, enableOfflineQueue: false, maxRetriesPerRequest: 0 }),
        // The listener subscribes again itself, because ioredis would leave a refusal unhandled, which ends the
        // process.
        open({ ...redis, maxRetriesPerRequest: null, autoResubscribe: false })
      ],
      { concurrency: "unbounded" }
    )
    const listener = yield* Listener.make(subscriber.client)
    return RedisStore.make({
      client,
      reason,
      listener,
      ...settings,
      reconnect: () => client.disconnect(true)
    })
  })

interface Clients {
  readonly client: Redis | Cluster
  readonly subscriber: Redis | Cluster
}

/**
 * Makes a store on given connections.
 *
 * @internal
 */
export const fromClients = (clients: Clients, options: Options): Effect.Effect<Store, never, Scope.Scope> =>
  Effect.gen(function* () {
    checkGiven("RedisCircuitStore", "given options", options)
    checkGiven("RedisCircuitStore", "given clients: { client, subscriber }", clients)
    const { client, subscriber } = clients
    checkClient("client", client)
    checkClient("subscriber", subscriber)
    const settings = settingsOf(options)
    if (client === subscriber && !isCluster(client)) {
      throw new RangeError(
        "RedisCircuitStore: subscriber must be another client than client, because one that subscribes sends no commands"
      )
    }
    const reason = yield* Effect.acquireRelease(
      Effect.sync(() => Reason.watch(client)),
      ({ stop }) => Effect.sync(stop)
    )
    const listener = yield* Listener.make(subscriber)
    const reconnect = () => (isCluster(client) ? client.refreshSlotsCache() : undefined)
    return RedisStore.make({ client, reason, listener, ...settings, reconnect })
  })

/** Checks that a value is an object. The message has only the type of any other, such as a URL with a password. */
const checkGiven = (what: string, allowed: string, value: unknown): void => {
  if (!Predicate.isRecord(value)) refuse(what, allowed, typeName(value))
}

const checkClient = (option: string, client: unknown): void => {
  if (!Predicate.hasProperty(client, "defineCommand"))
    refuse(`RedisCircuitStore: ${option}`, "a client of ioredis", typeName(client))
}

const typeName = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value

const settingsOf = ({ prefix = "circuit:", ...coordination }: Options) => ({
  prefix,
  coordination: makeCoordination("RedisCircuitStore", coordination)
})
