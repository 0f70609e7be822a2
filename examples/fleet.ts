/**
 * Five processes that guard the same backend with one circuit, through Redis.
 *
 *     npm run demo:fleet               about 15 seconds, a line for each half
 *     npm run demo:fleet -- --fast     the same story in about 5 seconds
 *     NO_COLOR=1 npm run demo:fleet    without colours
 *
 * Every process sends the same traffic twice: through a breaker that shares its circuit with those of the other
 * processes, and through one that is alone. Where there is no `redis-server`, there are only those that are alone.
 *
 * `fleet/process.ts` is one of the processes, and all there is to know about the breakers.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Backend from "./fleet/Backend.ts"
import * as Lines from "./fleet/Lines.ts"
import * as Processes from "./fleet/Processes.ts"
import * as RedisServer from "./fleet/RedisServer.ts"
import * as Story from "./fleet/Story.ts"

const program = Effect.gen(function* () {
  const story = process.argv.includes("--fast") ? Story.fast : Story.normal
  const redis = yield* Effect.option(RedisServer.start)
  yield* Console.log(
    Option.match(redis, {
      onNone: () => "There is no redis-server: five processes, each with a circuit of its own.",
      onSome: (port) => `Five processes, and a Redis on port ${port}.`
    })
  )
  const backend = yield* Backend.start(story)
  const processes = yield* Processes.start({
    backend: backend.url,
    redis: Option.getOrUndefined(redis),
    story
  })
  yield* backend.begin
  yield* processes.begin
  yield* Lines.print(story, backend, processes, Option.isSome(redis))
})

NodeRuntime.runMain(Effect.scoped(program))
