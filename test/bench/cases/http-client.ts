import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { acquire, repeat } from "../effect3.ts"
import { helper } from "../helper.ts"
import { inTurn } from "../inTurn.ts"
import type { Cases } from "../case.ts"

const concurrency = 16

const keepAlive = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

/** Requests a round, a part of them at a time. */
const requests =
  (client: HttpClient.HttpClient.With<unknown, never>, url: string) =>
  (count: number): Promise<unknown> => {
    const request = Effect.flatMap(client.get(url), (response) => response.json)
    const some = repeat(() => request)(Math.ceil(count / concurrency))
    return Effect.runPromise(Effect.replicateEffect(some, concurrency, { concurrency }))
  }

/** Nanoseconds a request, bare and guarded, of clients that are always busy. */
export const cases: Cases = {
  request: async (scale) => {
    const url = `http://127.0.0.1:${await helper(new URL("../http/server.js", import.meta.url)).answer()}/`
    const client = Context.get(await acquire(Layer.build(keepAlive)), HttpClient.HttpClient)
    const breaker = await acquire(CircuitBreaker.make())
    const slice = (client: HttpClient.HttpClient.With<unknown, never>) => {
      const run = requests(client, url)
      const count = scale === "full" ? 400 : concurrency
      return async () => {
        const startedAt = performance.now()
        await run(count)
        return ((performance.now() - startedAt) * 1e6) / count
      }
    }
    return inTurn(scale, {
      bare: slice(client),
      guarded: slice(CircuitHttpClient.protect(client, { breaker }))
    })
  }
}
