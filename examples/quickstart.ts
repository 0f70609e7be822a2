/**
 * A circuit breaker round a real HTTP client, whose server gets into trouble.
 *
 *     npm start               a live timeline, about 20 seconds (plain lines where the output is no terminal)
 *     npm start -- --fast     the same story in about 5 seconds
 *     npm start -- --keep     then goes on until Ctrl-C, for you to look at the dashboard and to try its buttons
 *     npm start -- --no-dashboard
 *     NO_COLOR=1 npm start    without colours
 *
 * Two clients send the same traffic to two servers that have the same troubles: one client has a breaker, the other
 * has none. This file is all there is to know about the breaker; `quickstart/` holds the servers, the traffic and
 * the drawing. On a busy machine the same story takes longer.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import * as Dashboard from "./quickstart/Dashboard.ts"
import * as Display from "./quickstart/Display.ts"
import * as Keep from "./quickstart/Keep.ts"
import * as Pace from "./quickstart/Pace.ts"
import * as Recording from "./quickstart/Recording.ts"
import * as Rehearsal from "./quickstart/Rehearsal.ts"
import * as Server from "./quickstart/Server.ts"
import * as Story from "./quickstart/Story.ts"
import * as Traffic from "./quickstart/Traffic.ts"

class Warehouse extends CircuitBreaker.Service<Warehouse>()("Warehouse", {
  // opens when half of the calls of the last second failed,
  tripPolicy: TripPolicy.failureRate({ threshold: 0.5, within: "1 second", minimumCalls: 10 }),
  // for half a second at first, then for one, then for two,
  openDuration: Schedule.exponential("500 millis").pipe(Schedule.union(Schedule.spaced("2 seconds"))),
  // and lets a growing share of the calls through once a probe has succeeded
  recovery: { duration: "4 seconds" }
}) {}

const withBreaker = (askForStock: Server.AskForStock) =>
  askForStock.pipe(
    // inside the breaker: an answer that takes too long is a failure
    Effect.timeout("500 millis"),
    Warehouse.protect,
    // outside: each attempt is a call of its own, and one that was rejected waits until the circuit is ready
    Effect.retry({ schedule: CircuitBreaker.retrySchedule(pause), while: isWorthTheWait, times: 1 }),
    Effect.catchTag("CircuitOpenError", () => Effect.succeed(lastKnownStock))
  )

const withoutBreaker = (askForStock: Server.AskForStock) =>
  askForStock.pipe(Effect.timeout("500 millis"), Effect.retry({ schedule: pause, times: 1 }))

const pause = Schedule.spaced("50 millis")

// A rejection says how long the circuit stays open; it is waited for only if that is soon over.
const isWorthTheWait = (error: unknown) =>
  !(error instanceof CircuitOpenError) || Duration.lessThanOrEqualTo(error.retryAfter, "200 millis")

const lastKnownStock: Server.Stock = { left: 40, from: "memory" }

const isFast = process.argv.includes("--fast")
const isKept = process.argv.includes("--keep")
const isShown = !process.argv.includes("--no-dashboard")

const program = Effect.gen(function* () {
  const slowness = yield* Rehearsal.slowness
  if (slowness >= Rehearsal.tooSlow) return yield* Console.log(Rehearsal.tooBusy(slowness))

  if (isShown) yield* Console.log(`The dashboard: ${yield* Dashboard.serve}\n`)
  const story = yield* Story.begin(isFast)
  const [server, otherServer] = yield* Effect.all([Server.start(story), Server.start(story)])
  const [stock, otherStock] = yield* Effect.all([Server.client(server), Server.client(otherServer)])
  const recording = yield* Recording.make(story, yield* Warehouse, server, otherServer)

  const traffic = Effect.all(
    [
      Traffic.send(story, withBreaker(stock), recording.withBreaker),
      Traffic.send(story, withoutBreaker(otherStock), recording.withoutBreaker)
    ],
    { concurrency: "unbounded", discard: true }
  )
  yield* Display.during(traffic, recording)
  if (!isKept) return
  yield* Console.log("\nThe traffic goes on, with a few more breakers, until Ctrl-C.")
  yield* Keep.going(withBreaker)
})

const WarehouseLive = isFast
  ? Warehouse.layerWith({ openDuration: "300 millis", recovery: { duration: "500 millis" } })
  : Warehouse.layer

program.pipe(
  Effect.scoped,
  Effect.provide([WarehouseLive, NodeHttpClient.layer]),
  // The breaker logs each transition; here the timeline shows them.
  Logger.withMinimumLogLevel(LogLevel.None),
  // On a busy machine the story takes longer, and stays the same.
  Pace.keep,
  NodeRuntime.runMain
)
