/**
 * Callers who arrive at a steady pace, whatever became of those before them.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Ref from "effect/Ref"
import type { Stock } from "./Server.ts"
import * as Story from "./Story.ts"

/** The result of one call, in milliseconds since the demo began. */
export interface Call {
  readonly startedAt: number
  readonly endedAt: number
  readonly got: "answer" | "fallback" | "error"
}

export const callsPerSecond = 25

export const send = <E, R>(
  story: Story.Story,
  getStock: Effect.Effect<Stock, E, R>,
  calls: Ref.Ref<Chunk.Chunk<Call>>
): Effect.Effect<void, never, R> => {
  const call = Effect.gen(function* () {
    const startedAt = yield* Story.elapsed(story)
    const exit = yield* Effect.exit(getStock)
    const endedAt = yield* Story.elapsed(story)
    yield* Ref.update(calls, Chunk.append<Call>({ startedAt, endedAt, got: whatCameOf(exit) }))
  })
  const interval = 1_000 / callsPerSecond
  return Effect.gen(function* () {
    const running = yield* FiberSet.make()
    for (let due = 0; due < story.duration; due += interval) {
      yield* Effect.sleep(due - (yield* Story.elapsed(story)))
      yield* FiberSet.run(running, call)
    }
    yield* FiberSet.awaitEmpty(running)
  }).pipe(Effect.scoped)
}

const whatCameOf = <E>(exit: Exit.Exit<Stock, E>): Call["got"] =>
  Exit.isFailure(exit) ? "error" : exit.value.from === "warehouse" ? "answer" : "fallback"
