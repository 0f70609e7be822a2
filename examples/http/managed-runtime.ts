/**
 * Effects in a plain `node:http` server. A `ManagedRuntime` builds the breaker's layer once, for the process, and every
 * request runs on it. With `Effect.provide(program, Payments.layer)` in the handler each request would get a breaker of
 * its own, which sees one call and never opens.
 *
 *     npx tsx examples/http/managed-runtime.ts
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

class BankUnavailable extends Data.TaggedError("BankUnavailable") {}

class Payments extends CircuitBreaker.Service<Payments>()("Payments", {
  tripPolicy: TripPolicy.consecutive(3),
  openDuration: "500 millis"
}) {}

const bank = { isDown: true, requests: 0 }

const askBank = Effect.suspend(() => {
  bank.requests++
  return bank.isDown ? new BankUnavailable() : Effect.succeed("charged")
})

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, number>>
  readonly body: string
}

const charge = askBank.pipe(
  Payments.protect,
  Effect.map((body): Answer => ({ status: 200, body })),
  Effect.catchTags({
    BankUnavailable: () => Effect.succeed<Answer>({ status: 502, body: "the bank is unavailable" }),
    CircuitOpenError: ({ message, retryAfter }) =>
      Effect.succeed<Answer>({
        status: 503,
        headers: { "retry-after": Math.ceil(Duration.toSeconds(retryAfter)) },
        body: message
      })
  })
)

// The breaker logs each transition; here the lines below tell of them.
const QuietLive = Logger.minimumLogLevel(LogLevel.None)

const runtime = ManagedRuntime.make(Layer.merge(Payments.layer, QuietLive))

const handle = async (_request: IncomingMessage, response: ServerResponse) => {
  const hangUp = new AbortController()
  response.once("close", () => hangUp.abort())
  // A client that hangs up interrupts its call, which then counts as Ignored.
  const { body, headers, status } = await runtime.runPromise(charge, { signal: hangUp.signal })
  response.writeHead(status, headers).end(body)
}

const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy())
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const { port } = server.address() as AddressInfo

const post = async () => {
  const response = await fetch(`http://127.0.0.1:${port}/charges`, { method: "POST" })
  console.log(`${response.status}  ${await response.text()}`)
}

for (let i = 0; i < 5; i++) await post()
console.log(`the bank got ${bank.requests} of 5 requests`)

bank.isDown = false
await runtime.runPromise(Payments.awaitReady())
await post()

server.close()
// Ends the breaker, and whatever else the layer holds.
await runtime.dispose()
