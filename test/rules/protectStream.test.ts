import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Take from "effect/Take"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerLive, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
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

/** Plays the life of a stream: `chunk`, `end` and `fail` are its own steps, `leave` is its consumer's, `+5` is time. */
const live = (breaker: Breaker, steps: string) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Take.Take<number, string>>()
    const stream = Stream.flattenTake(Stream.fromQueue(queue, { maxChunkSize: 1 }))
    const consumer = yield* Effect.fork(Stream.runDrain(breaker.protectStream(stream)))
    yield* settled
    for (const step of steps.split(" ")) {
      if (step === "leave") yield* Fiber.interrupt(consumer)
      else if (step === "chunk") yield* Queue.offer(queue, Take.of(1))
      else if (step === "end") yield* Queue.offer(queue, Take.end)
      else if (step === "fail") yield* Queue.offer(queue, Take.fail("broke off"))
      else yield* TestClock.adjust(Duration.seconds(Number(step)))
      yield* settled
    }
  })

describe("R3.1.8 the life of a stream", () => {
  const halfOpen = (options?: CircuitBreaker.Options) =>
    Effect.tap(make(options), (breaker) => Effect.zipRight(breaker.trip(), TestClock.adjust("10 seconds")))
  const slow = { tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 }) }
  const two = { halfOpen: { probes: 2, probeTimeout: "5 seconds" } } as const
  const twice = { ...slow, halfOpen: { failuresToReopen: 2 } } as const
  const [succeeded, failed, ignored] = [{ succeeded: 1 }, { failed: 1 }, { ignored: 1 }]

  for (const [title, breakerIn, steps, state, counts] of [
    ["R3.1.8 an empty stream is a success", halfOpen(), "end", "Closed", succeeded],
    ["R3.1.8 its failure counts while its generation lasts", make(), "chunk +3600 fail", "Open", failed],
    ["R3.1.8 a consumer that got something may leave", make(), "chunk leave", "Closed", succeeded],
    ["R3.1.8 one that got nothing and leaves is Ignored", make(), "leave", "Closed", ignored],
    ["R3.1.8 the first chunk settles a probe", halfOpen(), "chunk +3600 chunk end", "Closed", succeeded],
    [
      "R3.1.8 a failure after that counts as long as the circuit asks for more probes",
      halfOpen(two),
      "chunk fail",
      "Open",
      { ...succeeded, ...failed }
    ],
    [
      "R3.2.6 one after the circuit has closed changes nothing",
      halfOpen(),
      "chunk fail",
      "Closed",
      succeeded
    ],
    ["R3.2.5 nothing counts that comes after the lease", halfOpen(two), "+5 chunk fail", "HalfOpen", {}],
    ["R3.1.4 the first chunk ends what counts as time", make(slow), "chunk +60 end", "Closed", succeeded],
    ["R3.1.4 a first chunk that comes late is slow", make(slow), "+2 chunk end", "Open", succeeded],
    ["R3.2.11 a probe whose first chunk is late has failed", halfOpen(slow), "+2 chunk", "Open", succeeded],
    ["R3.2.11 a failure after that counts no more", halfOpen(twice), "+2 chunk fail", "HalfOpen", succeeded]
  ] as const) {
    it.scoped(title, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerIn

        yield* live(breaker, steps)

        assert.strictEqual(yield* tagOf(breaker), state)
        assert.deepStrictEqual(yield* totalsOf(breaker), totals(counts))
      })
    )
  }
})

describe("R3.1.8 protectStream", () => {
  it.scoped("R3.1.2 passes on the stream's elements, and its end is a success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const all = yield* Stream.runCollect(breaker.protectStream(Stream.make(1, 2, 3)))

      assert.deepStrictEqual(Chunk.toReadonlyArray(all), [1, 2, 3])
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
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

  it.scoped("R3.1.8 a consumer that takes some elements and leaves is a success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const first = yield* Stream.runHead(breaker.protectStream(Stream.forever(Stream.make(1))))

      assert.strictEqual(first._tag, "Some")
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.8 a consumer's own failure is no failure of the stream", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const stream = breaker.protectStream(Stream.make(1, 2, 3))

      yield* Effect.exit(Stream.runForEach(stream, () => Effect.fail("the consumer's own")))

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.6 a call by the stream itself on the same circuit is part of the probe", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const nested = Stream.mapEffect(Stream.make(1), () => breaker.protect(works))

      const all = yield* Stream.runCollect(breaker.protectStream(nested))

      assert.deepStrictEqual(Chunk.toReadonlyArray(all), ["worked"])
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.scoped("R3.1.6 a later call by its consumer is a call of its own", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const queue = yield* Queue.unbounded<number>()
      const stream = breaker.protectStream(Stream.fromQueue(queue))
      yield* Effect.forkScoped(Stream.runForEach(stream, () => breaker.protect(works)))
      yield* settled
      const other = yield* startCall(breaker.protect)

      yield* Effect.zipRight(Queue.offer(queue, 1), settled)

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

  it.scoped("R3.1.5 a classifier that throws leaves the stream's failure unchanged", () =>
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

  for (const [what, stream] of Object.entries<Stream.Stream<number, string>>({
    "ensuring, after its end": Stream.ensuring(Stream.make(1), Effect.die("a defect")),
    "ensuring, after its failure": Stream.ensuring(Stream.fail("broke off"), Effect.die("a defect")),
    "of a resource": Stream.acquireRelease(Effect.succeed(1), () => Effect.die("a defect"))
  })) {
    it.scoped(`R3.1.2 a defect of the stream's finalizer reaches the consumer: ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()

        const exit = yield* Effect.exit(Stream.runDrain(breaker.protectStream(stream)))

        assert.deepStrictEqual(exit, yield* Effect.exit(Stream.runDrain(stream)))
        assert.include(Exit.isFailure(exit) ? Array.from(Cause.defects(exit.cause)) : [], "a defect")
      })
    )
  }

  const limits: Record<string, (stream: Stream.Stream<string, unknown>) => Effect.Effect<unknown, unknown>> =
    {
      "Effect.timeout": (stream) => Effect.timeout(Stream.runDrain(stream), "2 seconds"),
      "Stream.timeout": (stream) => Stream.runDrain(Stream.timeout(stream, "2 seconds")),
      "Stream.timeoutFail": (stream) =>
        Stream.runDrain(Stream.timeoutFail(stream, () => "late", "2 seconds")),
      "Stream.interruptAfter": (stream) => Stream.runDrain(Stream.interruptAfter(stream, "2 seconds"))
    }

  for (const [name, limit] of Object.entries(limits)) {
    it.scoped(
      `R3.1.4 R3.2.11 E2 a stream that hangs behind ${name} trips a slow-call policy, and fails its probes`,
      () =>
        Effect.gen(function* () {
          const tripPolicy = TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
          const breaker = yield* make({ tripPolicy })
          const hang = Effect.gen(function* () {
            const consumer = yield* Effect.fork(
              Effect.exit(limit(breaker.protectStream(Stream.fromEffect(Effect.never))))
            )
            yield* TestClock.adjust("2 seconds")
            yield* Fiber.join(consumer)
          })

          yield* hang
          assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 1 })
          yield* TestClock.adjust("10 seconds")
          yield* hang

          assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
          assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 2 }))
        })
    )
  }
})
