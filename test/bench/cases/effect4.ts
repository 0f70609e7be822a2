import * as Clock from "effect-4/Clock"
import * as Context from "effect-4/Context"
import * as Duration from "effect-4/Duration"
import * as Effect from "effect-4/Effect"
import * as Layer from "effect-4/Layer"
import * as CircuitBreaker from "effect-4/persistence/CircuitBreaker"
import * as Redis from "effect-4/persistence/Redis"
import * as Scope from "effect-4/Scope"
import { allocated, timed } from "../case.ts"
import { bytesEach, worstCall } from "../keys.ts"
import { startRedis } from "../redis.ts"
import type { Cases, Loop, Prepare } from "../case.ts"
import type { MakeKeyed } from "../keys.ts"

/** Effect 4's own breaker. The work and its loop are those of `effect3.ts`. */
const work = () => 1
const bare = Effect.sync(work)

const repeat =
  <A, E, R>(body: () => Effect.Effect<A, E, R>) =>
  (calls: number): Effect.Effect<void, E, R> =>
    Effect.suspend(() => {
      let done = 0
      return Effect.whileLoop({ while: () => done < calls, body, step: () => void done++ })
    })

const loop = (body: () => Effect.Effect<unknown, unknown>): Loop => {
  const repeated = repeat(body)
  return (calls) => Effect.runPromise(repeated(calls))
}

type Options = Parameters<typeof CircuitBreaker.make>[0]
const consecutive: Options = { tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" }

/** A breaker and the store that holds its circuits, by default in memory. */
const make = (
  options: Options = consecutive,
  layer: Layer.Layer<CircuitBreaker.CircuitBreakerStore, unknown> = CircuitBreaker.layerStoreMemory()
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer, scope)
      const breaker = yield* CircuitBreaker.make(options).pipe(Effect.provide(context), Scope.provide(scope))
      return { breaker, store: Context.get(context, CircuitBreaker.CircuitBreakerStore) }
    })
  )

const key = "default"

const reused: Prepare = async () => {
  const { breaker } = await make()
  const guarded = breaker.execute(bare, { key })
  return { bare: loop(() => bare), guarded: loop(() => guarded) }
}

const redisLayer = async () => {
  const { client } = await startRedis()
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
  return Layer.provide(CircuitBreaker.layerStoreRedis(), Layer.effect(Redis.Redis, redis))
}

const makeClock = () => {
  let millis = 0
  const nanos = () => BigInt(millis) * 1_000_000n
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => millis,
    currentTimeNanosUnsafe: nanos,
    monotonicTimeNanosUnsafe: nanos,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: () => Effect.never
  }
  return { clock, advance: (by: number) => void (millis += by) }
}

/**
 * Circuits are made and filled through the store, as `execute` does it: that takes a tenth of the time and leaves the same
 * circuits.
 */
const keyed: MakeKeyed = async () => {
  const { advance, clock } = makeClock()
  const withClock = Effect.provideService(Clock.Clock, clock)
  const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, size: 100 })
  const { breaker, store } = await make({ tripPolicy, openDuration: "30 seconds" })
  const openFor = Duration.zero
  const fillOne = (key: string, calls: number) =>
    Effect.flatMap(store.admit(key), ({ generation }) =>
      calls === 1
        ? Effect.void
        : repeat(() => store.record({ key, generation, outcome: "Success", tripPolicy, openFor }))(calls)
    )
  return {
    makeCircuits: (keys, calls) => {
      let next = 0
      const fill = repeat(() => fillOne(keys[next++] ?? "", calls))(keys.length)
      return Effect.runPromise(withClock(Effect.scoped(fill)))
    },
    call: (key) => void Effect.runSync(withClock(breaker.execute(bare, { key }))),
    advanceClock: advance,
    release: () => Effect.runPromise(withClock(breaker.state(key)))
  }
}

export const cases: Cases = {
  reused: timed(reused),
  bytes: allocated(reused),
  anew: timed(async () => {
    const { breaker } = await make()
    return {
      bare: loop(() => Effect.sync(work)),
      guarded: loop(() => breaker.execute(Effect.sync(work), { key }))
    }
  }),
  calls10000: timed(async (size) => {
    const calls = size(10_000, 100)
    const tripPolicy = CircuitBreaker.rate({ threshold: 0.5, size: calls })
    const { breaker } = await make({ ...consecutive, tripPolicy })
    const guarded = loop(() => breaker.execute(bare, { key }))
    await guarded(calls)
    return { bare: loop(() => bare), guarded }
  }),
  rejection: timed(async () => {
    const { breaker } = await make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: "1 hour" })
    await Effect.runPromise(Effect.ignore(breaker.execute(Effect.fail("down"), { key })))
    const guarded = breaker.execute(bare, { key })
    await Effect.runPromise(Effect.flip(guarded))
    const [failure, rejection] = [Effect.ignore(Effect.fail("down")), Effect.ignore(guarded)]
    return { bare: loop(() => failure), guarded: loop(() => rejection) }
  }),
  // on the same client as ours
  redis: timed(async () => {
    const { breaker } = await make(consecutive, await redisLayer())
    const guarded = breaker.execute(bare, { key })
    return { bare: loop(() => bare), guarded: loop(() => guarded) }
  }),
  rate100000: bytesEach(100_000, 100, keyed),
  consecutive100000: bytesEach(100_000, 1, keyed),
  consecutive1000000: bytesEach(1_000_000, 1, keyed),
  // the sweep comes with the first call, so that a few calls tell as much
  expiry100000: worstCall(100_000, 0.05, keyed),
  expiry1000000: worstCall(1_000_000, 0.05, keyed)
}
