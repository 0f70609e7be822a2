/**
 * The traffic of the story with nothing amiss, to find out how fast this machine is. The first requests of a process
 * also pay for code that has yet to be compiled, and are no part of the story.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { Pace } from "./Pace.ts"
import * as Server from "./Server.ts"
import * as Story from "./Story.ts"
import * as Traffic from "./Traffic.ts"

const rounds = 4

// A machine that does nothing else is hardly slower than this.
const idle = 1.2

/** From here on the story takes too long to watch. */
export const tooSlow = 3.5

export const tooBusy = (slowness: number): string =>
  `This machine is too busy to show it (${slowness.toFixed(0)} times too slow). Try again later.`

/** The factor by which the machine is too slow, by the fastest of a few rounds. */
export const slowness = Effect.gen(function* () {
  const { slownessOf } = yield* Pace
  let least = Infinity
  for (let n = 0; n < rounds && least > idle; n++) least = Math.min(least, yield* slownessOf(round))
  return least
})

const round = Effect.gen(function* () {
  const story = yield* Story.rehearsal
  const server = yield* Server.start(story)
  const stock = yield* Server.client(server)
  const calls = yield* Ref.make(Chunk.empty<Traffic.Call>())
  const traffic = Traffic.send(story, stock, calls)
  yield* Effect.all([traffic, traffic], { concurrency: "unbounded", discard: true })
}).pipe(Effect.scoped)
