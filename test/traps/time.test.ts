import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import { ManualClock } from "../kit/ManualClock.ts"
import { atOnce, begin, Dependency, isRejected, observe, rejection, settled, stateTag } from "./fixtures.ts"

const hour = 3_600_000
/** Runs without the test's own services, at once and without a log. */
const runNow = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runSyncExit(Logger.withMinimumLogLevel(effect, LogLevel.None))

const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "1 second" } as const

describe("Time", () => {
  it.scoped.each([
    ["back", -hour],
    ["forward", hour]
  ] as const)(
    "a wall clock moved %s an hour leaves an opening its second (cockatiel, Effect 4.1)",
    ([, shift]) => {
      const clock = new ManualClock()
      clock.wallMillis = 10 * hour
      return Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        const transitions = yield* observe(breaker)
        yield* Effect.exit(breaker.protect(Effect.fail("down")))
        clock.wallMillis += shift
        const error = yield* rejection(breaker.protect(Effect.succeed("up")))
        assert.strictEqual(Duration.toMillis(error.retryAfter), 1_000)
        clock.advance(999)
        yield* rejection(breaker.protect(Effect.succeed("up")))
        clock.advance(1)
        assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
        assert.deepStrictEqual(
          (yield* transitions).map(({ at, to }) => [to, at]),
          [
            ["Open", 10 * hour],
            ["HalfOpen", 10 * hour + shift + 1_000],
            ["Closed", 10 * hour + shift + 1_000]
          ]
        )
      }).pipe(Effect.withClock(clock))
    }
  )

  it.scoped.each([
    ["back", -hour],
    ["forward", hour]
  ] as const)("a wall clock moved %s an hour leaves leases, windows and idle times alone", ([, shift]) => {
    const clock = new ManualClock()
    clock.wallMillis = 10 * hour
    return Effect.gen(function* () {
      const { down, hanging } = new Dependency()
      const breaker = yield* CircuitBreaker.make({
        ...options,
        tripPolicy: TripPolicy.anyOf(
          TripPolicy.failureCount({ failures: 10, within: "1 minute" }),
          TripPolicy.failureRate({ threshold: 1, within: "1 minute", minimumCalls: 10 })
        ),
        idleTimeToLive: "1 minute",
        halfOpen: { probeTimeout: "1 minute" }
      })
      yield* breaker.trip("probed")
      clock.advance(1_000)
      yield* Effect.fork(breaker.protectWith(hanging, { key: "probed" }))
      yield* settled
      yield* Effect.replicateEffect(Effect.exit(breaker.protectWith(down, { key: "failing" })), 9)

      clock.wallMillis += shift
      clock.advance(59_999)
      const probed = yield* breaker.state("probed")
      assert.strictEqual(probed._tag === "HalfOpen" && probed.probing, 1)
      assert.isDefined((yield* breaker.circuits).find(({ key }) => key === "failing"))
      yield* Effect.exit(breaker.protectWith(down, { key: "failing" }))
      assert.strictEqual(yield* stateTag(breaker, "failing"), "Open")

      clock.advance(1)
      const unprobed = yield* breaker.state("probed")
      assert.strictEqual(unprobed._tag === "HalfOpen" && unprobed.probing, 0)
    }).pipe(Effect.withClock(clock))
  })

  it("timer-driven half-open: no timer holds the process, whatever the circuits do", () => {
    const before = process.getActiveResourcesInfo()
    const scope = Effect.runSync(Scope.make())
    const breaker = Effect.runSync(CircuitBreaker.make(options).pipe(Scope.extend(scope)))
    for (let i = 0; i < 100; i++) {
      const key = `${i}`
      runNow(breaker.protectWith(Effect.fail("down"), { key }))
      runNow(breaker.protectWith(Effect.succeed("up"), { key }))
      if (i % 3 === 0) runNow(breaker.isolate(key).pipe(Scope.extend(scope)))
      if (i % 5 === 0) runNow(breaker.reset(key))
      if (i % 7 === 0) runNow(breaker.trip(key))
    }
    assert.deepStrictEqual(process.getActiveResourcesInfo(), before)
    runNow(Scope.close(scope, Exit.void))
    assert.deepStrictEqual(process.getActiveResourcesInfo(), before)
  })

  it.scoped("timer-driven half-open: no fiber sleeps for a circuit that is open, probed or closed", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      assert.deepStrictEqual(yield* TestClock.sleeps(), Chunk.empty())
      yield* TestClock.adjust("1 second")
      const probe = yield* begin(breaker)
      assert.deepStrictEqual(yield* TestClock.sleeps(), Chunk.empty())
      yield* probe.ends(Exit.succeed("up"))
      assert.deepStrictEqual(yield* TestClock.sleeps(), Chunk.empty())
    })
  )

  it("timer-driven half-open: a starved loop, that never comes to a timer, still heals", () => {
    const clock = new ManualClock()
    const run = <A, E>(effect: Effect.Effect<A, E>) => runNow(Effect.withClock(effect, clock))
    const breaker = Effect.runSync(Effect.withClock(Effect.scoped(CircuitBreaker.make(options)), clock))
    run(breaker.protect(Effect.fail("down")))
    assert.isTrue(isRejected(run(breaker.protect(Effect.succeed("up")))))
    clock.advance(1_000)
    assert.deepStrictEqual(run(breaker.protect(Effect.succeed("up"))), Exit.succeed("up"))
    assert.deepStrictEqual(run(breaker.state()), Exit.succeed({ _tag: "Closed" as const }))
    assert.strictEqual(clock.sleeps, 0)
  })

  it.scoped("timer-driven half-open: an instance frozen for a week wakes up with one probe to give", () => {
    const clock = new ManualClock()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make(options)
      const dependency = new Dependency()
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      clock.advance(7 * 24 * hour)
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      yield* atOnce(10, breaker.protect(Effect.zipLeft(dependency.up, Effect.yieldNow())))
      assert.strictEqual(dependency.started, 1)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    }).pipe(Effect.withClock(clock))
  })

  const day = 24 * hour
  const longestTimer = 2 ** 31 - 1

  it.scoped("delays over 2^31 ms: an opening of 60 days lasts 60 days", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, openDuration: "60 days" })
      yield* Effect.exit(breaker.protect(Effect.fail("down")))
      yield* TestClock.setTime(1)
      yield* rejection(breaker.protect(Effect.succeed("up")))
      yield* TestClock.setTime(60 * day - 1)
      yield* rejection(breaker.protect(Effect.succeed("up")))
      yield* TestClock.setTime(60 * day)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  it.scoped("delays over 2^31 ms: awaitReady never asks a timer for more than it can hold", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, openDuration: "60 days" })
      yield* breaker.trip()
      const waiting = yield* Effect.fork(breaker.awaitReady())
      yield* settled
      for (const sleep of yield* TestClock.sleeps()) assert.isAtMost(sleep, longestTimer)
      yield* TestClock.setTime(60 * day - 1)
      assert.deepStrictEqual(yield* Fiber.poll(waiting), Option.none())
      yield* TestClock.setTime(60 * day)
      yield* settled
      assert.deepStrictEqual(yield* Fiber.poll(waiting), Option.some(Exit.void))
    })
  )

  it.scoped("off by one at the boundary: there is no third state at exactly the expiry (cb2)", () => {
    const clock = new ManualClock()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ ...options, halfOpen: { probeTimeout: "5 seconds" } })
      const { hanging, up } = new Dependency()
      const isReady = Effect.gen(function* () {
        const fiber = yield* Effect.fork(breaker.awaitReady())
        yield* settled
        const exit = yield* Fiber.poll(fiber)
        yield* Fiber.interrupt(fiber)
        return Option.isSome(exit)
      })
      yield* breaker.trip()
      clock.advance(999.5)
      assert.strictEqual(yield* stateTag(breaker), "Open")
      assert.isFalse(yield* isReady)
      assert.strictEqual((yield* rejection(breaker.protect(up))).state, "Open")

      clock.advance(0.5)
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      assert.isTrue(yield* isReady)
      yield* Effect.fork(breaker.protect(hanging))
      yield* settled

      clock.advance(4_999.5)
      assert.isFalse(yield* isReady)
      assert.strictEqual((yield* rejection(breaker.protect(up))).state, "HalfOpen")
      clock.advance(0.5)
      assert.isTrue(yield* isReady)
      assert.strictEqual(yield* breaker.protect(up), "up")
    }).pipe(Effect.withClock(clock))
  })

  it.scoped(
    "second-granular stamps: an opening between two seconds has its full length (pybreaker#107)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make(options)
        yield* TestClock.setTime(900)
        yield* Effect.exit(breaker.protect(Effect.fail("down")))
        yield* TestClock.setTime(1_899)
        yield* rejection(breaker.protect(Effect.succeed("up")))
        yield* TestClock.setTime(1_900)
        assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
      })
  )
})
