/**
 * A web page that shows the circuits of a process, and controls them by hand.
 *
 * {@link layer} serves the page. It is a client of `CircuitAdmin`, which decides what the page may show and change.
 *
 * @since 0.1.0
 */
import type * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as Layer from "effect/Layer"
import * as internal from "./internal/dashboard/layer.ts"

/**
 * Options of {@link layer} and {@link layerApi}.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The path of the page (default `"/dashboard"`). */
  readonly path?: `/${string}` | undefined
  /**
   * The path of the `CircuitAdmin`, on the same server (default `"/circuits"`, which is its own default). The page
   * names it relative to its own path, so a proxy may serve both below another one.
   */
  readonly adminPath?: `/${string}` | undefined
}

/**
 * Serves the page on an `HttpLayerRouter`.
 *
 * **Details**
 *
 * The page is one response: its script and style are in it, and it loads nothing from elsewhere. It holds no data, so
 * it needs no protection of its own; what the admin API refuses, the page cannot show or do.
 *
 * **Gotchas**
 *
 * - The page needs a `CircuitAdmin` on the same origin, because the API answers no other one.
 * - Its `Content-Security-Policy` contains the hash of the script, so a proxy must not rewrite the page.
 *
 * **Example** (Serving the page)
 *
 * ```ts
 * import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as assert from "node:assert"
 * import * as Layer from "effect/Layer"
 * import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
 *
 * const { dispose, handler } = HttpLayerRouter.toWebHandler(
 *   CircuitDashboard.layer().pipe(Layer.provide(NodeHttpServer.layerContext))
 * )
 * const response = await handler(new Request("http://localhost/dashboard"))
 * await dispose()
 *
 * assert.strictEqual(response.status, 200)
 * assert.match(response.headers.get("content-security-policy")!, /default-src 'none'; script-src 'sha256-/)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: (options?: Options) => Layer.Layer<never, never, HttpLayerRouter.HttpRouter> =
  internal.layer

/**
 * Serves the page on the router of `HttpApiBuilder`, for a program that serves an `HttpApi`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApi: (options?: Options) => Layer.Layer<never> = internal.layerApi
