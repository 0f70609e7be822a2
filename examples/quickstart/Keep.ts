/**
 * Traffic that goes on until the program is interrupted, for a person who looks at the dashboard.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Shop from "../dashboard/Shop.ts"
import * as Server from "./Server.ts"
import * as Story from "./Story.ts"
import * as Traffic from "./Traffic.ts"

/** Repeats the story of the demo with a new server each time, beside a shop with breakers of its own. */
export const going = <E, R>(
  guarded: (askForStock: Server.AskForStock) => Effect.Effect<Server.Stock, E, R>
): Effect.Effect<never, HttpServerError.ServeError, R | HttpClient.HttpClient> => {
  const round = Effect.gen(function* () {
    const story = yield* Story.begin(false)
    const stock = yield* Server.client(yield* Server.start(story))
    yield* Traffic.send(story, guarded(stock), yield* Ref.make(Chunk.empty<Traffic.Call>()))
  }).pipe(Effect.scoped)
  return Effect.raceFirst(Effect.forever(round), Effect.scoped(Shop.traffic))
}
