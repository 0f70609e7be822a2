/** Waiting for real servers, for as long as it takes: the time depends on the machine. */
import * as Effect from "effect/Effect"
import type { CircuitStore } from "effect-circuit-breaker"
import * as assert from "node:assert/strict"
import { isDeepStrictEqual } from "node:util"

const patienceMillis = 90_000

/**
 * Polls until it sees the expected value, and fails with the last value if that never comes. The tests of `test/fleet` check
 * how soon it has to come, on a `TestClock`.
 */
export const eventually = <A>(look: Effect.Effect<A>, expected: NoInfer<A>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    for (;;) {
      const seen = yield* look
      if (isDeepStrictEqual(seen, expected)) return
      if (performance.now() - startedAt > patienceMillis) return assert.deepEqual(seen, expected)
      yield* Effect.sleep("20 millis")
    }
  })

/** Waits until a condition holds. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> => eventually(condition, true)

/** Polls for some time, and fails if it sees anything else. */
export const stays = <A>(look: Effect.Effect<A>, expected: NoInfer<A>, millis: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    while (performance.now() - startedAt < millis) {
      assert.deepEqual(yield* look, expected)
      yield* Effect.sleep("10 millis")
    }
  })

/** Waits until a store answers, because a layer on Redis is built without its connection if that takes more than a second. */
export const answering = (store: CircuitStore.Store): Effect.Effect<void> =>
  store.exchange([]).pipe(
    Effect.catchAll((error) => Effect.zipRight(Effect.sleep("20 millis"), Effect.fail(error))),
    Effect.eventually,
    Effect.asVoid
  )
