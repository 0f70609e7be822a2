/**
 * Serves the dashboard of this process on loopback, for as long as the scope lasts.
 */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"

/**
 * Returns the address. Other users of this machine can reach loopback too, so changes need a token of this run. It
 * stands in the address's fragment, which a browser does not send, and which the page removes.
 */
export const serve: Effect.Effect<string, HttpServerError.ServeError, Scope.Scope> = Effect.gen(function* () {
  const token = randomBytes(18).toString("base64url")
  const routes = Layer.mergeAll(
    CircuitAdmin.layer({ token: Redacted.make(token), exposeCauses: true }),
    CircuitDashboard.layer()
  )
  const http = createServer()
  const server = NodeHttpServer.layer(() => http, { host: "127.0.0.1", port: 0 })
  const context = yield* Layer.build(
    HttpLayerRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
      Layer.provideMerge(server)
    )
  )
  // A server that closes waits for its connections, and a browser keeps some.
  yield* Effect.addFinalizer(() => Effect.sync(() => http.closeAllConnections()))
  const { address } = Context.get(context, HttpServer.HttpServer)
  return `${HttpServer.formatAddress(address)}/dashboard#token=${token}`
})
