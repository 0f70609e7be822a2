/**
 * One of the five processes: its two breakers, and its traffic. The demo starts it, and tells it when to begin.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import type { Message, Task } from "./Processes.ts"
import type { Kind } from "./Story.ts"
import { kinds } from "./Story.ts"

const task: Task = JSON.parse(process.argv[2]!)
const { story } = task

const breaker = CircuitBreaker.layer({
  name: "backend",
  tripPolicy: TripPolicy.consecutive(5),
  openDuration: story.open
})

// That the circuit is shared is all that tells one from the other.
const layers = {
  alone: breaker,
  shared:
    task.redis === undefined
      ? undefined
      : breaker.pipe(
          Layer.provide(
            RedisCircuitStore.layer({ host: "127.0.0.1", port: task.redis, syncInterval: story.slice })
          )
        )
}

const tell = (message: Message) =>
  Effect.sync(() => {
    process.send?.(message)
  })

const told = Effect.async<void>((resume) => {
  process.once("message", () => resume(Effect.void))
})

const traffic = (kind: Kind, breaker: CircuitBreaker.CircuitBreaker) => {
  const ask = Effect.gen(function* () {
    const { _tag } = yield* breaker.state()
    const url = `${task.backend}/${kind}/${_tag === "HalfOpen" ? "probe" : "call"}`
    const response = yield* Effect.tryPromise((signal) => fetch(url, { signal }))
    if (!response.ok) yield* Effect.fail(response.status)
  })
  const calls = Effect.forkDaemon(Effect.ignore(breaker.protect(ask)))
  const states = Effect.flatMap(breaker.state(), ({ _tag }) => tell({ kind, state: _tag }))
  return Effect.zipRight(
    Effect.repeat(calls, Schedule.fixed(story.pause)),
    Effect.repeat(states, Schedule.fixed(story.pause / 2)),
    { concurrent: true }
  )
}

const program = Effect.gen(function* () {
  const breakers: Array<readonly [Kind, CircuitBreaker.CircuitBreaker]> = []
  for (const kind of kinds) {
    const layer = layers[kind]
    if (layer !== undefined) {
      breakers.push([kind, Context.get(yield* Layer.build(layer), CircuitBreaker.CircuitBreaker)])
    }
  }
  // The first request of a process takes longer than any other.
  yield* Effect.promise(() => fetch(task.backend))
  yield* tell({ ready: true })
  yield* told
  // The processes do not call in step.
  yield* Effect.sleep((task.number * story.pause) / 5)
  yield* Effect.forEach(breakers, ([kind, breaker]) => traffic(kind, breaker), {
    concurrency: "unbounded",
    discard: true
  })
})

// Nobody is left to work for.
process.once("disconnect", () => process.exit())

program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None), NodeRuntime.runMain)
