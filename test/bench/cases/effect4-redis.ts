import type * as Context from "effect-4/Context"
import * as Effect from "effect-4/Effect"
import * as Layer from "effect-4/Layer"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import * as Redis from "effect-4/persistence/Redis"
import * as Scope from "effect-4/Scope"
import { loop, work } from "../effect4.ts"
import { startRedis } from "../fleet/redis.ts"
import { timed } from "../timed.ts"
import type { Cases } from "../case.ts"

const bare = Effect.sync(work)

/** Effect 4's own breaker with its circuits in Redis, on the same client. */
export const cases: Cases = {
  closed: timed(async () => {
    const client = await startRedis()
    const send = (command: string, ...args: ReadonlyArray<string>) =>
      Effect.tryPromise({
        try: () => client.call(command, ...args),
        catch: (cause) => new Redis.RedisError({ cause })
      })
    const redis = Redis.make({
      send: send as Redis.Redis["Service"]["send"],
      subscribe: () => Effect.succeed(Effect.void),
      connect: Effect.die("not used")
    })
    const breaker = await Effect.runPromise(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const store = Layer.provide(CircuitBreaker.layerStoreRedis(), Layer.effect(Redis.Redis, redis))
        const context = yield* Layer.buildWithScope(store, scope)
        return yield* CircuitBreaker.make({
          tripPolicy: CircuitBreaker.consecutive(5),
          openDuration: "30 seconds"
        }).pipe(
          Effect.provide(context as Context.Context<CircuitBreaker.CircuitBreakerStore>),
          Scope.provide(scope)
        )
      })
    )
    const guarded = breaker.execute(bare, { key: "default" })
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  })
}
