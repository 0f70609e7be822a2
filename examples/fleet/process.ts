/**
 * One of the five processes: its two breakers, and its traffic. The demo starts it, and tells it when to begin.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import * as RedisCircuitStore from "effect-circuit-breaker/RedisCircuitStore"
import type { Answer, Command, Report, Task } from "./Processes.ts"
import type { Kind, Story } from "./Story.ts"
import { fast, isDownAt } from "./Story.ts"

const task: Task = JSON.parse(process.argv[2]!)

const breaker = ({ open }: Story) =>
  CircuitBreaker.layer({
    name: "backend",
    tripPolicy: TripPolicy.consecutive(5),
    openDuration: open
  })

// Only the store makes the difference between a circuit that is shared and one that is not.
const sharedBreaker = (story: Story, port: number) => {
  const redis = { host: "127.0.0.1", port, syncInterval: story.slice, deadline: story.deadline }
  return Layer.provide(breaker(story), RedisCircuitStore.layer(redis))
}

const layersOf = (story: Story): ReadonlyArray<readonly [Kind, Layer.Layer<CircuitBreaker.CircuitBreaker>]> =>
  task.redis === undefined
    ? [["alone", breaker(story)]]
    : [
        ["shared", sharedBreaker(story, task.redis)],
        ["alone", breaker(story)]
      ]

const send = (message: Answer | Report) =>
  Effect.sync(() => {
    process.send?.(message)
  })

/** Says that the process is ready, and waits for the next command. */
const nextCommand = (answer: Answer) =>
  Effect.async<Command>((resume) => {
    process.once("message", (command: Command) => resume(Effect.succeed(command)))
    process.send?.(answer)
  })

/** A request for each kind, as often as in the fast story. The result is the 90th percentile of the waits. */
const rehearsal = Effect.gen(function* () {
  const waits: Array<number> = []
  const ask = Effect.promise(() => fetch(task.backend)).pipe(
    Effect.timed,
    Effect.map(([wait]) => waits.push(Duration.toMillis(wait)))
  )
  const both = Effect.all([ask, ask], { concurrency: "unbounded" })
  yield* Effect.repeat(both, Schedule.intersect(Schedule.spaced(fast.pause), Schedule.recurs(30)))
  // The first requests of a process also pay for code that has yet to be compiled.
  const later = waits.slice(waits.length / 2).toSorted((a, b) => a - b)
  return later[Math.floor(later.length * 0.9)] ?? 0
})

const traffic = (story: Story, kind: Kind, breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    let callsWhileDown = 0
    const ask = Effect.gen(function* () {
      const { _tag } = yield* breaker.state()
      const url = `${task.backend}/${kind}/${_tag === "HalfOpen" ? "probe" : "call"}`
      const response = yield* Effect.tryPromise((signal) => fetch(url, { signal }))
      if (!response.ok) yield* Effect.fail(response.status)
    })
    const call = Effect.gen(function* () {
      if (isDownAt(story, (yield* Clock.currentTimeMillis) - startedAt)) callsWhileDown++
      yield* Effect.forkDaemon(Effect.ignore(breaker.protect(ask)))
    })
    const report = Effect.flatMap(breaker.state(), ({ _tag }) =>
      send({ _tag: "Report", kind, state: _tag, callsWhileDown })
    )
    yield* Effect.zipRight(
      Effect.repeat(call, Schedule.fixed(story.pause)),
      Effect.repeat(report, Schedule.fixed(story.pause / 2)),
      { concurrent: true }
    )
  })

const program = Effect.gen(function* () {
  yield* nextCommand({ _tag: "Started" })
  const waitMillis = yield* rehearsal
  const command = yield* nextCommand({ _tag: "Rehearsed", waitMillis })
  if (command._tag !== "Prepare") return
  const { story } = command
  const breakers = yield* Effect.forEach(layersOf(story), ([kind, layer]) =>
    Effect.map(Layer.build(layer), (context) => ({
      kind,
      breaker: Context.get(context, CircuitBreaker.CircuitBreaker)
    }))
  )
  yield* nextCommand({ _tag: "Prepared" })
  // The processes do not call in step.
  yield* Effect.sleep((task.number * story.pause) / 5)
  yield* Effect.forEach(breakers, ({ breaker, kind }) => traffic(story, kind, breaker), {
    concurrency: "unbounded",
    discard: true
  })
})

// The demo has ended.
process.once("disconnect", () => process.exit())
process.once("error", () => process.exit())

program.pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None), NodeRuntime.runMain)
