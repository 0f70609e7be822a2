/** Calls that are not one effect: how their owner or their stream settles them. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import { make, makeHalfOpen, settled, totalsOf, windowOf } from "../kit/index.ts"

const tripPolicy = TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 10 })

describe("R3.1.8 an admission", () => {
  it.scoped("R3.1.8 that its owner settles as Ignored was not interrupted, and does not count as slow", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy })
      const { settle } = yield* breaker.admit()
      yield* TestClock.adjust("3 seconds")
      yield* settle(Outcome.ignored)
      assert.deepInclude(yield* windowOf(breaker), { calls: 0, slow: 0 })
      assert.deepInclude(yield* totalsOf(breaker), { ignored: 1 })
    })
  )

  for (const wrong of [null, undefined, "Success", { _tag: "Broken" }]) {
    it.scoped(`R3.5 refuses a value that is no outcome by name: ${JSON.stringify(wrong)}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const { settle } = yield* breaker.admit()
        const exit = yield* Effect.exit(settle(wrong as unknown as Outcome.Outcome))
        assert.isTrue(exit._tag === "Failure" && Cause.isDie(exit.cause))
        assert.match(
          exit._tag === "Failure" ? Cause.pretty(exit.cause) : "",
          /Admission\.settle must be given an Outcome/
        )
      })
    )
  }
})

describe("R3.1.8 a stream", () => {
  it.scoped("R3.1.8 has not succeeded with an empty chunk", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const gate = yield* Deferred.make<number>()
      const stream = Stream.concat(
        Stream.mapChunks(Stream.make(1), () => Chunk.empty<number>()),
        Stream.fromEffect(Deferred.await(gate))
      )
      const fiber = yield* Effect.fork(Stream.runCollect(breaker.protectStream(stream)))
      yield* settled
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })
      yield* Deferred.succeed(gate, 1)
      assert.deepStrictEqual(Array.from(yield* Fiber.join(fiber)), [1])
      assert.deepStrictEqual(yield* breaker.state(), { _tag: "Closed" })
    })
  )
})
