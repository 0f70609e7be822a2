/**
 * Five processes that guard the same backend with one circuit, through Redis.
 *
 *     npm run demo:fleet               about 15 seconds, a line for each half
 *     npm run demo:fleet -- --fast     the same story in about 5 seconds
 *     NO_COLOR=1 npm run demo:fleet    without colours
 *
 * Every process sends the same traffic twice: through a breaker that shares its circuit with those of the other
 * processes, and through one that is alone. Where there is no `redis-server`, there are only those that are alone.
 * On a busy machine everything takes longer.
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
import * as Rehearsal from "./fleet/Rehearsal.ts"
import * as RedisServer from "./fleet/RedisServer.ts"
import * as Story from "./fleet/Story.ts"

const program = Effect.gen(function* () {
  const written = process.argv.includes("--fast") ? Story.fast : Story.normal
  const redis = yield* Effect.option(RedisServer.start)
  const backend = yield* Backend.start
  const processes = yield* Processes.start({ backend: backend.url, redis: Option.getOrUndefined(redis) })

  const waitMillis = yield* processes.rehearse
  const times = Rehearsal.slowness(written, waitMillis)
  if (Rehearsal.isTooSlow(written, times)) return yield* Console.log(Rehearsal.tooBusy(waitMillis))
  const story = Story.slower(written, times)

  yield* Console.log(
    Option.match(redis, {
      onNone: () => "There is no redis-server: five processes, each with a circuit of its own.",
      onSome: (port) => `Five processes, and a Redis on port ${port}.`
    })
  )
  if (times > 1) yield* Console.log(`The machine is busy: everything takes ${times} times as long.`)
  yield* processes.prepare(story)
  yield* backend.begin(story)
  yield* processes.begin
  yield* Lines.print(story, backend, processes, Option.isSome(redis))
})

// The output was closed, as by `| head`.
const unread = Effect.async<void>((resume) => {
  process.stdout.once("error", () => resume(Effect.void))
})

program.pipe(Effect.scoped, Effect.raceFirst(unread), NodeRuntime.runMain)
