import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, TripPolicy } from "effect-circuit-breaker"
import {
  counted,
  fails,
  make,
  makeHalfOpen,
  makeOpen,
  rejectionOf,
  settled,
  startCall,
  tagOf,
  transitionsOf,
  useManualClock,
  watch,
  windowOf,
  works
} from "./fixtures.ts"

describe("R3.2.1 Closed to Open", () => {
  it.scoped("R3.2.1 when the policy says so: by default on the fifth failure in a row, for 30 seconds", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make()
      yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 3)
      assert.deepStrictEqual(yield* breaker.state(), { _tag: "Closed" })

      yield* Effect.flip(breaker.protect(fails))

      assert.deepStrictEqual(yield* breaker.state(), {
        _tag: "Open",
        retryAfter: Duration.seconds(30),
        openings: 1
      })
    })
  )

  for (const [name, openDuration] of Object.entries({
    "a duration": "10 seconds",
    "a schedule": Schedule.exponential("10 seconds")
  } as const)) {
    it.scoped(`R3.2.1 once: 50 concurrent failures are one transition and one backoff step, ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ openDuration })
        const seen = yield* watch(breaker.transitions)
        const calls = yield* Effect.replicateEffect(startCall(breaker.protect), 50)

        yield* Effect.forEach(calls, (call) => call.end(Exit.fail("unavailable")), {
          concurrency: "unbounded"
        })
        yield* settled

        assert.strictEqual(seen.length, 1)
        assert.deepStrictEqual(yield* breaker.state(), {
          _tag: "Open",
          retryAfter: Duration.seconds(10),
          openings: 1
        })
      })
    )

    it.scoped(`R3.2.1 once: concurrent failed probes reopen it once, ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({ openDuration, halfOpen: { probes: 10 } })
        const probes = yield* Effect.replicateEffect(startCall(breaker.protect), 10)

        const transitions = yield* transitionsOf(
          breaker,
          Effect.forEach(probes, (probe) => probe.end(Exit.fail("unavailable")), {
            concurrency: "unbounded"
          })
        )

        assert.deepStrictEqual(transitions, ["HalfOpen > Open"])
        const state = yield* breaker.state()
        assert.strictEqual(state._tag === "Open" ? state.openings : undefined, 2)
      })
    )
  }

  it.scoped("R3.2.1 is published with all there is to know", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const breaker = yield* make({ name: "payments" })
      const seen = yield* watch(breaker.transitions)
      yield* TestClock.adjust("3 seconds")

      yield* Effect.flip(breaker.protectWith(fails, { key: "eu" }))
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protectWith(works, { key: "eu" })
      yield* settled

      const common = { breaker: "payments", key: "eu", origin: "Local" } as const
      assert.deepStrictEqual(seen, [
        {
          ...common,
          from: "Closed",
          to: "Open",
          at: 1_700_000_003_000,
          generation: 1,
          retryAfter: Duration.seconds(10),
          openings: 1,
          reason: "Tripped"
        },
        { ...common, from: "Open", to: "HalfOpen", at: 1_700_000_013_000, generation: 2 },
        { ...common, from: "HalfOpen", to: "Closed", at: 1_700_000_013_000, generation: 3 }
      ])
    })
  )

  it.scoped("R3.2.1 gives its reason: the policy, a failed probe or a hand", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const seen = yield* watch(breaker.transitions)
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.trip()
      yield* settled

      assert.deepStrictEqual(
        seen.flatMap((transition) => (transition.to === "Open" ? [transition.reason] : [])),
        ["Tripped", "ProbeFailed", "Manual"]
      )
    })
  )
})

