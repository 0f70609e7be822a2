import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitOpenError, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  counted,
  fails,
  make,
  makeHalfOpen,
  makeIsolated,
  makeOpen,
  makeRecovering,
  rejectionOf,
  startCall,
  tagOf,
  totalsOf,
  windowOf,
  works
} from "../kit/index.ts"

/** Runs an effect while time passes, a step at a time. */
const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>, stepMillis: number, steps: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* Effect.repeatN(TestClock.adjust(stepMillis), steps - 1)
    return yield* Fiber.join(fiber)
  })

/** When each attempt of a call failed, in milliseconds from now, under the given retry. */
const failuresOf = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  retry: (call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const times: Array<number> = []
    const recorded = Effect.tapError(call, () =>
      Effect.map(Clock.currentTimeMillis, (now) => times.push(now - start))
    )
    const exit = yield* Effect.exit(retry(recorded))
    return { times, exit }
  })

const delaysOf = (times: ReadonlyArray<number>) => times.slice(1).map((time, i) => time - times[i]!)

describe("R3.6 inside the breaker", () => {
  it.scoped("R3.6 a retry is part of the call: one outcome", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      const flaky = counted(fails)

      yield* Effect.flip(breaker.protect(Effect.retry(flaky.effect, Schedule.recurs(4))))

      assert.strictEqual(flaky.runs, 5)
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
    })
  )

  it.scoped("R3.6 a retry that succeeds in the end is one Success", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      let attempts = 0
      const flaky = Effect.suspend(() => (++attempts < 3 ? fails : works))

      assert.strictEqual(yield* breaker.protect(Effect.retry(flaky, Schedule.recurs(4))), "worked")

      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 1, failed: 0, ignored: 0, rejected: 0 })
    })
  )

  it.scoped("R3.6 a timeout is a Failure of the call", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const call = breaker.protect(Effect.timeout(Effect.never, "2 seconds"))
      const error = yield* Effect.flip(whileTimePasses(call, 1_000, 2))

      assert.strictEqual(error._tag, "TimeoutException")
      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual((yield* totalsOf(breaker)).failed, 1)
    })
  )
})

describe("R3.6 outside of the breaker", () => {
  it.scoped("R3.6 with a retry each attempt is a call", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(3) })
      const call = counted(fails)

      const error = yield* Effect.flip(Effect.retry(breaker.protect(call.effect), Schedule.recurs(4)))

      assert.instanceOf(error, CircuitOpenError)
      assert.strictEqual(call.runs, 3)
      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 0, failed: 3, ignored: 0, rejected: 2 })
    })
  )

  it.scoped("R3.6 with a timeout the call is given up, which is Ignored", () =>
    Effect.gen(function* () {
      const breaker = yield* make()

      const call = Effect.timeout(breaker.protect(Effect.never), "2 seconds")
      const error = yield* Effect.flip(whileTimePasses(call, 1_000, 2))

      assert.strictEqual(error._tag, "TimeoutException")
      assert.deepStrictEqual(yield* totalsOf(breaker), { succeeded: 0, failed: 0, ignored: 1, rejected: 0 })
    })
  )

  it.scoped("R3.6 a rejection is not delayed by a timeout", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()

      yield* rejectionOf(Effect.timeout(breaker.protect(Effect.never), "2 seconds"))
    })
  )
})

