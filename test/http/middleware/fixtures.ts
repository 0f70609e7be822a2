/** Apps and servers behind the middleware, which run on the clock of the test, and handlers that wait. */
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
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import { once } from "node:events"
import { type Agent, createServer, get, type IncomingMessage } from "node:http"
import { text } from "node:stream/consumers"
import { type Breaker, settled, totalsOf } from "../../kit/index.ts"
import { counted as countedOn, nextTurn } from "../client/fixtures.ts"

/** The answer that a client gets. */
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

type Guard = CircuitHttpMiddleware.Middleware<never>

type Place = (app: HttpApp.Default<unknown>, middleware: Guard) => Effect.Effect<Ask>

/** The two places for a middleware: round the app, and round the server that sends what the app answers. */
export const places: Record<string, Place> = {
  "round the app": (app, middleware) => serve(middleware(app)),
  "round the server": (app, middleware) => serve(app, middleware)
}

export const routed = <E, R>(handler: HttpApp.Default<E, R>) =>
  HttpRouter.empty.pipe(HttpRouter.get("/", handler))

/** The two places, and round each route of a router. */
export const everyPlace: Record<string, Place> = {
  ...places,
  "round each route": (app, middleware) => serve(HttpRouter.use(routed(app), middleware))
}

/** A breaker, and an app behind it. */
export const guarding = <R>(
  making: Effect.Effect<Breaker, never, R>,
  app: HttpApp.Default<unknown>,
  options?: CircuitHttpMiddleware.Options,
  serveIn: Place = (app, middleware) => serve(middleware(app))
) =>
  Effect.gen(function* () {
    const breaker = yield* making
    return { breaker, ask: yield* serveIn(app, CircuitHttpMiddleware.make({ ...options, breaker })) }
  })

/** The exit of an app for a request. */
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

/** A handler that counts its runs and answers with a status, at first 200. */
export class Handler {
  runs = 0
  answers: number

  constructor(answers = 200) {
    this.answers = answers
  }

  readonly app: HttpApp.Default = Effect.sync(() => {
    this.runs++
    return status(this.answers)
  })
}

/** A handler whose runs answer when the test says so, and as it says. */
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

  /** Waits for the next run that has begun. */
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
export const servers = {
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
} satisfies Record<
  string,
  (app: HttpApp.Default<unknown>, guard: Guard) => Layer.Layer<never, never, HttpServer.HttpServer>
>

/** Looks again and again until something holds, which takes real sockets a while. */
export const eventually = <A>(look: Effect.Effect<A>, holds: (value: A) => boolean): Effect.Effect<A> =>
  Effect.repeat(Effect.zipRight(nextTurn, look), { until: holds })

/** Asserts the totals of a breaker: those that are not given are zero. */
export const counted = (
  breaker: Breaker,
  expected: Partial<Record<"succeeded" | "failed" | "ignored" | "rejected", number>>
) => countedOn(breaker, expected, "default")

/** Waits until a call is counted, and asserts the totals. */
export const eventuallyCounted = (breaker: Breaker, expected: Parameters<typeof counted>[1]) =>
  Effect.zipRight(
    eventually(totalsOf(breaker), (totals) => Object.values(totals).some((count) => count > 0)),
    counted(breaker, expected)
  )
