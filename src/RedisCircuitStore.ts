/**
 * A {@link CircuitStore} in Redis, through which a fleet of processes shares its circuits. It uses the client
 * `ioredis`.
 *
 * **When to use**
 *
 * Use it if several processes call the same dependency and should stop calling it together. Providing the layer is the
 * only change to a program.
 *
 * **Details**
 *
 * - Each process keeps its own circuits, and calls use those. Redis is asked before the first call or control on a
 *   circuit, for a probe, and by a read such as `state` of a circuit that this process has not used. Other calls of a
 *   healthy circuit cost Redis nothing.
 * - When a circuit has failures, the processes exchange their counts. The process that finds that the policy trips
 *   opens the circuit on all of them. `halfOpen.probes` is the number of probes of all processes together.
 * - While Redis does not answer, each process uses its own circuits.
 *
 * **Gotchas**
 *
 * Only Redis 7.0 was tested. The scripts use no command that is newer than Redis 5.
 *
 * **Example** (Sharing a breaker's circuits)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 * import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
 *
 * const PaymentsLive = CircuitBreaker.layer({ name: "payments" }).pipe(
 *   Layer.provide(RedisCircuitStore.layer({ host: "localhost" }))
 * )
 *
 * // Without a Redis, calls use the circuit of this process.
 * const program = CircuitBreaker.protect(Effect.succeed("charged"))
 * assert.strictEqual(await Effect.runPromise(Effect.provide(program, PaymentsLive)), "charged")
 * ```
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Cluster, Redis, RedisOptions } from "ioredis"
import { CircuitStore, type Options as CoordinationOptions } from "./CircuitStore.ts"
import { configured } from "./internal/options/config.ts"
import * as internal from "./internal/stores/redis/layer.ts"

/**
 * Options of a store in Redis: those of every store, and the prefix of its keys.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends CoordinationOptions {
  /**
   * The beginning of every key and channel (default `"circuit:"`). In a cluster, circuits are spread over the servers;
   * a prefix with a hash tag, such as `"{circuit}:"`, puts all of them on one.
   *
   * Circuits are shared by processes that have the same prefix, the same `keyPrefix` of `ioredis` and the same
   * database: those that differ in one of them share no key and no channel.
   */
  readonly prefix?: string | undefined
}

/**
 * Options for the address of the server, and for the credentials. The defaults are those of `ioredis`: the host
 * `localhost`, the port 6379, the database 0, and no TLS.
 *
 * **Details**
 *
 * - A secret may be `Redacted`, as `Config.redacted` reads it. No error and no line of the log contains a secret.
 * - `url` is `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Special characters of the user
 *   and the password are percent-encoded. It excludes `host` and `port`. Any other part that the URL does not have may
 *   be given as an option, such as a password that comes from elsewhere. The only parameter that it may have is
 *   `family`.
 *
 * @since 0.1.0
 * @category options
 */
export interface ConnectionOptions {
  /** The URL of the server. */
  readonly url?: string | Redacted.Redacted | undefined
  readonly host?: string | undefined
  /** The port, from 1 to 65,535. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | Redacted.Redacted | undefined
  /** The number of the database. Circuits in different databases are different circuits. */
  readonly db?: number | undefined
  /** Whether to connect by TLS, or the options of Node's `tls.connect` for it, such as `ca`. */
  readonly tls?: boolean | RedisOptions["tls"]
}

/**
 * Provides a store on two connections of its own, for as long as the layer lives.
 *
 * **Details**
 *
 * It takes the options of `ioredis` as well. An option out of range is a defect, a `RangeError` that names it.
 *
 * **Gotchas**
 *
 * The layer is built even if Redis is unreachable or refuses the password: it waits for a second at most, and connects
 * in the background. A breaker then logs the reason once, without the user and the password, such as
 * `not connected to Redis (reconnecting): WRONGPASS ...`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options & ConnectionOptions & Omit<RedisOptions, keyof Options | keyof ConnectionOptions> = {}
): Layer.Layer<CircuitStore> => Layer.scoped(CircuitStore, internal.connect(options))

/**
 * Provides a store like {@link layer}, with options that are read from configuration.
 *
 * **Details**
 *
 * It takes its own options and {@link ConnectionOptions}. An option out of range is a `ConfigError` that names it.
 *
 * **Example** (Reading the address from the environment)
 *
 * ```ts
 * import * as assert from "node:assert"
 * import * as Config from "effect/Config"
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 * import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
 *
 * const SharedLive = CircuitBreaker.layer().pipe(
 *   Layer.provide(
 *     RedisCircuitStore.layerConfig({ url: Config.redacted("REDIS_URL") })
 *   )
 * )
 *
 * const provider = ConfigProvider.fromMap(new Map([["REDIS_URL", "redis://app:secret@localhost:6379/2"]]))
 * const state = CircuitBreaker.state().pipe(
 *   Effect.provide(SharedLive),
 *   Effect.provide(Layer.setConfigProvider(provider))
 * )
 *
 * assert.deepStrictEqual(await Effect.runPromise(state), { _tag: "Closed" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options & ConnectionOptions>
): Layer.Layer<CircuitStore, ConfigError.ConfigError> =>
  Layer.scoped(CircuitStore, configured("RedisCircuitStore.layerConfig", options, internal.connect))

/**
 * Provides a store on connections of the program, which the store does not close.
 *
 * **When to use**
 *
 * Use it for a `Cluster`, and to share a connection with the rest of the program.
 *
 * **Details**
 *
 * `client` sends commands, and `subscriber` only subscribes. A `Cluster` may be both: the store makes the connection
 * that it subscribes on, and closes it. Any other client given as both is refused with a `RangeError`.
 *
 * The circuits are in the database that `client` has selected when the layer is built. The program must not select
 * another one later.
 *
 * The program may subscribe to channels of its own on `subscriber`. After a lost connection `ioredis` renews those
 * (`autoResubscribe`), and the store renews its own.
 *
 * An option out of range is a defect, a `RangeError` that names it.
 *
 * **Gotchas**
 *
 * While the layer lives, the store listens for errors of `client`, and a breaker logs the first error of an outage. If
 * the client has no other listener, `ioredis` then no longer prints its errors.
 *
 * Give a `Redis` client the option `enableOfflineQueue: false`, so that commands fail at once while it is disconnected.
 * Leave that option of a `Cluster` at its default.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromClient = (
  clients: { readonly client: Redis | Cluster; readonly subscriber: Redis | Cluster },
  options: Options = {}
): Layer.Layer<CircuitStore> => Layer.scoped(CircuitStore, internal.fromClients(clients, options))
