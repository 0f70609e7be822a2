/**
 * A stream of server-sent events behind a breaker, as one call that lasts as long as the stream. Streams that break off
 * are failures, and two of them open the circuit. Then the first event of a probe closes it while the stream goes on,
 * however long that takes.
 *
 *     npx tsx examples/stream.ts
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Stream from "effect/Stream"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

class Prices extends CircuitBreaker.Service<Prices>()("Prices", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "500 millis"
}) {}

const server = { breaksOff: false, requests: 0 }

const listener = createServer((_request, response) => {
  server.requests++
  response.writeHead(200, { "content-type": "text/event-stream" })
  let price = 100
  const timer = setInterval(() => {
    price++
    if (server.breaksOff && price > 102) response.destroy()
    else response.write(`data: ${price}\n\n`)
  }, 10)
  response.once("close", () => clearInterval(timer))
})

const program = Effect.gen(function* () {
  yield* Effect.promise(() => once(listener.listen(0, "127.0.0.1"), "listening"))
  const { port } = listener.address() as AddressInfo
  const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
  const prices = HttpClientResponse.stream(client.get(`http://127.0.0.1:${port}/prices`)).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.filter((line) => line.startsWith("data: ")),
    Stream.map((line) => Number(line.slice(6))),
    Prices.protectStream
  )
  const say = (text: string) =>
    Effect.flatMap(Prices.state(), ({ _tag }) => Console.log(`  ${text.padEnd(26)}  ${_tag}`))
  const watchThree = Stream.take(prices, 3).pipe(
    Stream.runForEach((price) => say(`${price}`)),
    Effect.catchTag("CircuitOpenError", () => say("rejected without a request")),
    Effect.catchAll(() => say("the stream broke off"))
  )

  yield* Console.log("a stream without an end: three prices are enough")
  yield* watchThree

  yield* Console.log("streams that break off after two prices")
  server.breaksOff = true
  yield* Effect.repeatN(watchThree, 2)
  yield* Console.log(`the server got ${server.requests} requests`)

  server.breaksOff = false
  yield* Prices.awaitReady()
  yield* Console.log("it is well: the first price closes the circuit")
  yield* say("before the first one")
  yield* watchThree
  listener.close()
  yield* Effect.flatMap(Prices.snapshot(), ({ totals }) => Console.log(totals))
})

program.pipe(
  Effect.provide([Prices.layer, NodeHttpClient.layer]),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
