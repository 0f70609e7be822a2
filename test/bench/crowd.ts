import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as CircuitAdmin from "effect-circuit-breaker/CircuitAdmin"
import * as CircuitDashboard from "effect-circuit-breaker/CircuitDashboard"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { createServer } from "node:http"
import { setImmediate } from "node:timers/promises"
import { acquire, bare, failing, quietly, repeat } from "./effect3.ts"
import { makeKeys, shuffled } from "./keys.ts"

/** A breaker with very many circuits, of which one in a hundred fails, and the server that shows it. */
export interface Crowd {
  readonly port: number
  /** Makes so many calls of keys in no order, and lets the server answer in between. */
  readonly call: (calls: number) => Promise<void>
}

/** After so many calls, less than a millisecond's work, the event loop turns. */
const callsATurn = 250

export const makeCrowd = async (circuits: number): Promise<Crowd> => {
  const keys = makeKeys(circuits)
  const breaker = await acquire(
    CircuitBreaker.make({
      name: "crowd",
      tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "30 seconds" }),
      // the default, with jitter, so that circuits do not all probe at once
      openDuration: Schedule.jittered(Schedule.spaced("30 seconds")),
      capacity: circuits
    })
  )
  const failingKeys = new Set(keys.filter((_, index) => index % 100 === 0))
  const next = shuffled(keys)
  const call = (key: string) =>
    failingKeys.has(key)
      ? Effect.ignore(breaker.protectWith(failing, { key }))
      : breaker.protectWith(bare, { key })
  await Effect.runPromise(Effect.forEach(keys, call, { discard: true }))
  const turn = quietly(repeat(() => call(next()))(callsATurn))
  return {
    port: await serve(),
    call: async (calls) => {
      for (let made = 0; made < calls; made += callsATurn) {
        await Effect.runPromise(turn)
        await setImmediate()
      }
    }
  }
}

const serve = async (): Promise<number> => {
  const routes = Layer.merge(CircuitAdmin.layer(), CircuitDashboard.layer())
  const served = HttpLayerRouter.serve(routes, { disableListenLog: true, disableLogger: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
  )
  const { address } = Context.get(await acquire(Layer.build(served)), HttpServer.HttpServer)
  if (address._tag !== "TcpAddress") throw new Error("no TCP address")
  return address.port
}
