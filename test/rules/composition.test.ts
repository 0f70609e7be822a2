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
  totals,
  totalsOf,
  works
} from "../kit/index.ts"

/** Runs an effect while time passes, a step at a time. */
const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>, stepMillis: number, steps: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* Effect.repeatN(TestClock.adjust(stepMillis), steps - 1)
    return yield* Fiber.join(fiber)
  })

/** The times at which each attempt of a call failed under the given retry, in milliseconds from now, and its result. */
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

/** Fails `times` times, and works after that. */
const flaky = (times: number, then: Effect.Effect<string, string> = works) => {
  let attempts = 0
  return Effect.suspend(() => (++attempts <= times ? fails : then))
}

describe("R3.6 a retry and a timeout", () => {
  it.scoped("R3.6 inside the breaker a retry is part of the call: one outcome", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
      const call = counted(fails)

      yield* Effect.flip(breaker.protect(Effect.retry(call.effect, Schedule.recurs(4))))
      yield* breaker.protect(Effect.retry(flaky(2), Schedule.recurs(4)))

      assert.strictEqual(call.runs, 5)
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1, failed: 1 }))
    })
  )

  it.scoped("R3.6 outside of it each attempt is a call", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(3) })
      const call = counted(fails)

      const error = yield* Effect.flip(Effect.retry(breaker.protect(call.effect), Schedule.recurs(4)))

      assert.instanceOf(error, CircuitOpenError)
      assert.strictEqual(call.runs, 3)
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 3, rejected: 2 }))
    })
  )

  for (const [where, call, counts] of [
    [
      "inside is a Failure of the call",
      (it) => it.protect(Effect.timeout(Effect.never, "2 seconds")),
      { failed: 1 }
    ],
    [
      "outside gives the call up, which is Ignored",
      (it) => Effect.timeout(it.protect(Effect.never), "2 seconds"),
      { ignored: 1 }
    ]
  ] satisfies ReadonlyArray<
    readonly [string, (breaker: Breaker) => Effect.Effect<never, { readonly _tag: string }>, object]
  >) {
    it.scoped(`R3.6 a timeout ${where}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make()

        const error = yield* Effect.flip(whileTimePasses(call(breaker), 1_000, 2))

        assert.strictEqual(error._tag, "TimeoutException")
        assert.deepStrictEqual(yield* totalsOf(breaker), totals(counts))
      })
    )
  }

  it.scoped("R3.6 a rejection is not delayed by a timeout", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()

      yield* rejectionOf(Effect.timeout(breaker.protect(Effect.never), "2 seconds"))
    })
  )
})

describe("R3.6 retrySchedule", () => {
  const isRejectedIn = (state: string, exit: Exit.Exit<unknown, unknown>) => {
    const error = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined
    assert.instanceOf(error, CircuitOpenError)
    assert.strictEqual(error.state, state)
  }

  it.scoped("R3.6 waits retryAfter for a rejection, to the millisecond, then calls again", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      yield* TestClock.adjust("3 seconds")
      const call = counted(works)
      const fiber = yield* Effect.fork(
        Effect.retry(breaker.protect(call.effect), CircuitBreaker.retrySchedule())
      )

      yield* TestClock.adjust("6999 millis")
      assert.strictEqual(call.runs, 0)
      yield* TestClock.adjust("1 millis")

      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped("R3.6 E9 waits for an opening that is longer than the longest timer", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ openDuration: "30 days" })
      const retry = Effect.retry({ schedule: CircuitBreaker.retrySchedule(), times: 1 })
      const fiber = yield* Effect.fork(retry(breaker.protect(works)))
      let now = 0
      while (fiber.unsafePoll() === null) {
        yield* Effect.yieldNow()
        const [next] = yield* TestClock.sleeps()
        if (next === undefined) continue
        assert.isAtMost(next - now, 2 ** 31 - 1)
        yield* TestClock.setTime(next)
        now = next
      }

      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.strictEqual(now, Duration.toMillis("30 days"))
      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped("R3.6 waits again for every opening", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ openDuration: Schedule.exponential("10 seconds") })
      const schedule = CircuitBreaker.retrySchedule(Schedule.recurs(5))

      const { exit, times } = yield* whileTimePasses(
        failuresOf(breaker.protect(flaky(1)), Effect.retry(schedule)),
        10_000,
        3
      )

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

        isRejectedIn(state, exit)
        const base = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
        const delays = times.slice(1).map((time, i) => time - times[i]!)
        assert.strictEqual(delays.length, base.length)
        delays.forEach((delay, i) => assert.approximately(delay, base[i]!, base[i]! * 0.2 + 1))
        assert.notDeepEqual(delays, base)
      }).pipe(Effect.withRandom(Random.make("a seed")))
    )

    it.scoped(`R3.6 backs off by the schedule it is given while ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects
        const backoff = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2))

        const { exit, times } = yield* whileTimePasses(
          failuresOf(breaker.protect(works), Effect.retry(CircuitBreaker.retrySchedule({ backoff }))),
          1_000,
          3
        )

        isRejectedIn(state, exit)
        assert.deepStrictEqual(times, [0, 1_000, 2_000])
      })
    )
  }

  it.scoped("R3.6 never retries an Isolated circuit, with any schedule", () =>
    Effect.gen(function* () {
      const breaker = yield* makeIsolated()
      const schedule = CircuitBreaker.retrySchedule({ schedule: Schedule.forever, backoff: Schedule.forever })

      const { exit, times } = yield* failuresOf(breaker.protect(works), Effect.retry(schedule))

      isRejectedIn("Isolated", exit)
      assert.deepStrictEqual(times, [0])
    })
  )

  for (const [form, schedule, runs] of [
    ["retries no other error by default", CircuitBreaker.retrySchedule(), 1],
    [
      "leaves it to the schedule in its options",
      CircuitBreaker.retrySchedule({ schedule: Schedule.recurs(2) }),
      3
    ],
    ["leaves it to the schedule alone", CircuitBreaker.retrySchedule(Schedule.recurs(2)), 3]
  ] as const) {
    it.scoped(`R3.6 for another error: ${form}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(10) })
        const call = counted(fails)

        const error = yield* Effect.flip(Effect.retry(breaker.protect(call.effect), schedule))

        assert.strictEqual(error, "unavailable")
        assert.strictEqual(call.runs, runs)
      })
    )
  }

  it.scoped("R3.6 the given schedule receives the error, and its delays are used", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(10) })
      const schedule = CircuitBreaker.retrySchedule(
        Schedule.spaced("2 seconds").pipe(
          Schedule.whileInput((error: string) => error === "unavailable"),
          Schedule.upTo("5 seconds")
        )
      )
      const call = breaker.protect(flaky(2, Effect.fail("not found")))

      const { exit, times } = yield* whileTimePasses(failuresOf(call, Effect.retry(schedule)), 1_000, 6)

      assert.deepStrictEqual(times, [0, 2_000, 4_000])
      assert.deepStrictEqual(exit, Exit.fail("not found"))
    })
  )

  it.scoped("R3.6 is bounded by times and by other schedules", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ openDuration: "1 hour" })
      const schedule = CircuitBreaker.retrySchedule().pipe(Schedule.intersect(Schedule.recurs(0)))

      yield* rejectionOf(Effect.retry(breaker.protect(works), schedule))

      assert.strictEqual((yield* totalsOf(breaker)).rejected, 1)
    })
  )

  it.scoped("R3.6 callers that share a schedule wait independently, each for its own circuit", () =>
    Effect.gen(function* () {
      const schedule = CircuitBreaker.retrySchedule()
      const breakers = [yield* makeOpen(), yield* makeOpen({ openDuration: "20 seconds" })]
      const fibers = yield* Effect.forEach(breakers, (breaker) =>
        Effect.fork(Effect.retry(breaker.protect(works), schedule))
      )

      for (const done of [
        [true, false],
        [true, true]
      ]) {
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          fibers.map((fiber) => fiber.unsafePoll() !== null),
          done
        )
      }
    })
  )
})

describe("R3.6 fallback", () => {
  it.scoped("R3.6 catchTag replaces the result of a rejected call only", () =>
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
  interface Server {
    readonly name: string
    isUp: boolean
    requests: number
  }

  class Host extends Context.Tag("Host")<Host, Server>() {}

  const server = (name: string, isUp = true): Server => ({ name, isUp, requests: 0 })

  /** A step with a server and a breaker, which outlives the runs of the plan. */
  const step = (server: Server, breaker: Breaker) => ({
    provide: Context.make(CircuitBreaker.CircuitBreaker, breaker).pipe(Context.add(Host, server))
  })

  const request = CircuitBreaker.protect(
    Effect.flatMap(Host, (host) => {
      host.requests++
      return host.isUp ? Effect.succeed(host.name) : Effect.fail("unavailable")
    })
  )

  it.scoped("R3.6 works with one breaker for each step", () =>
    Effect.gen(function* () {
      const [eu, us] = [server("eu", false), server("us")]
      const plan = ExecutionPlan.make(step(eu, yield* make()), step(us, yield* make()))
      const program = Effect.withExecutionPlan(request, plan)

      assert.deepStrictEqual(yield* Effect.replicateEffect(program, 2), ["us", "us"])
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
        step(server("eu"), yield* makeIsolated({ name: "eu" })),
        step(server("us"), yield* makeIsolated({ name: "us" }))
      )

      const error = yield* rejectionOf(Effect.withExecutionPlan(request, plan))

      assert.strictEqual(error.breaker, "us")
    })
  )

  it.scoped("R3.6 a step may retry with retrySchedule before the next one is tried", () =>
    Effect.gen(function* () {
      const [eu, us] = [server("eu"), server("us")]
      const retried = {
        ...step(eu, yield* makeOpen()),
        attempts: 2,
        schedule: CircuitBreaker.retrySchedule()
      }
      const plan = ExecutionPlan.make(retried, step(us, yield* make()))

      const answer = yield* whileTimePasses(Effect.withExecutionPlan(request, plan), 10_000, 1)

      assert.strictEqual(answer, "eu")
      assert.deepStrictEqual([eu.requests, us.requests], [1, 0])
    })
  )
})
