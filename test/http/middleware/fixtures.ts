/** What the tests of the middleware share: apps that are asked on the clock of the test, and handlers that wait. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type { HttpMiddleware } from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type { ServeError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { once } from "node:events"
import { type Agent, createServer, get, type IncomingMessage } from "node:http"
import { text } from "node:stream/consumers"
import { settled } from "../../rules/fixtures.ts"
import { nextTurn } from "../client/fixtures.ts"

/** What a client gets. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** Asks for a path; an interruption is a client that disconnects. */
export type Ask = (path?: string) => Effect.Effect<Answer>

/** Serves an app on the clock, the tracer and the environment of the test. */
export const serve = <E, R>(
  app: HttpApp.Default<E, R>,
  middleware?: HttpMiddleware
): Effect.Effect<Ask, never, Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(
    Effect.runtime<Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>>(),
    (runtime): Ask => {
      // The handler provides the request and its scope to every call.
      const handle = HttpApp.toWebHandlerRuntime(runtime)(app as HttpApp.Default<E>, middleware)
      return (path = "/") =>
        Effect.promise(async (signal) => {
          const response = await handle(new Request(`http://localhost${path}`, { signal }))
          const { headers, status } = response
          return { status, headers: Object.fromEntries(headers), body: await response.text() }
        })
    }
  )

/** The two places for a middleware: round the app, and round the server that sends what the app answers. */
export const places: Record<
  string,
  (app: HttpApp.Default<unknown>, middleware: CircuitHttpMiddleware.Middleware<never>) => Effect.Effect<Ask>
> = {
  "round the app": (app, middleware) => serve(middleware(app)),
  "round the server": (app, middleware) => serve(app, middleware)
}

export const routed = <E, R>(handler: HttpApp.Default<E, R>) =>
  HttpRouter.empty.pipe(HttpRouter.get("/", handler))

/** Those of an app, and round each route of a router. There a client that disconnects interrupts the route. */
export const routerPlaces: Record<
  string,
  (
    router: HttpRouter.HttpRouter<unknown>,
    middleware: CircuitHttpMiddleware.Middleware<never>
  ) => Effect.Effect<Ask>
> = { ...places, "round each route": (router, middleware) => serve(HttpRouter.use(router, middleware)) }

/** What an app comes to for a request. */
export const exitOf = <E, R>(
  app: HttpApp.Default<E, R>,
  path = "/"
): Effect.Effect<
  Exit.Exit<HttpServerResponse.HttpServerResponse, E>,
  never,
  Exclude<R, HttpServerRequest.HttpServerRequest>
> =>
  Effect.exit(
    Effect.provideService(
      app,
      HttpServerRequest.HttpServerRequest,
      HttpServerRequest.fromWeb(new Request(`http://localhost${path}`))
    )
  )

export const status = (status: number): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({ status })

/** A handler that counts its runs and answers with the status it is told, at first 200. */
export class Handler {
  runs = 0
  answers = 200
  readonly app: HttpApp.Default = Effect.sync(() => {
    this.runs++
    return status(this.answers)
  })
}

/** A handler each run of which answers when, and what, it is told. */
export class WaitingHandler {
  runs = 0
  private readonly begun = Effect.runSync(Queue.unbounded<void>())
  private readonly interruptions = Effect.runSync(Queue.unbounded<void>())
  private readonly orders = Effect.runSync(Queue.unbounded<HttpApp.Default<unknown>>())

  readonly app: HttpApp.Default<unknown> = Effect.suspend(() => {
    this.runs++
    return Queue.offer(this.begun, undefined).pipe(
      Effect.zipRight(Effect.flatten(Queue.take(this.orders))),
      Effect.onInterrupt(() => Queue.offer(this.interruptions, undefined))
    )
  })

  /** Waits for a run that nobody has waited for. */
  readonly hasBegun: Effect.Effect<void> = Queue.take(this.begun)

  /** Waits until a run has been interrupted and its caller has noticed. */
  readonly hasBeenInterrupted: Effect.Effect<void> = Effect.zipRight(Queue.take(this.interruptions), settled)

  /** Ends the run that has waited longest. */
  readonly ends = (answer: HttpApp.Default<unknown>): Effect.Effect<void> =>
    Effect.asVoid(Queue.offer(this.orders, answer))
}

/** A server on a port of its own, until the scope closes. It takes the clock of the test. */
export const listen = <E>(
  server: Layer.Layer<never, E, HttpServer.HttpServer>,
  node = createServer()
): Effect.Effect<number, E | ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const listening = NodeHttpServer.layer(() => node, { port: 0, host: "127.0.0.1" })
    const context = yield* Layer.build(Layer.provideMerge(server, listening))
    const { address } = Context.get(context, HttpServer.HttpServer)
    return address._tag === "TcpAddress" ? address.port : yield* Effect.dieMessage("no TCP address")
  })

/** Asks a server, over a connection of its own unless there is an agent. */
export const askAt =
  (port: number, agent: Agent | false = false): Ask =>
  (path = "/") =>
    Effect.promise(async (signal) => {
      const request = get({ host: "127.0.0.1", port, path, agent, signal })
      const [response] = (await once(request, "response")) as [IncomingMessage]
      const { headers, statusCode } = response
      return { status: statusCode!, headers: headers as Record<string, string>, body: await text(response) }
    })

/** Asks a server, and waits for the headers of its answer only. */
export const begin = (port: number): Effect.Effect<IncomingMessage, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const [response] = (await once(get({ host: "127.0.0.1", port, agent: false }), "response")) as [
        IncomingMessage
      ]
      return response
    }),
    (response) => Effect.sync(() => response.destroy())
  )

/** Every place that the middleware may have, with a server that listens. */
export const servers: Record<
  string,
  (
    app: HttpApp.Default<unknown>,
    guard: CircuitHttpMiddleware.Middleware<never>
  ) => Layer.Layer<never, never, HttpServer.HttpServer>
> = {
  "round the app": (app, guard) => HttpServer.serve(guard(app)),
  "round the server": (app, guard) => HttpServer.serve(app, guard),
  "round each route": (app, guard) => HttpServer.serve(HttpRouter.use(routed(app), guard)),
  "round a mounted app": (app, guard) =>
    HttpServer.serve(guard(HttpRouter.empty.pipe(HttpRouter.mountApp("/mounted", app)))),
  "round the routes of a layer": (app, guard) =>
    HttpLayerRouter.serve(
      Layer.provide(
        // The router asks its users to handle their errors, which is not what is tried here.
        HttpLayerRouter.add("GET", "/", app as HttpApp.Default),
        HttpLayerRouter.middleware(guard, { global: true })
      ),
      { disableLogger: true, disableListenLog: true }
    )
}

/** Looks again and again until something holds, which takes real sockets a while. */
export const eventually = <A>(look: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  Effect.repeat(Effect.zipRight(nextTurn, look), { until: holds })

/** What has been counted, where nothing is not worth a word. */
export const totals = (
  expected: Partial<Record<"succeeded" | "failed" | "ignored" | "rejected", number>>
) => ({ succeeded: 0, failed: 0, ignored: 0, rejected: 0, ...expected })
