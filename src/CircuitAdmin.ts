/**
 * An HTTP API with which operators inspect the circuits of a process, and control them by hand.
 *
 * **When to use**
 *
 * Use it to find out which circuit is open, since when and why, and to isolate, disable, trip or reset one without a
 * new release of the program.
 *
 * **Details**
 *
 * - {@link layer} mounts it on an `HttpLayerRouter`, and {@link layerApi} implements {@link group} in an `HttpApi` of
 *   the program. {@link client} and {@link events} call it, with types of the same definition.
 * - It shows every breaker of the `CircuitBreakerRegistry`. Reading never creates a circuit or changes its state: a
 *   circuit that no call has used yet is a 404. A change creates such a circuit, as the breaker's own methods do, so an
 *   operator can isolate a key before its first call.
 * - It is read-only unless a `token` or `authorize` is given. A change needs the header `x-circuit-admin: 1`, a body of
 *   `application/json` and, in a browser, a page of the same origin. Every change is logged with its owner and reason.
 * - An isolation or a disabling that is made by hand is an override: it has an owner, a reason and an expiry, it is
 *   listed, and it outlives its request. It ends at its expiry, when it is released, or with the layer.
 * - With a store, a change applies to all processes that share the circuit. The window of a circuit is that of all
 *   these processes if the store has reported their counts, and that of this process otherwise (see `windowOf`).
 *
 * **Gotchas**
 *
 * - A change with a misspelled key creates a circuit with that key. Every answer and every line of the log names the
 *   key. Such circuits count towards the `capacity` of their breaker, and a key has at most 4,096 characters.
 * - Anybody who can reach the path can read it unless `reads` is `"authorized"`. Mount it where only operators have
 *   access.
 * - Totals, rates, overrides and recent transitions are those of the process that answers, and transitions from before
 *   the layer was built are not known. Behind a load balancer, address a single process.
 *
 * **Example** (Isolating a circuit)
 *
 * ```ts
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
 * import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
 * import * as HttpServer from "@effect/platform/HttpServer"
 * import * as assert from "node:assert"
 * import { createServer } from "node:http"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import { CircuitBreaker } from "effect-circuit-breaker"
 * import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
 *
 * // In a program, `CircuitAdmin.layerConfig({ token: Config.redacted("CIRCUIT_ADMIN_TOKEN") })` reads it.
 * const token = Redacted.make("a-token-for-operators")
 *
 * const ServerLive = HttpLayerRouter.serve(CircuitAdmin.layer({ token }), { disableListenLog: true }).pipe(
 *   Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
 * )
 *
 * const program = Effect.gen(function* () {
 *   const breaker = yield* CircuitBreaker.make({ name: "payments" })
 *   yield* breaker.protectWith(Effect.succeed("charged"), { key: "eu" })
 *
 *   const baseUrl = yield* HttpServer.addressFormattedWith((url) => Effect.succeed(url))
 *   const { circuitAdmin } = yield* CircuitAdmin.client({ baseUrl, token })
 *   const { override } = yield* circuitAdmin.isolate({
 *     payload: {
 *       breaker: "payments",
 *       key: "eu",
 *       owner: "ada",
 *       reason: "the provider is being repaired",
 *       expiresInSeconds: 600
 *     }
 *   })
 *   const { circuits } = yield* circuitAdmin.circuits({ urlParams: { state: ["Isolated"] } })
 *   return [override?.owner, circuits.map(({ key }) => key)]
 * }).pipe(Effect.scoped, Effect.provide([ServerLive, FetchHttpClient.layer]))
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["ada", ["eu"]])
 * ```
 *
 * @since 0.1.0
 */
import type * as Etag from "@effect/platform/Etag"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as HttpPlatform from "@effect/platform/HttpPlatform"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Path from "@effect/platform/Path"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as ParseResult from "effect/ParseResult"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import * as internalClient from "./internal/admin/client.ts"
import * as internal from "./internal/admin/group.ts"
import * as layers from "./internal/admin/layers.ts"
import { decode, decodePath } from "./internal/admin/options.ts"
import type * as Schemas from "./internal/admin/schemas.ts"
import { configured } from "./internal/options/config.ts"

/**
 * The access that a request needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Access = "read" | "change"

/**
 * The breakers of a process with their circuits by state, and what a client may do.
 *
 * @since 0.1.0
 * @category models
 */
export type Breakers = typeof Schemas.Breakers.Type

/**
 * A circuit in a list. Times are epoch milliseconds, or `null` if the process does not know them.
 *
 * **Details**
 *
 * - `window` and `nearness` are those by which the circuit is judged. `windowOf` says whose calls they count: `"Fleet"`
 *   if the circuit is shared and the store has answered with the counts of all processes; `"Process"` if they are those
 *   of this process (without a store, if the store does not answer, or if the circuit is healthy on all processes and
 *   so not exchanged); `null` in states without a window.
 * - `nearness` is how near the window is to tripping, from 0 to 1; `null` for a custom policy, and in states without a
 *   window.
 * - `spared` is the number of calls that were rejected since the circuit left Closed; `null` while it is Closed.
 * - `rates` are those of the latest second; `null` while no client listens to the events.
 *
 * @since 0.1.0
 * @category models
 */