describe("R3.2.2 Open to HalfOpen", () => {
  it.scoped("R3.2.2 at exactly openedAt + openDuration, not a millisecond earlier", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* TestClock.adjust("7 millis")
      yield* Effect.flip(breaker.protect(fails))

      yield* TestClock.adjust("9999 millis")
      const error = yield* rejectionOf(breaker.protect(works))
      assert.deepStrictEqual(error.retryAfter, Duration.millis(1))
      assert.deepStrictEqual(yield* breaker.state(), {
        _tag: "Open",
        retryAfter: Duration.millis(1),
        openings: 1
      })

      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.2.2 exact on a clock that shows today, too", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_001)
      for (let i = 0; i < 8; i++) {
        const breaker = yield* makeOpen({ openDuration: "10003 millis" })
        yield* TestClock.adjust("10002 millis")
        const last = yield* rejectionOf(breaker.protect(works))
        assert.deepStrictEqual(last.retryAfter, Duration.millis(1))

        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
      }
    })
  )

  it.scoped("R3.2.2 is read without waiting for a call", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()

      yield* TestClock.adjust("10 seconds")

      const halfOpen = { _tag: "HalfOpen", probing: 0, succeeded: 0, openings: 1 }
      assert.deepStrictEqual<unknown>(yield* breaker.state(), halfOpen)
      assert.deepStrictEqual<unknown>((yield* breaker.snapshot()).state, halfOpen)
      assert.deepStrictEqual<unknown>((yield* breaker.circuits)[0]?.state, halfOpen)
    })
  )

  it.scoped("R3.2.2 a wall clock set back an hour does not prolong an opening", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* makeOpen()

      clock.monotonicMillis += 10_000
      clock.wallMillis -= 3_600_000

      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.2.2 a wall clock set forward a year does not end an opening", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* makeOpen()

      clock.monotonicMillis += 9_999
      clock.wallMillis += 31_536_000_000

      const error = yield* rejectionOf(breaker.protect(works))
      assert.deepStrictEqual(error.retryAfter, Duration.millis(1))
    })
  )

  it.scoped("R3.2.2 a wall clock moves neither windows, leases, recoveries nor idle times", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make({
        tripPolicy: TripPolicy.failureCount({ failures: 2, within: "1 minute" }),
        recovery: { duration: "100 seconds" }
      })
      const halfOpen = breaker.protectWith({ key: "half-open" })
      const recovering = breaker.protectWith({ key: "recovering" })
      yield* Effect.all([breaker.trip("half-open"), breaker.trip("recovering")])
      clock.advance(10_000)
      yield* recovering(works)
      yield* startCall(halfOpen)
      yield* Effect.flip(breaker.protect(fails))
      yield* breaker.protectWith(works, { key: "idle" })
      const before = yield* breaker.circuits

      clock.wallMillis += 31_536_000_000
      const afterForward = yield* breaker.circuits
      clock.wallMillis -= 2 * 31_536_000_000
      const afterBack = yield* breaker.circuits

      assert.strictEqual(before.length, 4)
      assert.deepStrictEqual(afterForward, before)
      assert.deepStrictEqual(afterBack, before)
      yield* Effect.flip(breaker.protect(fails))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.2 wall time is what observers get", () =>
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

  it.scoped("R3.2.2 there is no timer: nobody asks the clock to be woken", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* make({ recovery: { duration: "1 minute" } })
      const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)

      yield* Effect.forEach(keys, (key) => Effect.flip(breaker.protectWith(fails, { key })))
      clock.advance(10_000)
      yield* Effect.forEach(keys, (key) => breaker.protectWith(works, { key }))
      clock.advance(60_000)
      yield* Effect.forEach(keys, (key) => breaker.protectWith(works, { key }))

      assert.strictEqual(clock.sleeps, 0)
    })
  )

  it.scoped("R3.2.2 there is no fiber: a hundred open circuits leave none running", () =>
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.track
      const breaker = yield* make()
      const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)

      yield* Effect.forEach(keys, (key) => Effect.flip(breaker.protectWith(fails, { key }))).pipe(
        Effect.supervised(supervisor)
      )
      yield* settled

      assert.deepStrictEqual(yield* supervisor.value, [])
      assert.strictEqual((yield* breaker.circuits).length, 100)
    })
  )

  it("R3.2.2 nothing keeps a process alive, and nothing has to be cleaned up", () => {
    const active = () => process.getActiveResourcesInfo().toSorted()
    const before = active()

    Effect.runSync(
      Effect.gen(function* () {
        const breaker = yield* make({ recovery: { duration: "1 minute" } })
        yield* Effect.flip(breaker.protect(fails))
        yield* breaker.trip("tripped")
        yield* breaker.isolate("isolated")
        yield* breaker.protectWith(works, { key: "closed" })
        assert.deepStrictEqual(active(), before)
      }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
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

describe("R3.2.6 an outcome of an older generation", () => {
  it.scoped("R3.2.6 a late success does not close an Open circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const late = yield* startCall(breaker.protect)
      yield* Effect.flip(breaker.protect(fails))
      const before = yield* breaker.snapshot()

      const exit = yield* late.end(Exit.succeed("late"))

      assert.deepStrictEqual(exit, Exit.succeed("late"))
      assert.deepStrictEqual(yield* breaker.snapshot(), before)
    })
  )

  it.scoped("R3.2.6 a late failure neither trips an Open circuit again nor refreshes its open time", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const late = yield* startCall(breaker.protect)
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("6 seconds")
      const before = yield* breaker.snapshot()

      const transitions = yield* transitionsOf(breaker, late.end(Exit.fail("late")))

      assert.deepStrictEqual(transitions, [])
      assert.deepStrictEqual(yield* breaker.snapshot(), before)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    })
  )

  for (const exit of [Exit.succeed("late"), Exit.fail("late")]) {
    it.scoped(`R3.2.6 a late ${exit._tag} neither closes nor reopens a HalfOpen circuit`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ halfOpen: { probes: 2 } })
        const late = yield* startCall(breaker.protect)
        yield* Effect.flip(breaker.protect(fails))
        yield* TestClock.adjust("10 seconds")
        yield* breaker.protect(works)
        const before = yield* breaker.snapshot()

        const transitions = yield* transitionsOf(breaker, late.end(exit))

        assert.deepStrictEqual(transitions, [])
        assert.deepStrictEqual(yield* breaker.snapshot(), before)
      })
    )

    it.scoped(`R3.2.6 a late ${exit._tag} does not count in a new Closed window`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
        const late = yield* startCall(breaker.protect)
        yield* Effect.repeatN(Effect.flip(breaker.protect(fails)), 1)
        yield* TestClock.adjust("10 seconds")
        yield* breaker.protect(works)
        yield* Effect.flip(breaker.protect(fails))
        const before = yield* breaker.snapshot()

        yield* late.end(exit)

        assert.deepStrictEqual(before.window, { calls: 1, failures: 1, slow: 0 })
        assert.deepStrictEqual(yield* breaker.snapshot(), before)
      })
    )

    it.scoped(`R3.2.6 a late ${exit._tag} of a probe counts nowhere once another has reopened`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
        const late = yield* startCall(breaker.protect)
        yield* Effect.flip(breaker.protect(fails))
        yield* TestClock.adjust("10 seconds")
        const running = yield* startCall(breaker.protect)
        const before = yield* breaker.snapshot()

        yield* late.end(exit)

        assert.deepStrictEqual(yield* breaker.snapshot(), before)
        // nor does it free a slot of the new half-open circuit
        const second = yield* startCall(breaker.protect)
        yield* rejectionOf(breaker.protect(works))
        yield* Effect.all([running.interrupt, second.interrupt])
      })
    )
  }

  it.scoped("R3.2.6 a late slow interruption does not count either", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.slowCallRate({
          slowerThan: "1 second",
          threshold: 1,
          within: "1 hour",
          minimumCalls: 1
        })
      })
      const late = yield* startCall(breaker.protect)
      yield* breaker.reset()
      yield* TestClock.adjust("1 second")

      yield* late.interrupt

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 0, failures: 0, slow: 0 })
    })
  )
})

