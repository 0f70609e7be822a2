/**
 * A hedged request: if the first replica has not answered within 50 milliseconds, the second one is asked, too, and the
 * faster answer counts. The loser is interrupted. That says nothing about its replica, so the call is Ignored there:
 * losing often opens no circuit. Each replica has a circuit of its own, and one that is open is skipped.
 *
 *     npx tsx examples/hedge.ts
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { createServer } from "node:http"

class Replicas extends CircuitBreaker.Service<Replicas>()("Replicas", {
  tripPolicy: TripPolicy.consecutive(3)
}) {}

const program = Effect.gen(function* () {
  const [first, second] = yield* Effect.all([startReplica("first"), startReplica("second")])

  const search = Effect.race(first.search, Effect.delay(second.search, "50 millis")).pipe(
    // Both have failed or were rejected.
    Effect.catchAll((error) => Effect.succeed(`no answer: ${error._tag}`)),
    Effect.flatMap((answer) => Console.log(`  ${answer}`))
  )
  const searchTimes = (times: number) => Effect.repeatN(search, times - 1)

  yield* Console.log("both are well")
  yield* searchTimes(2)

  yield* Console.log("the first one is slow: it loses, and is interrupted")
  first.replica.condition = "slow"
  yield* searchTimes(4)

  yield* Console.log("the first one fails: from the fourth request on it is not asked")
  first.replica.condition = "failing"
  yield* searchTimes(5)

  for (const { key, state, totals } of yield* Replicas.circuits) {
    yield* Console.log(
      `${key.padEnd(6)}  ${state._tag.padEnd(6)}  ${totals.succeeded} succeeded, ${totals.ignored} ignored, ` +
        `${totals.failed} failed, ${totals.rejected} rejected`
    )
  }
})

/** A real server, and a search that asks it through its circuit. */
const startReplica = Effect.fnUntraced(function* (name: string) {
  const replica: { condition: "well" | "slow" | "failing" } = { condition: "well" }
  const answer = Effect.suspend(() => {
    switch (replica.condition) {
      case "well":
        return HttpServerResponse.text(`3 results of the ${name} replica`)
      case "slow":
        return Effect.never
      case "failing":
        return HttpServerResponse.text("", { status: 500 })
    }
  })
  const { address, serve } = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  // A route, unlike a bare handler, is interrupted when its client goes away.
  yield* serve(HttpRouter.empty.pipe(HttpRouter.get("/search", answer)))

  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(HttpServer.formatAddress(address))),
    HttpClient.filterStatusOk
  )
  const search = client.get("/search").pipe(
    Effect.flatMap((response) => response.text),
    Replicas.protectWith({ key: name })
  )
  return { replica, search }
})

program.pipe(
  Effect.scoped,
  Effect.provide([Replicas.layer, NodeHttpClient.layer]),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
