import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import type { Node } from "./fixtures.ts"
import { eventually, newPrefix, nodeOn } from "./fixtures.ts"
import * as RedisServer from "./RedisServer.ts"

/** A clock that is wrong by so much. */
const clockAhead = (millis: number): Clock.Clock => {
  const clock = Clock.make()
  return {
    ...clock,
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + millis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos() + BigInt(millis) * 1_000_000n,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + millis),
    currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + BigInt(millis) * 1_000_000n),
    sleep: (duration) => clock.sleep(duration)
  }
}

const retryAfterOf = (node: Node) =>
  Effect.map(node.state(), (state) =>
    state._tag === "Open" ? Duration.toMillis(state.retryAfter) : undefined
  )

RedisServer.describeWith("given", "C6 clocks that disagree", () => {
  for (const [name, millis] of Object.entries({ ahead: 3_600_000, behind: -3_600_000 })) {
    it.scopedLive(`C6 an opening ends at the same time where the clock is an hour ${name}`, () =>
      Effect.gen(function* () {
        const { address } = yield* RedisServer.given
        const prefix = newPrefix()
        const wrong = Effect.withClock(clockAhead(millis))
        const a = yield* nodeOn(address, prefix)
        const b = yield* wrong(nodeOn(address, prefix))
        yield* wrong(b.protect(Effect.void))
        yield* a.trip()
        yield* eventually(wrong(b.tag), "Open")
        const left = [yield* retryAfterOf(a), yield* wrong(retryAfterOf(b))]
        // Of ten minutes; the two were not asked at the same time.
        assert.isBelow(Math.abs(left[0]! - left[1]!), 5_000)
      })
    )

    it.scopedLive(
      `C6 failures count together for as long as they may, where the clock is an hour ${name}`,
      () =>
        Effect.gen(function* () {
          const { address } = yield* RedisServer.given
          const prefix = newPrefix()
          const breaker = { tripPolicy: TripPolicy.failureCount({ failures: 4, within: "10 seconds" }) }
          const wrong = Effect.withClock(clockAhead(millis))
          const a = yield* nodeOn(address, prefix, { breaker })
          const b = yield* wrong(nodeOn(address, prefix, { breaker }))
          yield* a.protect(Effect.void)
          yield* wrong(b.protect(Effect.void))
          for (let i = 0; i < 2; i++) a.callNow(Effect.fail("unavailable"))
          for (let i = 0; i < 2; i++) b.callNow(Effect.fail("unavailable"))
          yield* eventually(Effect.all([a.tag, wrong(b.tag)]), ["Open", "Open"])
        })
    )
  }
})