describe("R3.2.10 an idle gap", () => {
  for (const [name, tripPolicy] of Object.entries({
    failureRate: TripPolicy.failureRate({ threshold: 0.5, within: "10 seconds", minimumCalls: 5 }),
    slowCallRate: TripPolicy.slowCallRate({
      slowerThan: "1 millis",
      threshold: 0.5,
      within: "10 seconds",
      minimumCalls: 5
    }),
    failureCount: TripPolicy.failureCount({ failures: 5, within: "10 seconds" })
  })) {
    it.scoped(`R3.2.10 drops every expired bucket at once, ${name}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const slowFailure = Effect.gen(function* () {
          const call = yield* startCall(breaker.protect)
          yield* TestClock.adjust("1 second")
          yield* call.end(Exit.fail("unavailable"))
        })
        yield* Effect.repeatN(slowFailure, 3)
        assert.strictEqual((yield* windowOf(breaker)).calls, 4)

        yield* TestClock.adjust("365 days")

        assert.deepStrictEqual(yield* windowOf(breaker), { calls: 0, failures: 0, slow: 0 })
        yield* slowFailure
        assert.strictEqual((yield* windowOf(breaker)).calls, 1)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
    )
  }

  it.scoped("R3.2.10 of any length leaves an open circuit half-open, never anything else", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const call = counted(works)

      yield* TestClock.adjust("365 days")

      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
      const probe = yield* startCall(breaker.protect)
      yield* rejectionOf(breaker.protect(call.effect))
      yield* Fiber.interrupt(probe.fiber)
    })
  )
})
