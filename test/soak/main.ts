/**
 * Real processes with breakers on one real Redis, under load and faults that follow from a seed, for some minutes.
 *
 *     npm run soak                                5 minutes, with a new seed
 *     npm run soak -- --minutes 30 --seed 7       longer, and the decisions of that seed again
 *     npm run soak -- --processes 5 --rate 3000   more processes, and calls a second of all of them
 *
 * It prints a row for each round, and at its end a verdict. It exits with 1 if a call is not accounted for, if the
 * processes do not agree, or if anything has grown. The calls of a process that is killed are lost with it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import install from "../redis/install.ts"
import type { Options } from "./options.ts"
import { optionsOf } from "./options.ts"

const newSeed = (): number => Math.floor(Math.random() * 0x1_0000_0000)

const soak = (options: Options) =>
  Effect.gen(function* () {
    const { callsPerSecond, minutes, processes, seed } = options
    yield* Console.log(`${minutes} minutes, ${processes} processes, ${callsPerSecond} calls/s, seed ${seed}`)
    // Imported when the server is installed: the kit looks for it at once.
    const { run } = yield* Effect.promise(() => import("./rounds.ts"))
    const problems = yield* Effect.catchAll(run(options), (error) => Effect.succeed([error]))
    if (problems.length === 0) return yield* Console.log(`Nothing went wrong (seed ${seed}).`)
    yield* Console.log(`\nWhat went wrong (seed ${seed}):`)
    for (const problem of problems) yield* Console.log(`- ${problem}`)
    process.exitCode = 1
  })

const program = Effect.gen(function* () {
  const options = yield* Effect.try({
    try: () => optionsOf(process.argv.slice(2), newSeed),
    catch: (error) => (error instanceof Error ? error.message : String(error))
  })
  install()
  const isInstalled = spawnSync("redis-server", ["--version"]).status === 0
  if (!isInstalled) return yield* Effect.fail("The soak needs a redis-server of its own: install one")
  yield* Effect.scoped(soak(options))
}).pipe(
  Effect.catchAll((error) =>
    Effect.zipRight(
      Console.error(error),
      Effect.sync(() => (process.exitCode = 1))
    )
  )
)

NodeRuntime.runMain(program)