export type CircuitSummary = typeof Schemas.CircuitSummary.Type

/**
 * All details of a circuit.
 *
 * **Details**
 *
 * - `figures` are the figures of the window against the thresholds of the policy.
 * - `lastFailure.description` is the name of the error, or the log line of an HTTP adapter. `lastFailure.cause` is
 *   `null` without `exposeCauses`.
 * - `transitions` are the latest 20, newest first, and `overrides` those of this circuit.
 *
 * The totals are those of this process.
 *
 * @since 0.1.0
 * @category models
 */
export type CircuitDetails = typeof Schemas.CircuitDetails.Type

/**
 * The state of a circuit, with its times.
 *
 * @since 0.1.0
 * @category models
 */
export type State = typeof Schemas.State.Type

/**
 * An isolation or a disabling that an operator made.
 *
 * @since 0.1.0
 * @category models
 */
export type Override = typeof Schemas.Override.Type

/**
 * The answer to a change: whether it had an effect, the override that began or ended, and the circuit afterwards.
 *
 * @since 0.1.0
 * @category models
 */
export type Changed = typeof Schemas.Changed.Type

/**
 * An event of {@link events}: a transition, the summary of a second, or the beginning or end of an override.
 *
 * @since 0.1.0
 * @category models
 */
export type Event = internalClient.Event

/**
 * The type of {@link group}: its endpoints are `breakers`, `circuits`, `circuit`, `overrides`, `events`, `trip`,
 * `reset`, `isolate`, `disable` and `release`.
 *
 * @since 0.1.0
 * @category models
 */
export type Group = typeof internal.group

/**
 * The type of {@link api}.
 *
 * @since 0.1.0
 * @category models
 */
export type Api = ReturnType<typeof layers.apiAt>

/**
 * A typed client of the administration. Its methods are in `circuitAdmin`.
 *
 * @since 0.1.0
 * @category models
 */
export type Client = Effect.Effect.Success<ReturnType<typeof internalClient.make>>

/**
 * Options of the administration. Each has a default.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options<R = never> {
  /** The path of the endpoints (default `"/circuits"`). {@link layerApi} uses the path of its API instead. */
  readonly path?: `/${string}` | undefined
  /**
   * The bearer token that changes need: at least 16 visible ASCII characters (default: none, and no changes are allowed
   * unless `authorize` is given).
   */
  readonly token?: Redacted.Redacted | undefined
  /**
   * Authorizes requests instead of a token. If it succeeds, the result is the name of the operator, who becomes the
   * owner of the change. If it fails, or if a change has a blank name, the request is answered with a 403. It is called
   * for changes, and for reads if `reads` is `"authorized"`.
   */
  readonly authorize?:
    | ((
        request: HttpServerRequest.HttpServerRequest,
        access: Access
      ) => Effect.Effect<string, object | string, R>)
    | undefined
  /** Whether reads are public, or need the same authorization as changes (default `"public"`). */
  readonly reads?: "public" | "authorized" | undefined
  /** Whether to show the causes of last failures, which may hold secrets (default false). */
  readonly exposeCauses?: boolean | undefined
  /**
   * Origins of pages that may make changes, such as `"https://ops.example"`, besides the host that a request is sent to
   * (default none). If a reverse proxy replaces the `Host` header, add the origin of the proxy.
   */
  readonly allowedOrigins?: ReadonlyArray<string> | undefined
  /** The longest time until an override expires (default 1 day; from 1 second to 7 days). */
  readonly longestOverride?: Duration.DurationInput | undefined
  /** The largest number of overrides at a time (default 1,000). */
  readonly maxOverrides?: number | undefined
  /** The largest number of streams of events at a time (default 20). */
  readonly maxStreams?: number | undefined
}

/**
 * Options of an administration that are read from configuration.
 *
 * **Gotchas**
 *
 * A function cannot be configured, so `authorize` is not among them.
 *
 * @since 0.1.0
 * @category options
 */
export type ConfigOptions = Config.Config.Wrap<Omit<Options, "authorize">>

/**
 * Options of {@link client} and {@link events}.
 *
 * @since 0.1.0
 * @category options
 */
export interface ClientOptions {
  /** The URL of the server, such as `"http://localhost:3000"`. */
  readonly baseUrl: string
  /** The path of the endpoints (default `"/circuits"`). */
  readonly path?: `/${string}` | undefined
  /** The bearer token, if the administration needs one. */
  readonly token?: Redacted.Redacted | undefined
}