describe("R3.6 retrySchedule", () => {
  const isRejectedIn = (state: CircuitOpenError["state"], exit: Exit.Exit<unknown, unknown>) => {
    const error = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined
    assert.instanceOf(error, CircuitOpenError)
    assert.strictEqual(error.state, state)
  }

  it.scoped("R3.6 waits retryAfter for a rejection, then calls again", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      yield* TestClock.adjust("3 seconds")
      const call = counted(works)

      const { exit, times } = yield* whileTimePasses(
        failuresOf(breaker.protect(call.effect), Effect.retry(CircuitBreaker.retrySchedule())),
        6_999,
        2
      )

      assert.deepStrictEqual(times, [0])
      assert.deepStrictEqual(exit, Exit.succeed("worked"))
      assert.strictEqual(call.runs, 1)
    })
  )

  it.scoped("R3.6 E9 waits for an opening that is longer than a timer can be", () =>
    Effect.gen(function* () {
      const sleeps: Array<number> = []
      const clock = yield* Effect.clock
      const watched: Clock.Clock = {
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanos: clock.currentTimeNanos,
        sleep: (duration) => {
          sleeps.push(Duration.toMillis(duration))
          return clock.sleep(duration)
        }
      }
      const breaker = yield* makeOpen({ openDuration: "30 days" })
      const retried = breaker
        .protect(works)
        .pipe(Effect.retry({ schedule: CircuitBreaker.retrySchedule(), times: 1 }), Effect.withClock(watched))
      const fiber = yield* Effect.fork(retried)
      yield* TestClock.adjust(Duration.millis(30 * 86_400_000 - 1))
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")

      yield* TestClock.adjust("1 millis")

      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.isAtMost(Math.max(...sleeps), 2 ** 31 - 1)
    })
  )

  it.scoped("R3.6 does not call a millisecond earlier", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const call = counted(works)
      const fiber = yield* Effect.fork(
        Effect.retry(breaker.protect(call.effect), CircuitBreaker.retrySchedule())
      )

      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(call.runs, 0)
      yield* TestClock.adjust("1 millis")

      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped("R3.6 waits anew for every opening", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ openDuration: Schedule.exponential("10 seconds") })
      let attempts = 0
      const call = breaker.protect(Effect.suspend(() => (++attempts === 1 ? fails : works)))
      const schedule = CircuitBreaker.retrySchedule(Schedule.recurs(5))

      const { exit, times } = yield* whileTimePasses(failuresOf(call, Effect.retry(schedule)), 10_000, 3)

      assert.deepStrictEqual(times, [0, 10_000, 10_000])
      assert.deepStrictEqual(exit, Exit.succeed("worked"))
    })
  )

  for (const [state, breakerThatRejects] of Object.entries({
    HalfOpen: Effect.tap(makeHalfOpen({ halfOpen: { probeTimeout: "1 day" } }), (breaker) =>
      startCall(breaker.protect)
    ),
    Recovering: makeRecovering({ recovery: { duration: "1 day", from: 0.000_001 } })
  })) {
    it.scoped(`R3.6 backs off with jitter while ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects
        const schedule = CircuitBreaker.retrySchedule()

        const { exit, times } = yield* whileTimePasses(
          failuresOf(breaker.protect(works), Effect.retry({ schedule, times: 8 })),
          1_000,
          40
        )

        isRejectedIn(state as "HalfOpen" | "Recovering", exit)
        const base = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
        const delays = delaysOf(times)
        assert.strictEqual(delays.length, base.length)
        delays.forEach((delay, i) =>
          assert.isTrue(delay >= base[i]! * 0.8 - 1 && delay <= base[i]! * 1.2 + 1)
        )
        assert.notDeepEqual(delays, base)
      }).pipe(Effect.withRandom(Random.make("a seed")))
    )

    it.scoped(`R3.6 backs off as it is told while ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects
        const schedule = CircuitBreaker.retrySchedule({
          backoff: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2))
        })

        const { exit, times } = yield* whileTimePasses(
          failuresOf(breaker.protect(works), Effect.retry(schedule)),
          1_000,
          3
        )

        isRejectedIn(state as "HalfOpen" | "Recovering", exit)
        assert.deepStrictEqual(times, [0, 1_000, 2_000])
      })
    )
  }

  it.scoped("R3.6 never retries an Isolated one, whatever it is given", () =>
    Effect.gen(function* () {
      const breaker = yield* makeIsolated()
      const schedule = CircuitBreaker.retrySchedule({ schedule: Schedule.forever, backoff: Schedule.forever })

      const { exit, times } = yield* failuresOf(breaker.protect(works), Effect.retry(schedule))

      isRejectedIn("Isolated", exit)
      assert.deepStrictEqual(times, [0])
    })
  )

  it.scoped("R3.6 does not retry any other error by default", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const call = counted(fails)

      const error = yield* Effect.flip(
        Effect.retry(breaker.protect(call.effect), CircuitBreaker.retrySchedule())
      )

      assert.strictEqual(error, "unavailable")
      assert.strictEqual(call.runs, 1)
    })
  )

  for (const [form, schedule] of Object.entries({
    "in its options": CircuitBreaker.retrySchedule({ schedule: Schedule.recurs(2) }),
    alone: CircuitBreaker.retrySchedule(Schedule.recurs(2))
  })) {
    it.scoped(`R3.6 leaves every other error to the schedule it is given, ${form}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(10) })
        const call = counted(fails)

        assert.strictEqual(
          yield* Effect.flip(Effect.retry(breaker.protect(call.effect), schedule)),
          "unavailable"
        )

        assert.strictEqual(call.runs, 3)
      })
    )
  }

  it.scoped("R3.6 that schedule sees the error, and its delays are kept", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(10) })
      const schedule = CircuitBreaker.retrySchedule(
        Schedule.spaced("2 seconds").pipe(
          Schedule.whileInput((error: string) => error === "unavailable"),
          Schedule.upTo("5 seconds")
        )
      )
      let attempts = 0
      const call = breaker.protect(Effect.suspend(() => (++attempts < 3 ? fails : Effect.fail("not found"))))

      const { exit, times } = yield* whileTimePasses(failuresOf(call, Effect.retry(schedule)), 1_000, 6)

      assert.deepStrictEqual(times, [0, 2_000, 4_000])
      assert.deepStrictEqual(exit, Exit.fail("not found"))
    })
  )

  it.scoped("R3.6 is bounded by times and by other schedules", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ openDuration: "1 hour" })
      const schedule = CircuitBreaker.retrySchedule().pipe(Schedule.intersect(Schedule.recurs(0)))

      const error = yield* Effect.flip(Effect.retry(breaker.protect(works), schedule))

      assert.instanceOf(error, CircuitOpenError)
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped(
    "R3.6 rejections that are waited for together are waited for apart: each caller has its own",
    () =>
      Effect.gen(function* () {
        const eu = yield* makeOpen({ name: "eu" })
        const us = yield* makeOpen({ name: "us", openDuration: "20 seconds" })
        const schedule = CircuitBreaker.retrySchedule()
        const fibers = yield* Effect.forEach([eu, us], (breaker) =>
          Effect.fork(Effect.retry(breaker.protect(works), schedule))
        )

        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          fibers.map((fiber) => fiber.unsafePoll() !== null),
          [true, false]
        )
        yield* TestClock.adjust("10 seconds")

        assert.deepStrictEqual(
          fibers.map((fiber) => fiber.unsafePoll() !== null),
          [true, true]
        )
      })
  )
})

describe("R3.6 fallback", () => {
  it.scoped("R3.6 catchTag answers in place of a rejected call, and of nothing else", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "prices" })
      const price = (effect: Effect.Effect<string, string>) =>
        breaker
          .protect(effect)
          .pipe(Effect.catchTag("CircuitOpenError", (error) => Effect.succeed(`cached, no ${error.breaker}`)))

      assert.strictEqual(yield* price(works), "worked")
      assert.strictEqual(yield* Effect.flip(price(fails)), "unavailable")
      assert.strictEqual(yield* price(works), "cached, no prices")
    })
  )
})

describe("R3.6 ExecutionPlan", () => {
  class Host extends Context.Tag("Host")<Host, { readonly name: string; readonly isUp: boolean }>() {}

  /** A step has a host and a breaker, which outlives the runs of the plan. */
  const step = (name: string, breaker: Breaker, host: { isUp: boolean; requests: number }) => ({
    provide: Context.make(CircuitBreaker.CircuitBreaker, breaker).pipe(
      Context.add(Host, {
        name,
        get isUp() {
          host.requests++
          return host.isUp
        }
      })
    )
  })

  const request = CircuitBreaker.protect(
    Effect.flatMap(Host, (host) => (host.isUp ? Effect.succeed(host.name) : Effect.fail("unavailable")))
  )

  it.scoped("R3.6 works with one breaker a step", () =>
    Effect.gen(function* () {
      const eu = { isUp: false, requests: 0 }
      const us = { isUp: true, requests: 0 }
      const plan = ExecutionPlan.make(
        step("eu", yield* make({ name: "eu" }), eu),
        step("us", yield* make({ name: "us" }), us)
      )
      const program = Effect.withExecutionPlan(request, plan)

      assert.strictEqual(yield* program, "us")
      assert.strictEqual(yield* program, "us")
      assert.deepStrictEqual([eu.requests, us.requests], [1, 2])
      eu.isUp = true
      yield* TestClock.adjust("10 seconds")

      assert.strictEqual(yield* program, "eu")
      assert.deepStrictEqual([eu.requests, us.requests], [2, 2])
    })
  )

  it.scoped("R3.6 a plan whose every step is rejected fails with the last rejection", () =>
    Effect.gen(function* () {
      const plan = ExecutionPlan.make(
        step("eu", yield* makeIsolated({ name: "eu" }), { isUp: true, requests: 0 }),
        step("us", yield* makeIsolated({ name: "us" }), { isUp: true, requests: 0 })
      )

      const error = yield* Effect.flip(Effect.withExecutionPlan(request, plan))

      assert.instanceOf(error, CircuitOpenError)
      assert.strictEqual(error.breaker, "us")
    })
  )

  it.scoped("R3.6 a step may retry with retrySchedule before the next one is tried", () =>
    Effect.gen(function* () {
      const eu = { isUp: true, requests: 0 }
      const us = { isUp: true, requests: 0 }
      const plan = ExecutionPlan.make(
        {
          ...step("eu", yield* makeOpen({ name: "eu" }), eu),
          attempts: 2,
          schedule: CircuitBreaker.retrySchedule()
        },
        step("us", yield* make({ name: "us" }), us)
      )

      const answer = yield* whileTimePasses(Effect.withExecutionPlan(request, plan), 10_000, 1)

      assert.strictEqual(answer, "eu")
      assert.deepStrictEqual([eu.requests, us.requests], [1, 0])
    })
  )
})
