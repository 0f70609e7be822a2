/**
 * A web page on which operators inspect the circuits of a process, and control them by hand.
 *
 * {@link layer} serves the page. The page is a client of `CircuitAdmin`, which decides what it may show and change.
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
   * The path of the `CircuitAdmin` on the same server (default `"/circuits"`, as in `CircuitAdmin`). The page refers to
   * it by a relative address, so a proxy may serve both below another path.
   */
  readonly adminPath?: `/${string}` | undefined
}

/**
 * Serves the page on an `HttpLayerRouter`.
 *
 * **Details**
 *
 * The page is one response that contains its script and style, and loads nothing from elsewhere. It holds no data, so
 * it needs no protection of its own: the page cannot show or do what the admin API refuses.
 *
 * An option out of range is a defect, a `RangeError` that names it.
 *
 * **Gotchas**
 *
 * - The page needs a `CircuitAdmin` on the same origin, because its `Content-Security-Policy` allows requests to no
 *   other origin.
 * - That policy also contains the hash of the script, so a proxy must not rewrite the page.
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
 * Serves the page like {@link layer}, on the router of `HttpApiBuilder`.
 *
 * **When to use**
 *
 * Use it if the program serves an `HttpApi`, together with `CircuitAdmin.layerApi`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApi: (options?: Options) => Layer.Layer<never> = internal.layerApi
