/**
 * TCP connections behind a breaker. A connection is not one effect that ends with a verdict: it may last for hours, and
 * is a success as soon as the server has greeted. `admit` admits it for as long as its scope lasts, and `settle` says how
 * it went. A caller that gives up before that closes the scope: its connection is Ignored, and a probe's slot is free.
 *
 *     npx tsx examples/socket.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { once } from "node:events"
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net"

class ConnectFailed extends Data.TaggedError("ConnectFailed")<{ readonly cause: unknown }> {}

class Chat extends CircuitBreaker.Service<Chat>()("Chat", {
  tripPolicy: TripPolicy.consecutive(3),
  openDuration: "500 millis"
}) {}

/** A connection that stays open until the scope closes. */
const connect = Effect.fnUntraced(function* (port: number) {
  const admission = yield* Chat.admit()
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => createConnection(port, "127.0.0.1")),
    (socket) => Effect.sync(() => socket.destroy())
  )
  const greeting = yield* Effect.tapError(read(socket), () => admission.settle(Outcome.failure()))
  yield* admission.settle(Outcome.success)
  return greeting
})

const read = (socket: Socket) =>
  Effect.async<string, ConnectFailed>((resume) => {
    socket.once("data", (data) => resume(Effect.succeed(data.toString())))
    socket.once("error", (cause) => resume(new ConnectFailed({ cause })))
  })

const program = Effect.gen(function* () {
  const server = { isGreeting: true }
  const listener = createServer((socket) => {
    socket.on("error", () => socket.destroy())
    if (server.isGreeting) socket.write("welcome")
  })
  yield* Effect.promise(() => once(listener.listen(0, "127.0.0.1"), "listening"))
  const { port } = listener.address() as AddressInfo

  const visit = connect(port).pipe(
    Effect.catchTag("ConnectFailed", () => Effect.succeed("could not connect")),
    Effect.catchTag("CircuitOpenError", () => Effect.succeed("rejected without an attempt")),
    Effect.flatMap(say),
    Effect.scoped
  )

  yield* visit

  yield* Console.log("the server goes down")
  yield* Effect.promise(() => once(listener.close(), "close"))
  yield* Effect.repeatN(visit, 3)
  yield* Chat.awaitReady()

  yield* Console.log("it accepts connections again, but does not greet")
  server.isGreeting = false
  yield* Effect.promise(() => once(listener.listen(port, "127.0.0.1"), "listening"))
  const accepted = once(listener, "connection")
  const caller = yield* Effect.fork(visit)
  yield* Effect.promise(() => accepted)
  yield* say("a probe waits for its greeting")
  yield* visit
  yield* Fiber.interrupt(caller)
  yield* say("its caller has given up")

  yield* Console.log("it is well")
  server.isGreeting = true
  yield* visit

  listener.close()
  yield* Effect.flatMap(Chat.snapshot(), ({ totals }) => Console.log(totals))
})

const say = (text: string) =>
  Effect.flatMap(Chat.state(), (state) => {
    const probes = state._tag === "HalfOpen" ? `, ${state.probing} probing` : ""
    return Console.log(`  ${text.padEnd(30)}  ${state._tag}${probes}`)
  })

program.pipe(
  Effect.provide(Chat.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
