/**
 * A bulkhead, a breaker and a timeout, in this order from the outside to the inside. The bulkhead bounds how many calls
 * hang at a time, the timeout ends them, and the breaker counts only what the dependency did: calls that the bulkhead
 * refuses say nothing about it.
 *
 *     npx tsx examples/bulkhead-and-timeout.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"

class Search extends CircuitBreaker.Service<Search>()("Search", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "300 millis"
}) {}

class BulkheadFull extends Data.TaggedError("BulkheadFull") {}

const program = Effect.gen(function* () {
  const bulkhead = yield* Effect.makeSemaphore(2)
  let isHanging = true
  const search = Effect.suspend(() => (isHanging ? Effect.never : Effect.succeed("3 results")))

  const guarded = search.pipe(
    // Innermost: a call that hangs is a failure, and it gives its permit back.
    Effect.timeout("100 millis"),
    Search.protect,
    // Outermost: whom it refuses has not got as far as the breaker. The other way round the breaker would have to be
    // told to ignore such refusals, and a probe could be stopped on its way to the dependency.
    bulkhead.withPermitsIfAvailable(1),
    Effect.flatMap(Option.match({ onNone: () => new BulkheadFull(), onSome: Effect.succeed }))
  )

  const call = (caller: number) =>
    guarded.pipe(
      Effect.catchTags({
        BulkheadFull: () => Effect.succeed("refused at once: two calls are under way"),
        CircuitOpenError: () => Effect.succeed("rejected at once: the circuit is open"),
        TimeoutException: () => Effect.succeed("timed out")
      }),
      Effect.flatMap((result) => Console.log(`caller ${caller}  ${result}`))
    )

  yield* Console.log("Five callers, while the search hangs:")
  yield* Effect.forEach([1, 2, 3, 4, 5], call, { concurrency: "unbounded" })

  yield* Console.log("Two timeouts have opened the circuit:")
  yield* call(6)

  const { totals } = yield* Search.snapshot()
  yield* Console.log(`counted: ${totals.failed} failures, ${totals.rejected} rejection, no refusal`)

  isHanging = false
  yield* Search.awaitReady()
  yield* Console.log("300 milliseconds later, when the search works again:")
  yield* call(7)
})

program.pipe(
  Effect.provide(Search.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
