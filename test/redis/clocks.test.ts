import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TripPolicy } from "effect-circuit-breaker"
import { liveTest } from "../kit/test.ts"
import { describeWith } from "./describe.ts"
import { failsNow, type Node, nodeOn } from "./Nodes.ts"
import { newPrefix } from "./options.ts"
import * as RedisServer from "./RedisServer.ts"
import { eventually } from "./waiting.ts"

/** A clock that is wrong by this much. */
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
    state._tag === "Open" ? Duration.toMillis(state.retryAfter) : Infinity
  )

describeWith("given", "C6 clocks that disagree", () => {
  for (const [name, millis] of Object.entries({ ahead: 3_600_000, behind: -3_600_000 })) {
    const wrong = Effect.withClock(clockAhead(millis))

    /** Two nodes that have both used the circuit; the clock of the second one is wrong. */
    const nodes = (tripPolicy = TripPolicy.consecutive(5)) =>
      Effect.gen(function* () {
        const { address } = yield* RedisServer.given
        const node = nodeOn(address, newPrefix(), { breaker: { tripPolicy } })
        const [a, b] = [yield* node, yield* wrong(node)]
        yield* a.protect(Effect.void)
        yield* wrong(b.protect(Effect.void))
        return [a, b] as const
      })

    liveTest(`C6 an opening ends at the same time if a clock is an hour ${name}`, function* () {
      const [a, b] = yield* nodes()
      yield* a.trip()
      yield* eventually(wrong(b.tag), "Open")
      // The opening lasts ten minutes; the two nodes are not read at the same moment.
      assert.isBelow(Math.abs((yield* retryAfterOf(a)) - (yield* wrong(retryAfterOf(b)))), 5_000)
    })

    liveTest(
      `C6 R3.4 a node that only reads sees the failures of another one, if its clock is an hour ${name}`,
      function* () {
        const { address } = yield* RedisServer.given
        const tripPolicy = TripPolicy.failureCount({ failures: 4, within: "10 minutes" })
        const node = nodeOn(address, newPrefix(), { breaker: { tripPolicy } })
        const [a, reader] = [yield* node, yield* wrong(node)]
        yield* a.protect(Effect.void)
        failsNow(a, 3)
        yield* eventually(
          Effect.map(wrong(reader.snapshot()), ({ window }) => window.failures),
          3
        )
        assert.deepStrictEqual(yield* reader.circuits, [])
      }
    )

    liveTest(
      `C6 failures of both nodes count together while they are recent, if a clock is an hour ${name}`,
      function* () {
        const [a, b] = yield* nodes(TripPolicy.failureCount({ failures: 4, within: "10 seconds" }))
        failsNow(a, 2)
        failsNow(b, 2)
        yield* eventually(Effect.all([a.tag, wrong(b.tag)]), ["Open", "Open"])
      }
    )
  }
})
