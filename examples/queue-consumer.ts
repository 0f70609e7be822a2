/**
 * Two workers that deliver the messages of a queue. When the mail server fails they do not go on to be rejected, message
 * by message: each keeps the one it has and waits with `awaitReady` until a call would be admitted. No message is lost,
 * and the server is left alone until then.
 *
 *     npx tsx examples/queue-consumer.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as assert from "node:assert"

class Mail extends CircuitBreaker.Service<Mail>()("Mail", {
  tripPolicy: TripPolicy.consecutive(2),
  openDuration: "150 millis"
}) {}

const messages = Array.from({ length: 12 }, (_, i) => `message ${i + 1}`)

const program = Effect.gen(function* () {
  const startedAt = yield* Clock.currentTimeMillis
  const say = (text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Console.log(`${String(now - startedAt).padStart(4)} ms  ${text}`)
    )

  let requests = 0
  const delivered: Array<string> = []
  /** The mail server fails with its fifth, sixth and seventh request. */
  const send = Effect.fnUntraced(function* (message: string) {
    const request = ++requests
    yield* Effect.sleep("20 millis")
    if (request >= 5 && request <= 7) {
      yield* say(`${message} could not be sent`)
      return yield* Effect.fail("unavailable")
    }
    delivered.push(message)
    yield* say(`${message} sent`)
  })

  const deliver = (message: string) =>
    // Ready is no promise: the other worker may take the only probe. Then this one is rejected and waits again.
    Effect.zipRight(Mail.awaitReady(), Mail.protect(send(message))).pipe(
      Effect.retry(Schedule.spaced("10 millis"))
    )

  const queue = yield* Queue.bounded<string>(4)
  yield* Effect.fork(Queue.offerAll(queue, messages))
  yield* Stream.fromQueue(queue).pipe(
    Stream.take(messages.length),
    Stream.mapEffect(deliver, { concurrency: 2, unordered: true }),
    Stream.runDrain
  )

  assert.deepStrictEqual(delivered.toSorted(), messages.toSorted())
  yield* Console.log(`${delivered.length} messages, each delivered once, with ${requests} requests`)
})

program.pipe(
  Effect.provide(Mail.layer),
  // The breaker logs each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
