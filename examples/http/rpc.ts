/**
 * A service for `@effect/rpc` that guards its own dependency. With `CircuitOpenErrorSchema` among the errors of a
 * procedure, a rejection reaches the caller as the `CircuitOpenError` it is: a fallback takes it by its tag, and
 * `CircuitBreaker.retrySchedule` waits until the circuit of the server is ready.
 *
 *     npx tsx examples/http/rpc.ts
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schema from "effect/Schema"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { CircuitOpenErrorSchema } from "effect-circuit-breaker/CircuitOpenErrorSchema"
import { createServer } from "node:http"

class BankUnavailable extends Schema.TaggedError<BankUnavailable>()("BankUnavailable", {}) {}

class Payments extends RpcGroup.make(
  Rpc.make("charge", {
    payload: { cents: Schema.Int },
    success: Schema.String,
    error: Schema.Union(BankUnavailable, CircuitOpenErrorSchema)
  })
) {}

class Bank extends CircuitBreaker.Service<Bank>()("Bank", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "500 millis"
}) {}

const bank = { isDown: true, requests: 0 }

const askBank = (cents: number) =>
  Effect.suspend(() => {
    bank.requests++
    return bank.isDown ? new BankUnavailable() : Effect.succeed(`charged ${cents} cents`)
  })

const PaymentsLive = Payments.toLayer({ charge: ({ cents }) => Bank.protect(askBank(cents)) })

const ServerLive = HttpRouter.Default.serve().pipe(
  Layer.provide(RpcServer.layer(Payments)),
  Layer.provide(PaymentsLive),
  Layer.provide(Bank.layer),
  Layer.provide(RpcServer.layerProtocolHttp({ path: "/rpc" })),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const ClientLive = HttpServer.addressFormattedWith((address) =>
  Effect.succeed(RpcClient.layerProtocolHttp({ url: `${address}/rpc` }))
).pipe(Layer.unwrapEffect, Layer.provide(NodeHttpClient.layerUndici))

const program = Effect.gen(function* () {
  const client = yield* RpcClient.make(Payments)
  const charge = client.charge({ cents: 500 }).pipe(
    Effect.tap((answer) => Console.log(answer)),
    Effect.tapErrorTag("BankUnavailable", () => Console.log("the bank is unavailable")),
    Effect.tapErrorTag("CircuitOpenError", ({ message }) => Console.log(`rejected: ${message}`))
  )

  for (let i = 0; i < 4; i++) yield* Effect.ignore(charge)
  yield* Console.log(`the bank got ${bank.requests} of 4 requests`)

  bank.isDown = false
  yield* Console.log("now with a retry that waits as long as the error says")
  yield* Effect.retry(charge, { schedule: CircuitBreaker.retrySchedule(), times: 3 })
}).pipe(Effect.scoped)

program.pipe(
  Effect.provide(
    ClientLive.pipe(Layer.provideMerge(ServerLive), Layer.provideMerge(RpcSerialization.layerNdjson))
  ),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
