/**
 * Circuits shared by a fleet of processes through Redis, by the client `ioredis`. Tested on Redis 7; the scripts use nothing
 * newer than Redis 5.
 *
 * Providing the layer is the only change a program needs:
 *
 * ```
 * CircuitBreaker.layer(options).pipe(Layer.provide(RedisCircuitStore.layer({ host: "localhost" })))
 * ```
 *
 * A healthy call does not ask Redis, but for the first one on a circuit; nor does a read, but for a circuit that this
 * process has not met. Each process runs its own machine; once a circuit has failures, what the processes count is put
 * together, the one that finds that the policy trips opens the circuit for all, and they probe as one. While Redis cannot
 * be asked, every process goes by its own circuits.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Cluster, Redis, RedisOptions } from "ioredis"
import { CircuitStore, type Options as CoordinationOptions } from "./CircuitStore.ts"
import { orConfigError } from "./internal/options/config.ts"
import { given } from "./internal/options/checks.ts"
import * as internal from "./internal/stores/redis/layer.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends CoordinationOptions {
  /**
   * Begins every key and channel (default `"circuit:"`). In a cluster, circuits are spread over the servers; a prefix with
   * a hash tag of its own, `{...}`, puts them all on one.
   */
  readonly prefix?: string | undefined
}

/**
 * Connects to Redis with the options of `ioredis`, for as long as the layer lives. It does not wait for a Redis that is
 * not there: calls go on without it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options & Omit<RedisOptions, keyof Options> = {}): Layer.Layer<CircuitStore> =>
  Layer.scoped(CircuitStore, internal.connect(options))

/**
 * As {@link layer}, with options from configuration. An option out of range is a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options & Pick<RedisOptions, "host" | "port" | "username" | "password" | "db">>
): Layer.Layer<CircuitStore, ConfigError.ConfigError> =>
  Layer.scoped(CircuitStore, orConfigError(Effect.flatMap(Config.unwrap(given(options)), internal.connect)))

/**
 * A store on connections of the program's own, which it keeps open itself: one to ask, and one to listen. A `Cluster` may
 * be both at once; what it needs to listen is opened and closed by the store. A `Redis` should fail at once what it
 * cannot send (`enableOfflineQueue: false`), a `Cluster` should not.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromClient = (
  clients: { readonly client: Redis | Cluster; readonly subscriber: Redis | Cluster },
  options: Options = {}
): Layer.Layer<CircuitStore> => Layer.scoped(CircuitStore, internal.fromClients(clients, options))