/**
 * The definition of the API as an `HttpApiGroup`, for an `HttpApi` of the program.
 *
 * **When to use**
 *
 * Use it with {@link layerApi} if the program has an `HttpApi`, so that its documentation and its clients have these
 * endpoints too. Put it below a path with `prefix`.
 *
 * **Example** (The administration in an API of the program)
 *
 * ```ts
 * import * as HttpApi from "@effect/platform/HttpApi"
 * import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
 * import * as HttpServer from "@effect/platform/HttpServer"
 * import * as assert from "node:assert"
 * import * as Layer from "effect/Layer"
 * import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
 *
 * class Api extends HttpApi.make("program").add(CircuitAdmin.group.prefix("/admin/circuits")) {}
 *
 * const ApiLive = HttpApiBuilder.api(Api).pipe(Layer.provide(CircuitAdmin.layerApi(Api)))
 *
 * const { dispose, handler } = HttpApiBuilder.toWebHandler(Layer.merge(ApiLive, HttpServer.layerContext))
 * const response = await handler(new Request("http://localhost/admin/circuits/breakers"))
 * const { breakers } = (await response.json()) as CircuitAdmin.Breakers
 * assert.deepStrictEqual(breakers, [])
 * await dispose()
 * ```
 *
 * @since 0.1.0
 * @category definitions
 */
export const group: Group = internal.group

/**
 * The definition of an API that has only these endpoints, below a path (default `"/circuits"`).
 *
 * **When to use**
 *
 * Use it for the OpenAPI document of what {@link layer} mounts: `OpenApi.fromApi(CircuitAdmin.api())`.
 *
 * @since 0.1.0
 * @category definitions
 */
export const api = (options: { readonly path?: `/${string}` | undefined } = {}): Api =>
  layers.apiAt(decodePath(options.path))

/**
 * The services of a server that {@link layer} needs.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerServices =
  | HttpLayerRouter.HttpRouter
  | Etag.Generator
  | FileSystem.FileSystem
  | HttpPlatform.HttpPlatform
  | Path.Path

/**
 * Mounts the administration on an `HttpLayerRouter`, for as long as the layer lives.
 *
 * **Details**
 *
 * An option out of range is a defect, a `RangeError` that names it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R> = {}): Layer.Layer<never, never, R | ServerServices> =>
  Layer.suspend(() => layers.mounted(decode<R>(options)))

/**
 * Mounts the administration like {@link layer}, with options that are read from configuration.
 *
 * **Details**
 *
 * An option out of range is a `ConfigError` that names it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: ConfigOptions
): Layer.Layer<never, ConfigError.ConfigError, ServerServices> =>
  Layer.unwrapEffect(
    configured("CircuitAdmin.layerConfig", options, (read: Omit<Options, "authorize">) =>
      Effect.sync(() => layers.mounted(decode<never>(read)))
    )
  )

/**
 * Implements {@link group} in an `HttpApi` of the program, for as long as the layer lives.
 *
 * **Details**
 *
 * An option out of range is a defect, a `RangeError` that names it, and so is an API without the group.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApi = <
  ApiId extends string,
  Groups extends HttpApiGroup.HttpApiGroup.Any,
  E,
  Needs,
  R = never
>(
  api: HttpApi.HttpApi<ApiId, Groups, E, Needs>,
  options: Options<R> = {}
): Layer.Layer<HttpApiGroup.ApiGroup<ApiId, "circuitAdmin">, never, R> =>
  Layer.suspend(() => layers.layerIn<ApiId, R>(api, decode<R>(options)))

/**
 * Makes a typed client of an administration.
 *
 * **Details**
 *
 * Its methods are those of {@link group}. It sends the header that changes need. Use {@link events} for the events,
 * because the method of that name waits until the stream ends.
 *
 * @since 0.1.0
 * @category clients
 */
export const client = (options: ClientOptions): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  internalClient.make(options)

/**
 * Listens to the events of an administration, until the connection ends.
 *
 * **Details**
 *
 * The first event is a summary. Another one comes once a second, and each transition when it happens.
 *
 * **Gotchas**
 *
 * A consumer that is a megabyte or half a minute behind is disconnected.
 *
 * @since 0.1.0
 * @category clients
 */
export const events = (
  options: ClientOptions
): Stream.Stream<Event, HttpClientError.HttpClientError | ParseResult.ParseError, HttpClient.HttpClient> =>
  internalClient.events(options)

export {
  /**
   * The error of a request that is not allowed: the administration is read-only, the request came from another site, or
   * the program refused it.
   *
   * @since 0.1.0
   * @category errors
   */
  Forbidden,
  /**
   * The error of an invalid request.
   *
   * @since 0.1.0
   * @category errors
   */
  InvalidRequest,
  /**
   * The error of a breaker, a circuit or an override that does not exist.
   *
   * @since 0.1.0
   * @category errors
   */
  NotFound,
  /**
   * The error of a request whose body is too large.
   *
   * @since 0.1.0
   * @category errors
   */
  RequestTooLarge,
  /**
   * The error of a request that would exceed the largest number of overrides or streams.
   *
   * @since 0.1.0
   * @category errors
   */
  TooMany,
  /**
   * The error of a request whose bearer token is missing or wrong.
   *
   * @since 0.1.0
   * @category errors
   */
  Unauthorized
} from "./internal/admin/errors.ts"
