import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { CircuitBreaker, CircuitMetrics } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { createServer } from "node:http"
import { setTimeout } from "node:timers/promises"
import { inTurn, nanosPerCall, timed } from "../case.ts"
import { acquire, loop, quietly, repeat } from "../effect3.ts"
import { startHelper } from "../process.ts"
import type { Case, Cases, Loop } from "../case.ts"

type Client = HttpClient.HttpClient.With<unknown>

const json = (client: Client, url: string) => Effect.flatMap(client.get(url), (response) => response.json)

const guard = async (client: Client): Promise<Client> =>
  CircuitHttpClient.protect(client, { breaker: await acquire(CircuitBreaker.make()) })

class Canned extends Response {
  override readonly text = () => Promise.resolve('{"ok":true}')
}
const canned = new Canned()

/** Answers at once, without a network and without the span that `HttpClient.make` starts for each request. */
const stub = HttpClient.makeWith<never, never, unknown, never>(
  (requested) => Effect.map(requested, (request) => HttpClientResponse.fromWeb(request, canned)),
  Effect.succeed
)
const stubUrl = "http://localhost/"

// a snapshot also counts the responses that are still to be settled, and the metric does not
const countSuccesses = (): number =>
  Effect.runSync(Metric.value(CircuitMetrics.calls({ breaker: "default", outcome: "success" }))).count

/** Responses that arrive in one turn of the event loop, and whose bodies nobody reads, until all of them are counted. */
const unread =
  (responses: number): Case =>
  async (size) => {
    const guarded = await guard(stub)
    const count = size(responses, 10)
    const inOneTurn = (client: Client) =>
      Effect.runPromise(
        Effect.replicateEffect(client.get(stubUrl), count, { concurrency: "unbounded", discard: true })
      )
    const untilCounted: Loop = async () => {
      const expected = countSuccesses() + count
      await inOneTurn(guarded)
      for (let waited = 0; countSuccesses() < expected; waited++) {
        if (waited > 10_000) throw new Error("not all of the responses were counted")
        await setTimeout(1)
      }
    }
    const round = (slices: number) =>
      inTurn(slices, {
        bare: () => nanosPerCall(() => inOneTurn(stub), count),
        guarded: () => nanosPerCall(untilCounted, count)
      })
    // as many responses for few in a turn as for many, so that their code is as well optimised
    await round(size(100_000 / responses, 1))
    return () => round(size(70_000 / responses, 1))
  }

const keepAlive = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)
const concurrency = 16

/** So many requests, 16 at a time. */
const requests =
  (client: Client, url: string): Loop =>
  (count) => {
    const some = repeat(() => json(client, url))(Math.ceil(count / concurrency))
    return Effect.runPromise(Effect.replicateEffect(some, concurrency, { concurrency, discard: true }))
  }

// a request is much more code than a call, and is optimised later
const sliceMillis = 100

/** Serves an app on a port of its own, and answers the port. */
const serve = async (app: HttpApp.Default): Promise<number> => {
  const layer = NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })
  const context = await acquire(Layer.build(Layer.provideMerge(HttpServer.serve(app), layer)))
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (address._tag !== "TcpAddress") throw new Error("no TCP address")
  return address.port
}

const quick = Effect.suspend(() => HttpServerResponse.unsafeJson({ ok: true }))

/** A handler whose dependency takes 10 milliseconds. */
const waiting = Effect.delay(quick, "10 millis")

/** Nanoseconds from one answer to the next, of servers that always have 32 requests to answer. */
const server: Case = async (size) => {
  const load = await startHelper("httpLoad")
  const closed = CircuitHttpMiddleware.make({ breaker: await acquire(CircuitBreaker.make()) })
  const breaker = await acquire(CircuitBreaker.make({ openDuration: "1 day" }))
  await Effect.runPromise(quietly(breaker.trip()))
  const open = CircuitHttpMiddleware.make({ breaker })
  const answering = async (app: HttpApp.Default) => {
    const port = await serve(app)
    const millis = size(60, 20)
    return async () => (millis * 1e6) / (await load.ask({ port, millis }))
  }
  const servers = {
    bare: await answering(quick),
    guarded: await answering(closed(quick)),
    waiting: await answering(waiting),
    rejecting: await answering(open(waiting))
  }
  await inTurn(size(5, 0), servers)
  return () => inTurn(size(21, 1), servers)
}

export const cases: Cases = {
  // of clients that are always busy, with a server in another process
  client: timed(async () => {
    const port = await (await startHelper("httpServer")).ask()
    const url = `http://127.0.0.1:${port}/`
    const client = Context.get(await acquire(Layer.build(keepAlive)), HttpClient.HttpClient)
    return { bare: requests(client, url), guarded: requests(await guard(client), url) }
  }, sliceMillis),
  stub: timed(async () => {
    const guarded = await guard(stub)
    return { bare: loop(() => json(stub, stubUrl)), guarded: loop(() => json(guarded, stubUrl)) }
  }, sliceMillis),
  unread1000: unread(1_000),
  unread10000: unread(10_000),
  server
}
