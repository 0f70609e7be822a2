/**
 * Retries on both sides of a breaker. Inside, quick ones: they are parts of one call, which counts once. Outside,
 * patience: `CircuitBreaker.retrySchedule` waits for as long as an open circuit says, instead of guessing.
 *
 *     npx tsx examples/retry.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"

class Rates extends CircuitBreaker.Service<Rates>()("Rates", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "500 millis"
}) {}

const program = Effect.gen(function* () {
  const startedAt = yield* Clock.currentTimeMillis
  const say = (text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Console.log(`${String(now - startedAt).padStart(4)} ms  ${text}`)
    )

  let attempts = 0
  /** Is back in order with its seventh attempt. */
  const fetchRates = Effect.suspend(() => {
    const attempt = ++attempts
    return attempt < 7
      ? Effect.zipRight(say(`attempt ${attempt} fails`), Effect.fail("unavailable" as const))
      : Effect.zipRight(say(`attempt ${attempt} succeeds`), Effect.succeed("1.08"))
  })

  const rates = fetchRates.pipe(
    // Inside: two more attempts, at once. An open circuit skips them, too.
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 2 }),
    Rates.protect,
    Effect.tapError((error) =>
      typeof error === "string"
        ? say("the call failed")
        : say(`rejected, ready in ${Duration.format(error.retryAfter)}`)
    ),
    // Outside: other errors as the schedule says, rejections when the circuit is ready, neither for ever.
    Effect.retry({
      schedule: CircuitBreaker.retrySchedule(Schedule.exponential("50 millis")),
      times: 5
    })
  )

  yield* say(`got ${yield* rates}`)
  const { totals } = yield* Rates.snapshot()
  yield* Console.log(
    `${attempts} attempts were ${totals.failed + totals.succeeded} calls, and ${totals.rejected} was rejected`
  )
})

program.pipe(
  Effect.provide(Rates.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
