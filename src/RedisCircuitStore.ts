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
 * - Each process keeps its own circuits, and calls use those. Redis is asked before the first call on a circuit, for a
 *   probe, and by a read such as `state` of a circuit that this process has not used. Other calls of a healthy circuit
 *   cost Redis nothing.
 * - When a circuit has failures, the processes exchange their counts. The process that finds that the policy trips
 *   opens the circuit on all of them. `halfOpen.probes` is the number of probes of all processes together.
 * - While Redis does not answer, each process uses its own circuits.
 *
 * **Gotchas**
 *
 * Tested on Redis 7. The scripts use no command that is newer than Redis 5.
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
 * Options of a store in Redis: those of every store, and the prefix of its keys.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends CoordinationOptions {
  /**
   * The beginning of every key and channel (default `"circuit:"`). In a cluster, circuits are spread over the servers;
   * a prefix with a hash tag, such as `"{circuit}:"`, puts all of them on one.
   */
  readonly prefix?: string | undefined
}

/**
 * Provides a store on two connections of its own, for as long as the layer lives.
 *
 * **Details**
 *
 * Takes the options of `ioredis` beside its own.
 *
 * **Gotchas**
 *
 * The layer is built even if Redis is unreachable: it waits a second at most, and connects in the background.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options & Omit<RedisOptions, keyof Options> = {}): Layer.Layer<CircuitStore> =>
  Layer.scoped(CircuitStore, internal.connect(options))

/**
 * Provides a store like {@link layer}, with options that are read from configuration.
 *
 * **Details**
 *
 * An option out of range is a `ConfigError`.
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
 *     RedisCircuitStore.layerConfig({
 *       host: Config.string("REDIS_HOST"),
 *       port: Config.withDefault(Config.integer("REDIS_PORT"), 6379)
 *     })
 *   )
 * )
 *
 * const provider = ConfigProvider.fromMap(new Map([["REDIS_HOST", "localhost"]]))
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
  options: Config.Config.Wrap<Options & Pick<RedisOptions, "host" | "port" | "username" | "password" | "db">>
): Layer.Layer<CircuitStore, ConfigError.ConfigError> =>
  Layer.scoped(CircuitStore, orConfigError(Effect.flatMap(Config.unwrap(given(options)), internal.connect)))

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
 * that it subscribes on, and closes it.
 *
 * **Gotchas**
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
