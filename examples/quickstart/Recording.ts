/**
 * The facts that are recorded during the demo: refs that are written to, and a plain copy to draw from.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CircuitBreaker, Transition } from "effect-circuit-breaker"
import type { Load, Server } from "./Server.ts"
import * as Story from "./Story.ts"
import type { Call } from "./Traffic.ts"

export interface Recording {
  readonly withBreaker: Ref.Ref<Chunk.Chunk<Call>>
  readonly withoutBreaker: Ref.Ref<Chunk.Chunk<Call>>
  readonly facts: Effect.Effect<Facts>
}

export interface Facts {
  readonly story: Story.Story
  /** Milliseconds since the story began. */
  readonly now: number
  readonly circuit: CircuitBreaker.CircuitSnapshot
  readonly transitions: Chunk.Chunk<Transition.Transition>
  readonly withBreaker: Side
  readonly withoutBreaker: Side
}

export interface Side {
  readonly calls: Chunk.Chunk<Call>
  readonly load: Load
}

export const make = (
  story: Story.Story,
  breaker: CircuitBreaker.CircuitBreaker,
  server: Server,
  otherServer: Server
): Effect.Effect<Recording, never, Scope.Scope> =>
  Effect.gen(function* () {
    const withBreaker = yield* Ref.make(Chunk.empty<Call>())
    const withoutBreaker = yield* Ref.make(Chunk.empty<Call>())
    const transitions = yield* Ref.make(Chunk.empty<Transition.Transition>())
    yield* breaker.transitions.pipe(
      Stream.runForEach((transition) => Ref.update(transitions, Chunk.append(transition))),
      Effect.forkScoped
    )
    const facts = Effect.all({
      story: Effect.succeed(story),
      now: Story.elapsed(story),
      circuit: breaker.snapshot(),
      transitions: Ref.get(transitions),
      withBreaker: Effect.all({ calls: Ref.get(withBreaker), load: Ref.get(server.load) }),
      withoutBreaker: Effect.all({ calls: Ref.get(withoutBreaker), load: Ref.get(otherServer.load) })
    })
    return { withBreaker, withoutBreaker, facts }
  })
