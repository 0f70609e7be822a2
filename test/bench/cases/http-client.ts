import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { CircuitBreaker } from "effect-circuit-breaker"
import * as CircuitHttpClient from "effect-circuit-breaker/CircuitHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import { setTimeout } from "node:timers/promises"
import { acquire, loop, repeat } from "../effect3.ts"
import { helper } from "../helper.ts"
import { scaled } from "../key-order.ts"
import { compareInTurn, nanosPerCall, timed } from "../timed.ts"
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

/** Successes by the metric, because a snapshot counts those in that are still to be settled. */
const countSuccesses = (): number => {
  let sum = 0
  for (const { metricKey, metricState } of Metric.unsafeSnapshot()) {
    const isSuccess = metricKey.tags.some(({ key, value }) => key === "outcome" && value === "success")
    if (isSuccess && MetricState.isCounterState(metricState)) sum += Number(metricState.count)
  }
  return sum
}

/** Responses that arrive in one turn of the event loop, and whose bodies nobody reads, until all of them are counted. */
const unread =
  (responses: number): Case =>
  async (scale) => {
    const guarded = await guard(stub)
    const count = scaled(responses, scale)
    const inOneTurn = (client: Client): Effect.Effect<unknown, unknown> =>
      Effect.replicateEffect(client.get(stubUrl), count, { concurrency: "unbounded", discard: true })
    const untilCounted: Loop = async () => {
      const expected = countSuccesses() + count
      await Effect.runPromise(inOneTurn(guarded))
      for (let waited = 0; countSuccesses() < expected; waited++) {
        if (waited > 10_000) throw new Error("not all of the responses were counted")
        await setTimeout(1)
      }
    }
    const round = (slices: number) =>
      compareInTurn(slices, {
        bare: () => nanosPerCall(() => Effect.runPromise(inOneTurn(stub)), count),
        guarded: () => nanosPerCall(untilCounted, count)
      })
    await round(scale === "full" ? 5 : 1)
    return () => round(scale === "full" ? 7 : 1)
  }

const keepAlive = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

const concurrency = 16
// a request is much more code than a call, and is optimised later
const sliceMillis = 100

/** So many requests, a part of them at a time. */
const requests =
  (client: Client, url: string): Loop =>
  (count) => {
    const some = repeat(() => json(client, url))(Math.ceil(count / concurrency))
    return Effect.runPromise(Effect.replicateEffect(some, concurrency, { concurrency, discard: true }))
  }

export const cases: Cases = {
  // of clients that are always busy, with a server in another process
  request: timed(async () => {
    const url = `http://127.0.0.1:${await helper(new URL("../http/server.js", import.meta.url)).answer()}/`
    const client = Context.get(await acquire(Layer.build(keepAlive)), HttpClient.HttpClient)
    const guarded = await guard(client)
    return { bare: requests(client, url), guarded: requests(guarded, url) }
  }, sliceMillis),
  stub: timed(async () => {
    const guarded = await guard(stub)
    return { bare: loop(() => json(stub, stubUrl)), guarded: loop(() => json(guarded, stubUrl)) }
  }, sliceMillis),
  "unread-1000": unread(1_000),
  "unread-10000": unread(10_000)
}
