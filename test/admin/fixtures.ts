/** An administration on a real server on loopback. Its breakers are those of the test alone, on the clock of the test. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as TestServices from "effect/TestServices"
import { CircuitBreakerRegistry } from "effect-circuit-breaker"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import { once } from "node:events"
import { createServer, type IncomingMessage, request as ask } from "node:http"
import { text } from "node:stream/consumers"
import type { Body } from "../kit/test.ts"

export const token = "a-token-of-the-test"

/** An administration that a bearer token may change. */
export const withToken = { token: Redacted.make(token) }

export const authorized = { authorization: `Bearer ${token}` }

/** The owner and the reason that every change needs. */
export const why = { owner: "ada", reason: "the dependency is being repaired" }

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage["headers"]
  readonly text: string
  /** The body, if it is JSON. */
  readonly json: unknown
}

/** The body as the API's types have it. */
export const bodyOf = <A>({ json }: Answer): A => json as A

/** The body of an answer that is an error. */
export interface Refusal {
  readonly _tag: string
  readonly message: string
}

export interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

export interface Server {
  readonly origin: string
  readonly host: string
  /** Sends a request as it is, whatever a browser would say of its headers. */
  readonly ask: (path: string, asked?: Asked) => Effect.Effect<Answer>
  readonly get: (path: string, headers?: Record<string, string>) => Effect.Effect<Answer>
  /** Sends a change as an operator with the token does. Headers that are `undefined` are left out. */
  readonly post: (
    path: string,
    body: unknown,
    headers?: Record<string, string | undefined>
  ) => Effect.Effect<Answer>
}

/** A test on a `TestClock`, whose breakers have a registry of their own. */
export const test = (title: string, body: Body<Scope.Scope | TestServices.TestServices>): void =>
  it.scoped(title, () => registered(Effect.gen(body)))

const registered = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideServiceEffect(
    effect,
    CircuitBreakerRegistry.CircuitBreakerRegistry,
    Effect.sync(CircuitBreakerRegistry.unsafeMake)
  )

/** Serves routes on loopback, until the scope closes. */
export const serveRoutes = <E>(routes: Layer.Layer<never, E, CircuitAdmin.ServerServices>) =>
  Effect.map(
    Layer.build(
      HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
      )
    ),
    serverOf
  )

/** Serves the administration at `/circuits`, until the scope closes. */
export const serve = (options: CircuitAdmin.Options = withToken) => serveRoutes(CircuitAdmin.layer(options))

export const serverOf = (context: Context.Context<HttpServer.HttpServer>): Server => {
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (address._tag !== "TcpAddress") throw new Error("the server has no port")
  const host = `127.0.0.1:${address.port}`
  const origin = `http://${host}`
  const send: Server["ask"] = (path, { body, headers = {}, method = "GET" } = {}) =>
    Effect.promise(async (signal) => {
      const request = ask(`${origin}${path}`, { method, headers, signal })
      request.end(body)
      const [response]: [IncomingMessage] = (await once(request, "response")) as [IncomingMessage]
      const answered = await text(response)
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: answered,
        // The answer to HEAD has the type of its body, but no body.
        json: isJson(response) && answered !== "" ? JSON.parse(answered) : undefined
      }
    })
  return {
    origin,
    host,
    ask: send,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: "POST",
        headers: given({
          "content-type": "application/json",
          "x-circuit-admin": "1",
          ...authorized,
          ...headers
        }),
        body: JSON.stringify(body)
      })
  }
}

const isJson = ({ headers }: IncomingMessage): boolean => headers["content-type"] === "application/json"

const given = (headers: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  )
