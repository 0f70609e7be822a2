/** R3.2.2: when an opening ends, and by which clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { afterEach, vi } from "vitest"
import {
  type Breaker,
  fails,
  halfOpen,
  make,
  makeOpen,
  ManualClock,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  useManualClock,
  watch,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

const year = 31_536_000_000

describe("R3.2.2 Open to HalfOpen", () => {
  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" }, [
    [
      "R3.2.2 at exactly openedAt + openDuration, not a millisecond earlier",
      "@0.007 f ~10 /1 +9.999 ~0.001 -0.001 +0.001 =HalfOpen s"
    ],
    ["R3.2.2 so between two seconds (pybreaker#107)", "@0.9 f +9.999 -0.001 +0.001 =HalfOpen s"],
    ["R3.2.2 so on a clock that shows today", "@1700000000.001 f +9.999 -0.001 +0.001 =HalfOpen s"],
    [
      "R3.2.2 so after longer than a timer can be set, 2^31 ms",
      "f +5183999.999 -0.001 +0.001 =HalfOpen s",
      { openDuration: "60 days" }
    ]
  ])

  it.scoped("R3.2.2 R3.2.5 reading, awaiting and admitting agree at every boundary (cb2)", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make({ halfOpen: { probeTimeout: "5 seconds" } })
      const isReady = Effect.gen(function* () {
        const fiber = yield* Effect.fork(breaker.awaitReady())
        yield* settled
        const ready = fiber.unsafePoll() !== null
        yield* fiber.interruptAsFork(fiber.id())
        return ready
      })
      yield* breaker.trip()
      for (const [rest, state] of [
        [9_999.5, "Open"],
        [4_999.5, "HalfOpen"]
      ] as const) {
        clock.advance(rest)
        assert.strictEqual(yield* tagOf(breaker), state)
        assert.isFalse(yield* isReady)
        assert.strictEqual((yield* rejectionOf(breaker.protect(works))).state, state)

        clock.advance(0.5)
        assert.deepStrictEqual(yield* breaker.state(), halfOpen())
        assert.isTrue(yield* isReady)
        yield* startCall(breaker.protect)
      }
    })
  )

  it.scoped("R3.2.2 is read without waiting for a call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()

      yield* TestClock.adjust("10 seconds")

      assert.deepStrictEqual(yield* breaker.state(), halfOpen())
      assert.deepStrictEqual((yield* breaker.snapshot()).state, halfOpen())
      assert.deepStrictEqual((yield* breaker.circuits)[0]?.state, halfOpen())
    })
  )
})

describe("R3.2.2 the wall clock", () => {
  for (const [where, shift] of [
    ["back an hour", -3_600_000],
    ["forward a year", year]
  ] as const) {
    it.scoped(`R3.2.2 set ${where} neither prolongs nor ends an opening (cockatiel, Effect 4.1)`, () =>
      Effect.gen(function* () {
        const clock = yield* useManualClock
        const breaker = yield* makeOpen()

        clock.wallMillis += shift
        clock.advance(9_999)
        assert.deepStrictEqual((yield* rejectionOf(breaker.protect(works))).retryAfter, Duration.millis(1))
        clock.advance(1)

        assert.strictEqual(yield* breaker.protect(works), "worked")
      })
    )
  }

  it.scoped("R3.2.2 changes neither windows, leases, recoveries nor idle times", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make({
        tripPolicy: TripPolicy.anyOf(
          TripPolicy.failureCount({ failures: 2, within: "1 minute" }),
          TripPolicy.failureRate({ threshold: 1, within: "1 minute", minimumCalls: 2 })
        ),
        recovery: { duration: "100 seconds" }
      })
      yield* Effect.all([breaker.trip("half-open"), breaker.trip("recovering")])
      clock.advance(10_000)
      yield* breaker.protectWith(works, { key: "recovering" })
      yield* startCall(breaker.protectWith({ key: "half-open" }))
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.protectWith(works, { key: "idle" })
      const before = yield* breaker.circuits
      assert.strictEqual(before.length, 4)

      for (const shift of [year, -2 * year]) {
        clock.wallMillis += shift
        assert.deepStrictEqual(yield* breaker.circuits, before)
      }
      yield* Effect.flip(breaker.protect(fails))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.2 is the time that observers receive", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make()
      const seen = yield* watch(breaker.transitions)
      clock.wallMillis = 1_234

      yield* Effect.flip(breaker.protect(fails))
      yield* settled

      assert.strictEqual(seen[0]?.at, 1_234)
      const { lastFailure } = yield* breaker.snapshot()
      assert.strictEqual(lastFailure._tag === "Some" ? lastFailure.value.at : undefined, 1_234)
    })
  )
})

describe("R3.2.2 no timer, no fiber", () => {
  const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)
  const callAll = <E>(breaker: Breaker, effect: Effect.Effect<string, E>) =>
    Effect.forEach(keys, (key) => Effect.exit(breaker.protectWith(effect, { key })))

  it.scoped("R3.2.2 no timer is set, so none can change a recovered circuit (Polly#223)", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make({ recovery: { duration: "1 minute" } })

      yield* callAll(breaker, fails)
      clock.advance(10_000)
      yield* callAll(breaker, works)
      clock.advance(60_000)
      yield* callAll(breaker, works)

      assert.strictEqual(clock.sleeps, 0)
    })
  )

  it.scoped("R3.2.2 a hundred open circuits leave no fiber running", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.track
      const breaker = yield* make()

      yield* Effect.supervised(callAll(breaker, fails), supervisor)
      yield* settled

      assert.deepStrictEqual(yield* supervisor.value, [])
      assert.strictEqual((yield* breaker.circuits).length, 100)
    })
  )

  it("R3.2.2 nothing keeps a process alive, and a circuit heals even in a loop that never lets a timer run", () => {
    const active = () => process.getActiveResourcesInfo().toSorted()
    const before = active()
    const clock = new ManualClock()

    Effect.runSync(
      Effect.gen(function* () {
        const breaker = yield* make({ recovery: { duration: "1 minute" } })
        yield* Effect.flip(breaker.protect(fails))
        yield* breaker.trip("tripped")
        yield* breaker.isolate("isolated")
        yield* breaker.disable("disabled")
        yield* breaker.protectWith(works, { key: "closed" })
        assert.deepStrictEqual(active(), before)

        clock.advance(10_000)
        assert.strictEqual(yield* breaker.protect(works), "worked")
      }).pipe(Effect.scoped, Effect.withClock(clock), Logger.withMinimumLogLevel(LogLevel.None))
    )

    assert.deepStrictEqual(active(), before)
  })

  it.scoped("R3.2.2 a healthy call under consecutive reads no clock at all", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* CircuitBreaker.make()
      clock.reads = 0

      yield* Effect.repeatN(breaker.protect(works), 99)

      assert.strictEqual(clock.reads, 0)
    })
  )
})

// The README and the documentation of `testing` warn of these cases.
describe("E20 two clocks", () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  const withBreaker = async (
    use: (runtime: ManagedRuntime.ManagedRuntime<CircuitBreaker.CircuitBreaker, never>) => Promise<void>
  ) => {
    const quiet = Logger.minimumLogLevel(LogLevel.None)
    const runtime = ManagedRuntime.make(Layer.merge(CircuitBreaker.layer({ openDuration: "1 hour" }), quiet))
    await use(runtime)
    await runtime.dispose()
  }

  it("E20 a circuit tripped under the live clock is open for decades under TestClock", () =>
    withBreaker(async (runtime) => {
      await runtime.runPromise(CircuitBreaker.trip())
      const state = await runtime.runPromise(Effect.provide(CircuitBreaker.state(), TestContext.TestContext))
      assert.isAbove(state._tag === "Open" ? Duration.toDays(state.retryAfter) : 0, 10_000)
    }))

  it("E20 a circuit tripped under TestClock is ready at once under the live clock", () =>
    withBreaker(async (runtime) => {
      await runtime.runPromise(Effect.provide(CircuitBreaker.trip(), TestContext.TestContext))
      assert.strictEqual((await runtime.runPromise(CircuitBreaker.state()))._tag, "HalfOpen")
    }))

  it("E20 fake timers move sleeps, but not the clock of a circuit", () =>
    withBreaker(async (runtime) => {
      vi.useFakeTimers()
      await runtime.runPromise(CircuitBreaker.trip())
      const asleep = runtime.runPromise(Effect.sleep("1 day"))
      await vi.advanceTimersByTimeAsync(Duration.toMillis("1 day"))
      await asleep
      assert.strictEqual((await runtime.runPromise(CircuitBreaker.state()))._tag, "Open")
    }))
})
