import { CircuitBreaker, CircuitMetrics, TripPolicy } from "effect-circuit-breaker"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { timed } from "../case.ts"
import { acquire, acquireRelease, bare, loop, makeClock, repeat, work } from "../effect3.ts"
import { bytesEach, makeKeys, shuffled, worstCall } from "../keys.ts"
import { makeShared, startRedis } from "../redis.ts"
import type { Case, Cases } from "../case.ts"
import type { MakeKeyed } from "../keys.ts"

/** The bare loop looks its key up in a plain `Map`, which shows what the processor's caches alone make of so many keys. */
const time = (count: number) =>
  timed(async (size) => {
    const keys = makeKeys(size(count, 10))
    const breaker = await acquire(CircuitBreaker.make({ capacity: keys.length }))
    const [bareNext, next] = [shuffled(keys), shuffled(keys)]
    let filled = 0
    await loop(() => breaker.protectWith(Effect.sync(work), { key: keys[filled++]! }))(keys.length)
    const plain = new Map(keys.map((key) => [key, { calls: 0 }]))
    return {
      bare: loop(() => {
        // the engine would leave out a look-up whose result is not used
        const found = plain.get(bareNext())
        if (found !== undefined) found.calls++
        return Effect.sync(work)
      }),
      guarded: loop(() => breaker.protectWith(Effect.sync(work), { key: next() }))
    }
  })

type Make = (
  options: CircuitBreaker.Options
) => Effect.Effect<CircuitBreaker.CircuitBreaker, never, Scope.Scope>

const keyed =
  (options: CircuitBreaker.Options, make: Make = CircuitBreaker.make, time = makeClock): MakeKeyed =>
  async (circuits) => {
    const { advance, clock } = time()
    const made = await acquireRelease(
      Effect.withClock(make({ ...options, capacity: circuits, idleTimeToLive: "1 hour" }), clock)
    )
    const breaker = made.value
    return {
      makeCircuits: async (keys, calls) => {
        let filled = 0
        const fillNext = () => {
          const guarded = breaker.protectWith(bare, { key: keys[filled++]! })
          return repeat(() => guarded)(calls)
        }
        await Effect.runPromise(Effect.withClock(repeat(fillNext)(keys.length), clock))
        const { value } = await Effect.runPromise(
          Metric.value(CircuitMetrics.circuits({ breaker: "default" }))
        )
        if (value < keys.length) throw new Error(`holds ${value} circuits of ${keys.length}`)
      },
      call: (key) => void Effect.runSync(Effect.withClock(breaker.protectWith(bare, { key }), clock)),
      advanceClock: advance,
      release: made.release
    }
  }

const shared: Case = async (size) => {
  const { port } = await startRedis()
  const make: Make = (options) => makeShared(port, options)
  // a store is asked with a deadline, for which time has to pass
  const liveTime = () => ({ clock: Clock.make(), advance: () => undefined })
  return bytesEach(10_000, 1, keyed({}, make, liveTime))(size)
}

const rate = TripPolicy.failureRate({ threshold: 0.5, calls: 100 })

export const cases: Cases = {
  time10: time(10),
  time100000: time(100_000),
  time1000000: time(1_000_000),
  rate100000: bytesEach(100_000, 100, keyed({ tripPolicy: rate })),
  consecutive100000: bytesEach(100_000, 1, keyed({})),
  consecutive1000000: bytesEach(1_000_000, 1, keyed({})),
  shared10000: shared,
  // two idle circuits are dropped with each call
  expiry100000: worstCall(100_000, 0.6, keyed({})),
  expiry1000000: worstCall(1_000_000, 0.6, keyed({}))
}
