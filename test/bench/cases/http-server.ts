import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as CircuitHttpMiddleware from "effect-circuit-breaker/CircuitHttpMiddleware"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { acquire, quietly } from "../effect3.ts"
import { helper } from "../helper.ts"
import { inTurn } from "../in-turn.ts"
import { median } from "../statistics.ts"
import type { Cases } from "../case.ts"

/** Serves an app on a port of its own, and answers the port. */
const serve = async (app: HttpApp.Default): Promise<number> => {
  const layer = NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })
  const context = await acquire(Layer.build(Layer.provideMerge(HttpServer.serve(app), layer)))
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (address._tag !== "TcpAddress") throw new Error("no TCP address")
  return address.port
}

const quick = Effect.suspend(() => HttpServerResponse.unsafeJson({ ok: true }))

/** What a handler does whose dependency takes 10 milliseconds. */
const patient = Effect.delay(quick, "10 millis")

/** Nanoseconds from one answer to the next, of servers that always have 32 requests to answer. */
export const cases: Cases = {
  request: async (scale) => {
    const generator = helper(new URL("../http/load.js", import.meta.url))
    const healthy = CircuitHttpMiddleware.make({ breaker: await acquire(CircuitBreaker.make()) })
    const breaker = await acquire(CircuitBreaker.make({ openDuration: "1 day" }))
    await Effect.runPromise(quietly(breaker.trip()))
    const shedding = CircuitHttpMiddleware.make({ breaker })
    const answering = async (app: HttpApp.Default) => {
      const port = await serve(app)
      const millis = scale === "full" ? 60 : 20
      return async () => (millis * 1e6) / (await generator.ask({ port, millis }))
    }
    const servers = {
      bare: await answering(quick),
      guarded: await answering(healthy(quick)),
      patient: await answering(patient),
      shed: await answering(shedding(patient))
    }
    if (scale === "full") await inTurn(5, servers)
    return async () => {
      const { bare, guarded, patient, shed } = await inTurn(scale === "full" ? 21 : 1, servers)
      return {
        bare: median(bare),
        guarded: median(guarded),
        patient: median(patient),
        shed: median(shed)
      }
    }
  }
}
