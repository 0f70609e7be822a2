import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { begin, captureLog, settled, stateTag } from "./fixtures.ts"

type Breaker = CircuitBreaker.CircuitBreaker

/** Calls that hang and that their caller gives up after `patience`. */
const abandoned = (breaker: Breaker, count: number, patience: Duration.DurationInput) =>
  Effect.gen(function* () {
    const call = breaker.protect(Effect.never).pipe(Effect.timeoutOption(patience))
    const fibers = yield* Effect.replicateEffect(Effect.fork(call), count)
    yield* settled
    yield* TestClock.adjust(patience)
    return yield* Effect.forEach(fibers, Fiber.join)
  })

describe("Counting the wrong thing", () => {
  it.scoped.each([
    TripPolicy.consecutive(3),
    TripPolicy.failureCount({ failures: 3, within: "1 minute" }),
    TripPolicy.failureRate({ threshold: 0.1, calls: 3 }),
    TripPolicy.failureRate({ threshold: 0.1, within: "1 minute", minimumCalls: 1 }),
    TripPolicy.slowCallRate({ slowerThan: "1 minute", threshold: 0.1, calls: 3 })
  ])("the caller's own abort is no failure: impatient users open nothing (cockatiel 4) %#", (tripPolicy) =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({ tripPolicy })
      yield* abandoned(breaker, 10, "1 second")
      for (let i = 0; i < 10; i++) yield* Effect.flatMap(begin(breaker), (call) => call.interrupt)
      const snapshot = yield* breaker.snapshot()
      assert.strictEqual(snapshot.state._tag, "Closed")
      assert.deepStrictEqual(snapshot.window, { calls: 0, failures: 0, slow: 0 })
      assert.deepStrictEqual(snapshot.totals, { succeeded: 0, failed: 0, ignored: 20, rejected: 0 })
    })
  )

  it.scoped("the opposite: a dependency that hangs behind an outer timeout opens it (Effect 4.1)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 0.5, calls: 10 })
      })
      yield* Effect.replicateEffect(breaker.protect(Effect.succeed("up")), 5)
      yield* abandoned(breaker, 4, "2 seconds")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      const results = yield* abandoned(breaker, 1, "2 seconds")
      assert.deepStrictEqual(results, [Option.none()])
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("a limiter's rejections inside the breaker are no failures (opossum, resilience4j#2013)", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: TripPolicy.consecutive(3),
        classify: Outcome.ignoreWhen((error) => error === "too many")
      })
      const bulkhead = yield* Effect.makeSemaphore(1)
      const limited = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.flatMap(
          bulkhead.withPermitsIfAvailable(1)(effect),
          Option.match({ onNone: () => Effect.fail("too many"), onSome: Effect.succeed })
        )
      const call = <A, E>(effect: Effect.Effect<A, E>) => Effect.exit(breaker.protect(limited(effect)))
      yield* Effect.replicateEffect(call(Effect.fail("down")), 2)
      const holder = yield* Effect.fork(call(Effect.never))
      yield* settled
      for (let i = 0; i < 100; i++) {
        assert.deepStrictEqual(yield* call(Effect.succeed("up")), Exit.fail("too many"))
      }
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* Fiber.interrupt(holder)
      yield* call(Effect.fail("down"))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped(
    "the caller's own bad request opens nothing (sglang#25811) and closes no half-open (smg#2565)",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.consecutive(1),
          openDuration: "10 seconds",
          classify: Outcome.ignoreWhen((error) => error === "bad request")
        })
        const malformed = breaker.protect(Effect.fail("bad request"))
        yield* Effect.replicateEffect(Effect.exit(malformed), 100)
        assert.strictEqual(yield* stateTag(breaker), "Closed")
        yield* breaker.trip()
        yield* TestClock.setTime(10_000)
        yield* Effect.replicateEffect(Effect.exit(malformed), 100)
        assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
        yield* breaker.protect(Effect.succeed("up"))
        assert.strictEqual(yield* stateTag(breaker), "Closed")
      })
  )

  it.scoped(
    "the backoff survives a good probe: a flapping dependency is not probed at the base rate for ever",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.consecutive(1),
          openDuration: Schedule.exponential("1 second")
        })
        const waits: Array<number> = []
        const open = Effect.gen(function* () {
          yield* Effect.exit(breaker.protect(Effect.fail("down")))
          const state = yield* breaker.state()
          const seconds = state._tag === "Open" ? Duration.toSeconds(state.retryAfter) : Number.NaN
          waits.push(seconds)
          yield* TestClock.adjust(Duration.seconds(seconds))
          yield* breaker.protect(Effect.succeed("up"))
          return seconds
        })
        for (let flap = 0; flap < 6; flap++) yield* open
        yield* TestClock.adjust("31 seconds")
        yield* open
        yield* TestClock.adjust("64 seconds")
        yield* open
        assert.deepStrictEqual(waits, [1, 2, 4, 8, 16, 32, 64, 1])
      })
  )

  it.scoped("a classifier that throws kills no successful call and opens nothing (Effect 4.1)", () => {
    const log = captureLog()
    return Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make({
        name: "with a bug",
        tripPolicy: TripPolicy.consecutive(1),
        openDuration: "10 seconds",
        classify: () => {
          throw new Error("bug")
        }
      })
      for (let i = 0; i < 3; i++) {
        assert.deepStrictEqual(yield* Effect.exit(breaker.protect(Effect.succeed("up"))), Exit.succeed("up"))
        assert.deepStrictEqual(yield* Effect.exit(breaker.protect(Effect.fail("down"))), Exit.fail("down"))
        assert.deepStrictEqual(yield* Effect.exit(breaker.protect(Effect.die("dead"))), Exit.die("dead"))
      }
      assert.deepStrictEqual((yield* breaker.snapshot()).totals, {
        succeeded: 0,
        failed: 0,
        ignored: 9,
        rejected: 0
      })
      assert.deepStrictEqual(
        log.lines.map(({ breaker, level }) => [level, breaker]),
        [["ERROR", "with a bug"]]
      )

      yield* breaker.trip()
      yield* TestClock.setTime(10_000)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
      const state = yield* breaker.state()
      assert.strictEqual(state._tag === "HalfOpen" && state.probing, 0)
      const sound = breaker.protectWith(Effect.succeed("up"), { classify: Outcome.fromExit })
      assert.strictEqual(yield* sound, "up")
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    }).pipe(Effect.provide(log.layer))
  })

  it.scoped.each(["record", "trips"] as const)(
    "a trip policy whose %s throws kills no call either",
    (broken) => {
      const log = captureLog()
      const bug = () => {
        throw new Error("bug")
      }
      return Effect.gen(function* () {
        const sound = { initial: 0, record: (calls: number) => calls + 1, trips: () => false }
        const breaker = yield* CircuitBreaker.make({
          tripPolicy: TripPolicy.make({ ...sound, [broken]: bug })
        })
        for (let i = 0; i < 3; i++) {
          assert.deepStrictEqual(
            yield* Effect.exit(breaker.protect(Effect.succeed("up"))),
            Exit.succeed("up")
          )
          assert.deepStrictEqual(yield* Effect.exit(breaker.protect(Effect.fail("down"))), Exit.fail("down"))
        }
        assert.strictEqual(yield* stateTag(breaker), "Closed")
        assert.strictEqual(log.lines.length, 1)
      }).pipe(Effect.provide(log.layer))
    }
  )
})
