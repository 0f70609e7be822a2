/**
 * An `ExecutionPlan` with a breaker for each step: ask the primary model, else the backup model, else take an answer
 * from the cache. A model that is down is asked until its circuit opens; from then on its step is over at once, until
 * it is well again.
 *
 *     npx tsx examples/fallback-plan.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitBreaker, type CircuitOpenError, TripPolicy } from "effect-circuit-breaker"

class Model extends Context.Tag("Model")<
  Model,
  { readonly answer: (question: string) => Effect.Effect<string, "overloaded" | CircuitOpenError> }
>() {}

const options = { tripPolicy: TripPolicy.consecutive(2), openDuration: "200 millis" } as const

class Primary extends CircuitBreaker.Service<Primary>()("Primary", options) {}
class Backup extends CircuitBreaker.Service<Backup>()("Backup", options) {}

const isUp = { primary: true, backup: true }

const ask = (model: keyof typeof isUp) =>
  Effect.suspend(() =>
    isUp[model]
      ? Effect.succeed(`an answer of the ${model} model`)
      : Effect.zipRight(
          Console.log(`         the ${model} model is overloaded`),
          Effect.fail("overloaded" as const)
        )
  )

// The plan builds a step's layer anew for each attempt. The breaker has to outlive that, so the layers take it from
// their environment: a breaker made in here would be a new one, and Closed, every time.
const primary = Layer.effect(
  Model,
  Effect.map(Primary, ({ protect }) => ({ answer: () => protect(ask("primary")) }))
)
const backup = Layer.effect(
  Model,
  Effect.map(Backup, ({ protect }) => ({ answer: () => protect(ask("backup")) }))
)
const cached = Layer.succeed(Model, { answer: () => Effect.succeed("a cached answer") })

const plan = ExecutionPlan.make({ provide: primary }, { provide: backup }, { provide: cached })

const answer = Effect.flatMap(Model, (model) => model.answer("What is a circuit breaker?")).pipe(
  Effect.withExecutionPlan(plan)
)

const program = Effect.gen(function* () {
  const askTimes = (times: number) =>
    Effect.repeatN(
      Effect.flatMap(answer, (text) => Console.log(`  got    ${text}`)),
      times - 1
    )

  yield* Console.log("All is well:")
  yield* askTimes(1)

  isUp.primary = false
  yield* Console.log("The primary model is down; its circuit opens with the second failure:")
  yield* askTimes(3)

  isUp.backup = false
  yield* Console.log("So is the backup model:")
  yield* askTimes(3)

  isUp.primary = isUp.backup = true
  yield* Primary.awaitReady()
  yield* Console.log("200 milliseconds later, with both back:")
  yield* askTimes(1)
})

program.pipe(
  Effect.provide([Primary.layer, Backup.layer]),
  // The breakers log each transition; here the lines above tell of them.
  Logger.withMinimumLogLevel(LogLevel.None),
  NodeRuntime.runMain
)
