import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerLive, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import {
  halfOpen,
  leavesAsItWas,
  make,
  makeHalfOpen,
  makeOpen,
  makeRecovering,
  settled,
  startCall,
  tagOf,
  totals,
  totalsOf,
  works
} from "../kit/index.ts"

/** A stream that emits what it is given, and ends or fails when the test says so. */
const source = Effect.gen(function* () {
  const queue = yield* Queue.unbounded<number>()
  const end = yield* Deferred.make<void, string>()
  const stream: Stream.Stream<number, string> = Stream.fromQueue(queue).pipe(Stream.interruptWhen(end))
  return {
    stream,
    give: (value: number) => Effect.zipRight(Queue.offer(queue, value), settled),
    end: Effect.zipRight(Deferred.succeed(end, undefined), settled),
    fail: Effect.zipRight(Deferred.fail(end, "broke off"), settled)
  }
})

const consume = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.zipLeft(Effect.fork(Effect.exit(Stream.runCollect(stream))), settled)

describe("R3.1.8 protectStream", () => {
  it.scoped("R3.1.2 hands the stream's elements on, and its end is a success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const all = yield* Stream.runCollect(breaker.protectStream(Stream.make(1, 2, 3)))

      assert.deepStrictEqual(Chunk.toReadonlyArray(all), [1, 2, 3])
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.8 an empty stream is a success", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()

      yield* Stream.runDrain(breaker.protectStream(Stream.empty))

      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  for (const [how, failing, isExpected] of [
    ["a typed error", Stream.fail("broke off"), Exit.isFailure],
    ["a defect", Stream.die("broke off"), Exit.isFailure]
  ] as const) {
    it.scoped(`R3.1.2 R3.1.8 its failure with ${how} reaches the consumer and counts, once`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
        const stream = breaker.protectStream(Stream.concat(Stream.make(1), failing))

        const exit = yield* Effect.exit(Stream.runDrain(stream))

        assert.isTrue(isExpected(exit))
        assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 1 }))
        const { lastFailure } = yield* breaker.snapshot()
        assert.include(String(lastFailure), "broke off")
      })
    )
  }

  it.scoped("R3.1.8 the first chunk settles a probe, however long the stream goes on", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const { end, give, stream } = yield* source
      const consumer = yield* consume(breaker.protectStream(stream))
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1 })

      yield* give(1)

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* TestClock.adjust("1 hour")
      yield* end
      yield* Fiber.join(consumer)
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 1, succeeded: 1 }))
    })
  )

  it.scoped("R3.1.8 a failure after that counts as long as the circuit asks for more probes", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const { fail, give, stream } = yield* source
      yield* consume(breaker.protectStream(stream))
      yield* give(1)
      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 0, succeeded: 1 })

      yield* fail

      assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
    })
  )

  it.scoped("R3.2.5 nothing counts of a stream whose first chunk came after its lease", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2, probeTimeout: "5 seconds" } })
      const { fail, give, stream } = yield* source
      yield* consume(breaker.protectStream(stream))
      yield* TestClock.adjust("5 seconds")

      yield* leavesAsItWas(breaker, Effect.zipRight(give(1), fail))
    })
  )

  it.scoped("R3.2.11 a stream whose first chunk came so late that it has failed by that counts once", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 }),
        halfOpen: { failuresToReopen: 2 }
      })
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      const { fail, give, stream } = yield* source
      yield* consume(breaker.protectStream(stream))
      yield* TestClock.adjust("2 seconds")

      yield* Effect.zipRight(give(1), fail)
      assert.deepStrictEqual(yield* breaker.state(), halfOpen())
      yield* Effect.exit(breaker.protect(Effect.fail("unavailable")))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.6 a failure after the circuit has closed again changes nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const { fail, give, stream } = yield* source
      yield* consume(breaker.protectStream(stream))
      yield* give(1)

      yield* fail

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual((yield* totalsOf(breaker)).failed, 1)
    })
  )

  it.scoped(
    "R3.1.8 the failure of a stream that was admitted while Closed counts while its generation lasts",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const { fail, give, stream } = yield* source
        yield* consume(breaker.protectStream(stream))
        yield* give(1)
        yield* TestClock.adjust("1 hour")

        yield* fail

        assert.strictEqual(yield* tagOf(breaker), "Open")
      })
  )

  for (const [what, given, expected] of [
    ["got something is a success", 1, { succeeded: 1 }],
    ["got nothing is Ignored", 0, { ignored: 1 }]
  ] as const) {
    it.scoped(`R3.1.8 a consumer that is interrupted and ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()
        const { give, stream } = yield* source
        const consumer = yield* consume(breaker.protectStream(stream))
        for (let i = 0; i < given; i++) yield* give(i)

        yield* Fiber.interrupt(consumer)

        assert.deepStrictEqual(yield* totalsOf(breaker), totals(expected))
      })
    )
  }

  it.scoped("R3.1.8 a consumer that takes what it needs and leaves is a success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const first = yield* Stream.runHead(breaker.protectStream(Stream.forever(Stream.make(1))))

      assert.strictEqual(first._tag, "Some")
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.8 a consumer that fails by itself says nothing against the stream", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const stream = breaker.protectStream(Stream.make(1, 2, 3))

      yield* Effect.exit(Stream.runForEach(stream, () => Effect.fail("the consumer's own")))

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.4 R3.2.11 the first chunk ends what counts as time", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
      })
      const quick = yield* source
      yield* consume(breaker.protectStream(quick.stream))
      yield* quick.give(1)
      yield* TestClock.adjust("1 minute")
      yield* quick.end
      assert.strictEqual(yield* tagOf(breaker), "Closed")

      const slow = yield* source
      yield* consume(breaker.protectStream(slow.stream))
      yield* TestClock.adjust("2 seconds")
      yield* slow.give(1)
      yield* slow.end

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.1.6 what the stream itself calls on the same circuit is part of the probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const nested = Stream.mapEffect(Stream.make(1), () => breaker.protect(works))

      const all = yield* Stream.runCollect(breaker.protectStream(nested))

      assert.deepStrictEqual(Chunk.toReadonlyArray(all), ["worked"])
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped("R3.1.6 what its consumer calls later is a call of its own", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const { give, stream } = yield* source
      const consuming = Stream.runForEach(breaker.protectStream(stream), () => breaker.protect(works))
      yield* Effect.forkScoped(consuming)
      yield* settled
      const other = yield* startCall(breaker.protect)

      yield* give(1)

      assert.deepInclude(yield* breaker.state(), { _tag: "HalfOpen", probing: 1, succeeded: 1 })
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
      yield* other.interrupt
    })
  )

  it.scoped("R3.1.8 can be run again, and each run is a call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering()
      const stream = Stream.runDrain(breaker.protectStream(Stream.make(1)))

      const exits = yield* Effect.replicateEffect(Effect.exit(stream), 8)

      assert.strictEqual(exits.filter(Exit.isSuccess).length, 2)
    })
  )

  it.scoped("R3.1.8 mode observe: a stream that would have been rejected runs, and counts nowhere", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ mode: "observe" })

      yield* Stream.runDrain(breaker.protectStream(Stream.make(1)))

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 1, rejected: 1 }))
    })
  )

  it.effect("R3.1.8 through the tag, as a typed error", () =>
    Effect.gen(function* () {
      yield* CircuitBreaker.trip()
      const stream = CircuitBreaker.protectStream(Stream.make(1)).pipe(
        Stream.catchTag("CircuitOpenError", (error) => Stream.make(error))
      )
      const [error] = yield* Stream.runCollect(stream)

      assert.instanceOf(error, CircuitOpenError)
    }).pipe(Effect.provide(CircuitBreakerLive))
  )

  it.scoped("R3.1.5 a classifier that throws leaves the stream's failure as it was", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        classify: () => {
          throw new Error("a fault of its own")
        }
      })

      const exit = yield* Effect.exit(Stream.runDrain(breaker.protectStream(Stream.fail("broke off"))))

      assert.deepStrictEqual(exit, Exit.failCause(Cause.fail("broke off")))
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 1 }))
    })
  )
})
