import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import type { Breaker } from "../kit/index.ts"
import { fails, make, recordLogs, runFor, startCall, tagOf, totalsOf, windowOf, works } from "../kit/index.ts"

const under = (tripPolicy: TripPolicy.TripPolicy) => make({ tripPolicy, recovery: undefined })

/** Makes calls in sequence: "f" fails, "s" succeeds. Returns how many of them ran before the circuit opened. */
const callsUntilOpen = (breaker: Breaker, calls: string) =>
  Effect.gen(function* () {
    let made = 0
    for (const call of calls) {
      yield* Effect.exit(breaker.protect(call === "f" ? fails : works))
      made++
      if ((yield* tagOf(breaker)) === "Open") return made
    }
    return "never"
  })

const opensAfter = (tripPolicy: TripPolicy.TripPolicy, calls: string) =>
  Effect.flatMap(under(tripPolicy), (breaker) => callsUntilOpen(breaker, calls))

/** Makes failing calls at the given times, in milliseconds from now. */
const failAt = (breaker: Breaker, ...times: ReadonlyArray<number>) =>
  Effect.forEach(
    times,
    (time, i) =>
      Effect.zipRight(
        TestClock.adjust(Duration.millis(time - (times[i - 1] ?? 0))),
        Effect.exit(breaker.protect(fails))
      ),
    { discard: true }
  )

const none = { calls: 0, failures: 0, slow: 0 }

describe("R3.2.1 consecutive", () => {
  it.scoped("R3.2.1 opens on the n-th failure in a row", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(TripPolicy.consecutive(1), "f"), 1)
      assert.strictEqual(yield* opensAfter(TripPolicy.consecutive(3), "fffff"), 3)
    })
  )

  it.scoped("R3.2.1 a success resets the count, an ignored call does not", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(TripPolicy.consecutive(3), "ffsffsff"), "never")
      const breaker = yield* under(TripPolicy.consecutive(3))
      yield* callsUntilOpen(breaker, "ff")
      yield* Effect.exit(breaker.protect(Effect.interrupt))
      yield* breaker.protectWith(works, { classify: () => Outcome.ignored })

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 2, failures: 2, slow: 0 })
      assert.strictEqual(yield* callsUntilOpen(breaker, "f"), 1)
    })
  )

  it.scoped("R3.2.1 does not forget with time", () =>
    Effect.gen(function* () {
      const breaker = yield* under(TripPolicy.consecutive(2))

      yield* failAt(breaker, 0, 31_536_000_000)

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})

describe("R3.2.1 failureCount", () => {
  const policy = TripPolicy.failureCount({ failures: 4, within: "60 seconds" })

  for (const [times, tag] of [
    [[0, 0, 0, 59_999], "Open"],
    [[0, 0, 0, 60_000], "Closed"],
    [[0, 1, 2, 60_000, 60_001], "Closed"],
    [[0, 1, 2, 60_000, 60_000], "Open"],
    [[0, 30_000, 60_000, 90_000, 120_000, 150_000], "Closed"]
  ] as const) {
    it.scoped(`R3.2.1 is ${tag} after failures at ${times.join(", ")} ms, 4 within 60 s`, () =>
      Effect.gen(function* () {
        const breaker = yield* under(policy)

        yield* failAt(breaker, ...times)

        assert.strictEqual(yield* tagOf(breaker), tag)
      })
    )
  }

  it.scoped("R3.2.1 successes in between do not matter", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(policy, "fsssfssfsssf"), 12)
    })
  )

  it.scoped("R3.2.1 within may be infinite: the total since the last close", () =>
    Effect.gen(function* () {
      const total = TripPolicy.failureCount({ failures: 3, within: Infinity })
      const breaker = yield* under(total)

      yield* failAt(breaker, 0, 1_000_000, 100_000_000_000)

      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.strictEqual(yield* opensAfter(total, "fsssfsf"), 7)
    })
  )

  it.scoped("R3.2.1 its window is exact, read at any time", () =>
    Effect.gen(function* () {
      const breaker = yield* under(policy)
      yield* failAt(breaker, 0, 7)
      yield* TestClock.adjust("59992 millis")
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 2, failures: 2, slow: 0 })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
      yield* TestClock.adjust("7 millis")

      assert.deepStrictEqual(yield* windowOf(breaker), none)
    })
  )
})

describe("R3.2.1 failureRate over the latest calls", () => {
  const half = TripPolicy.failureRate({ threshold: 0.5, calls: 4 })

  it.scoped("R3.2.1 opens at the threshold, with minimumCalls at calls by default", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(half, "ffff"), 4)
      assert.strictEqual(yield* opensAfter(half, "fsfs"), 4)
      assert.strictEqual(yield* opensAfter(half, "sssff"), 5)
      assert.strictEqual(yield* opensAfter(half, "fsssfsssfsss"), "never")
    })
  )

  it.scoped("R3.2.1 forgets all but the latest calls", () =>
    Effect.gen(function* () {
      const breaker = yield* under(TripPolicy.failureRate({ threshold: 0.9, calls: 100 }))
      yield* callsUntilOpen(breaker, "f".repeat(60) + "s".repeat(40))
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100, failures: 60, slow: 0 })

      yield* callsUntilOpen(breaker, "s".repeat(59))
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100, failures: 1, slow: 0 })
      yield* callsUntilOpen(breaker, "ss")

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 100, failures: 0, slow: 0 })
    })
  )

  it.scoped("R3.2.1 minimumCalls may be fewer", () =>
    Effect.gen(function* () {
      const policy = TripPolicy.failureRate({ threshold: 0.5, calls: 100, minimumCalls: 3 })

      assert.strictEqual(yield* opensAfter(policy, "fff"), 3)
      assert.strictEqual(yield* opensAfter(policy, "ssssfffff"), 8)
    })
  )

  it.scoped("R3.2.1 does not forget with time", () =>
    Effect.gen(function* () {
      const breaker = yield* under(TripPolicy.failureRate({ threshold: 1, calls: 2 }))

      yield* failAt(breaker, 0, 31_536_000_000)

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})

describe("R3.2.1 failureRate over time", () => {
  const policy = (options: Partial<TripPolicy.FailureRateOptions>) =>
    TripPolicy.failureRate({ threshold: 0.5, within: "10 seconds", ...options })

  it.scoped("R3.2.1 needs 10 calls by default", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(policy({}), "ffffffffff"), 10)
      assert.strictEqual(yield* opensAfter(policy({}), "fffffsssss"), 10)
      assert.strictEqual(yield* opensAfter(policy({ minimumCalls: 3 }), "fff"), 3)
      assert.strictEqual(yield* opensAfter(policy({ minimumCalls: 1 }), "f"), 1)
    })
  )

  it.scoped("R3.2.1 needs 1 call by default if minimumFailures is given", () =>
    Effect.gen(function* () {
      const policyC = policy({ threshold: 0.1, minimumFailures: 5 })

      assert.strictEqual(yield* opensAfter(policyC, "ffff"), "never")
      assert.strictEqual(yield* opensAfter(policyC, "fffff"), 5)
      assert.strictEqual(yield* opensAfter(policyC, "s".repeat(45) + "fffff"), 50)
      assert.strictEqual(yield* opensAfter(policyC, "s".repeat(46) + "ffffff"), 52)
      assert.strictEqual(yield* opensAfter(policy({ minimumFailures: 5, minimumCalls: 8 }), "ffffffff"), 8)
    })
  )

  for (const threshold of [0.1, 0.2, 0.3, 0.6, 0.7, 0.9, 1]) {
    it.scoped(`R3.2.1 opens at a rate of exactly ${threshold}, not below`, () =>
      Effect.gen(function* () {
        const failures = Math.round(threshold * 10)
        const at = "s".repeat(10 - failures) + "f".repeat(failures)
        const below = "s".repeat(11 - failures) + "f".repeat(failures - 1)

        assert.strictEqual(yield* opensAfter(policy({ threshold }), at), 10)
        assert.strictEqual(yield* opensAfter(policy({ threshold }), below), "never")
      })
    )
  }

  it.scoped("R3.2.1 without a failure never opens, however low the threshold", () =>
    Effect.gen(function* () {
      const successes = "s".repeat(50)

      assert.strictEqual(yield* opensAfter(policy({ threshold: Number.MIN_VALUE }), successes), "never")
      assert.strictEqual(
        yield* opensAfter(TripPolicy.failureRate({ threshold: Number.MIN_VALUE, calls: 1 }), successes),
        "never"
      )
    })
  )

  for (const [name, buckets, sureMillis] of [
    ["10 buckets by default", undefined, 9_000],
    ["2 buckets", 2, 5_000],
    ["7 buckets", 7, 10_000 - 10_000 / 7],
    ["1 bucket", 1, 0]
  ] as const) {
    for (const offset of [0, 1, 999, 1_428, 9_999]) {
      it.scoped(
        `R3.2.1 a call ${offset} ms into a slice counts for ${sureMillis} to 10,000 ms, ${name}`,
        () =>
          Effect.gen(function* () {
            const breaker = yield* under(policy({ buckets, threshold: 1, minimumCalls: 100 }))
            const young = Math.max(0, Math.ceil(sureMillis) - 1)
            yield* failAt(breaker, offset)

            yield* TestClock.adjust(Duration.millis(young))
            assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
            yield* TestClock.adjust(Duration.millis(10_000 - young))

            assert.deepStrictEqual(yield* windowOf(breaker), none)
          })
      )
    }
  }

  it.scoped("R3.2.1 expired failures no longer count", () =>
    Effect.gen(function* () {
      const breaker = yield* under(policy({ minimumCalls: 5 }))
      yield* failAt(breaker, 0, 0, 0, 0)
      yield* TestClock.adjust("11 seconds")

      yield* Effect.flip(breaker.protect(fails))

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 1, slow: 0 })
    })
  )
})

describe("R3.2.1 slowCallRate", () => {
  const slow = (options: Partial<TripPolicy.SlowCallRateOptions>) =>
    under(
      TripPolicy.slowCallRate({
        slowerThan: "2 seconds",
        threshold: 0.5,
        within: "1 minute",
        minimumCalls: 2,
        ...options
      })
    )

  it.scoped("R3.2.1 a call that ran at least slowerThan is slow", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({ minimumCalls: 100 })

      yield* runFor(breaker, "1999 millis", Exit.succeed("in time"))
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 0, slow: 0 })
      yield* runFor(breaker, "2 seconds", Exit.succeed("late"))

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 2, failures: 0, slow: 1 })
    })
  )

  it.scoped("R3.2.1 slow failures count too; failures that were not slow do not open", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({ threshold: 0.25, minimumCalls: 4 })
      assert.strictEqual(yield* callsUntilOpen(breaker, "ffff"), "never")

      yield* runFor(breaker, "2 seconds", Exit.fail("late"))
      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 5, failures: 5, slow: 1 })
      yield* runFor(breaker, "2 seconds", Exit.fail("late"))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.1 an ignored call is not slow, an interrupted one may be", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({ minimumCalls: 100 })
      const ignored = yield* startCall(breaker.protectWith({ classify: () => Outcome.ignored }))
      const interrupted = yield* startCall(breaker.protect)
      yield* TestClock.adjust("2 seconds")

      yield* ignored.end(Exit.succeed("late"))
      assert.deepStrictEqual(yield* windowOf(breaker), none)
      yield* interrupted.interrupt

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 1, failures: 0, slow: 1 })
    })
  )

  it.scoped("R3.2.1 needs 10 calls over time by default, and all of them over calls", () =>
    Effect.gen(function* () {
      const overTime = yield* slow({ minimumCalls: undefined })
      const overCalls = yield* slow({ within: undefined, minimumCalls: undefined, calls: 3 })
      const late = (breaker: Breaker, howMany: number) =>
        Effect.repeatN(runFor(breaker, "2 seconds", Exit.succeed("late")), howMany - 1)

      yield* late(overTime, 9)
      yield* late(overCalls, 2)
      assert.deepStrictEqual([yield* tagOf(overTime), yield* tagOf(overCalls)], ["Closed", "Closed"])
      yield* late(overTime, 1)
      yield* late(overCalls, 1)

      assert.deepStrictEqual([yield* tagOf(overTime), yield* tagOf(overCalls)], ["Open", "Open"])
    })
  )

  it.scoped("R3.2.1 opens at the threshold, and not without a slow call", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({ threshold: 0.5, minimumCalls: 4 })
      yield* callsUntilOpen(breaker, "sss")
      assert.strictEqual(yield* callsUntilOpen(breaker, "s".repeat(20)), "never")
      yield* TestClock.adjust("2 minutes")
      yield* callsUntilOpen(breaker, "ss")
      yield* runFor(breaker, "2 seconds", Exit.succeed("late"))
      assert.strictEqual(yield* tagOf(breaker), "Closed")

      yield* runFor(breaker, "2 seconds", Exit.succeed("late"))

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.2.11 E3 a probe that succeeds slowly reopens the circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({})
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")

      yield* runFor(breaker, "5 seconds", Exit.succeed("late"))

      assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
      assert.strictEqual((yield* totalsOf(breaker)).succeeded, 1)
    })
  )

  it.scoped("R3.2.11 E2 a probe that hangs behind an outer timeout reopens the circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* slow({})
      yield* breaker.trip()
      yield* TestClock.adjust("10 seconds")
      const hangs = Effect.timeout(breaker.protect(Effect.never), "6 seconds")

      const probe = yield* Effect.fork(Effect.flip(hangs))
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(probe)

      assert.deepInclude(yield* breaker.state(), { _tag: "Open", openings: 2 })
    })
  )

  it.scoped(
    "R3.2.11 a probe that is interrupted earlier, or Ignored by the classifier, gives its slot back",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({
          tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 }),
          classify: () => Outcome.ignored
        })
        yield* breaker.trip()
        yield* TestClock.adjust("10 seconds")

        const early = yield* startCall(breaker.protect)
        yield* TestClock.adjust("1999 millis")
        yield* early.interrupt
        yield* runFor(breaker, "5 seconds", Exit.fail("unavailable"))

        assert.deepStrictEqual(yield* breaker.state(), {
          _tag: "HalfOpen",
          probing: 0,
          succeeded: 0,
          openings: 1
        })
      })
  )

  for (const [combination, policy, seconds] of [
    ["anyOf takes the shortest time", TripPolicy.anyOf, 2],
    ["allOf takes the longest time", TripPolicy.allOf, 4]
  ] as const) {
    it.scoped(`R3.2.11 several slow-call policies judge a probe, ${combination}`, () =>
      Effect.gen(function* () {
        const after = (slowerThan: Duration.DurationInput) =>
          TripPolicy.slowCallRate({ slowerThan, threshold: 1, calls: 1 })
        const breaker = yield* make({
          tripPolicy: policy(after("2 seconds"), TripPolicy.consecutive(1), after("4 seconds"))
        })
        yield* breaker.trip()
        yield* TestClock.adjust("10 seconds")

        yield* runFor(breaker, Duration.millis(seconds * 1_000), Exit.succeed("late"))
        assert.strictEqual(yield* tagOf(breaker), "Open")
        yield* TestClock.adjust("10 seconds")
        yield* runFor(breaker, Duration.millis(seconds * 1_000 - 1), Exit.succeed("in time"))

        assert.strictEqual(yield* tagOf(breaker), "Closed")
      })
    )
  }
})

describe("R3.2.1 anyOf", () => {
  const either = TripPolicy.anyOf(
    TripPolicy.consecutive(3),
    TripPolicy.failureRate({ threshold: 0.5, calls: 10 })
  )

  it.scoped("R3.2.1 opens when any of its policies does", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(either, "fff"), 3)
      assert.strictEqual(yield* opensAfter(either, "ffsffsfsss"), 10)
      assert.strictEqual(yield* opensAfter(either, "ffsffsssss"), "never")
      assert.strictEqual(yield* opensAfter(TripPolicy.anyOf(TripPolicy.anyOf(either)), "fff"), 3)
    })
  )

  it.scoped("R3.2.1 shows the largest figures of its policies", () =>
    Effect.gen(function* () {
      const breaker = yield* under(either)

      yield* callsUntilOpen(breaker, "ssff")

      assert.deepStrictEqual(yield* windowOf(breaker), { calls: 4, failures: 2, slow: 0 })
    })
  )

  it.scoped("R3.2.1 a slow-call policy among them counts interrupted calls", () =>
    Effect.gen(function* () {
      const breaker = yield* under(
        TripPolicy.anyOf(
          TripPolicy.consecutive(3),
          TripPolicy.slowCallRate({ slowerThan: "1 second", threshold: 1, calls: 1 })
        )
      )
      const call = yield* startCall(breaker.protect)
      yield* TestClock.adjust("1 second")

      yield* call.interrupt

      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )
})

describe("R3.2.1 allOf", () => {
  const both = TripPolicy.allOf(
    TripPolicy.consecutive(3),
    TripPolicy.failureRate({ threshold: 0.5, calls: 10 })
  )

  it.scoped("R3.2.1 opens when all of its policies say so at the same time", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* opensAfter(both, "ffffffffff"), 10)
      assert.strictEqual(yield* opensAfter(both, "ffsffsffsfffff"), 12)
      assert.strictEqual(yield* opensAfter(both, "sssssssfff"), "never")
      assert.strictEqual(yield* opensAfter(TripPolicy.allOf(TripPolicy.consecutive(2)), "ff"), 2)
      const nested = TripPolicy.anyOf(both, TripPolicy.allOf(TripPolicy.consecutive(4), both))
      assert.strictEqual(yield* opensAfter(nested, "ffffffffff"), 10)
    })
  )

  it.scoped("R3.2.1 a call that counts for one of them only can be the one that opens", () =>
    Effect.gen(function* () {
      const policy = TripPolicy.allOf(
        TripPolicy.failureCount({ failures: 2, within: "1 minute" }),
        TripPolicy.failureRate({ threshold: 0.5, calls: 4 })
      )
      assert.strictEqual(yield* opensAfter(policy, "ffss"), 4)
    })
  )

  it.scoped("R3.2.7 a close empties the windows of all of them", () =>
    Effect.gen(function* () {
      const breaker = yield* under(both)
      yield* callsUntilOpen(breaker, "ffffffffff")
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)

      assert.deepStrictEqual(yield* windowOf(breaker), none)
      assert.strictEqual(yield* callsUntilOpen(breaker, "fffffffff"), "never")
    })
  )
})

describe("R3.2.1 a custom policy", () => {
  it.scoped("R3.2.1 receives each success and failure, with its end and its duration", () =>
    Effect.gen(function* () {
      const calls: Array<TripPolicy.Call> = []
      const breaker = yield* under(
        TripPolicy.make({
          initial: 0,
          record: (failures, call) => {
            calls.push(call)
            return call.outcome._tag === "Failure" ? failures + 1 : failures
          },
          trips: (failures) => failures >= 2
        })
      )

      yield* runFor(breaker, "3 seconds", Exit.succeed("late"))
      yield* runFor(breaker, "1 second", Exit.fail("unavailable"))
      yield* Effect.exit(breaker.protect(Effect.interrupt))
      yield* breaker.protectWith(works, { classify: () => Outcome.ignored })
      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.deepStrictEqual(yield* windowOf(breaker), none)
      yield* Effect.flip(
        breaker.protectWith(fails, { classify: () => Outcome.failure({ retryAfter: "20 seconds" }) })
      )

      assert.strictEqual(yield* tagOf(breaker), "Open")
      assert.deepStrictEqual(
        calls.map(({ elapsedMillis, outcome }) => [outcome, elapsedMillis]),
        [
          [Outcome.success, 3_000],
          [Outcome.failure(), 1_000],
          [Outcome.failure({ retryAfter: "20 seconds" }), 0]
        ]
      )
      assert.deepStrictEqual([calls[1]!.at - calls[0]!.at, calls[2]!.at - calls[1]!.at], [1_000, 0])
    })
  )

  it.scoped("R3.2.1 decides at the time of the call, and starts empty after each close", () =>
    Effect.gen(function* () {
      const askedAt: Array<number> = []
      const breaker = yield* under(
        TripPolicy.make<ReadonlyArray<number>>({
          initial: [],
          record: (state, call) => [...state, call.at],
          trips: (state, now) => {
            askedAt.push(now - state.at(-1)!)
            return state.length === 2
          }
        })
      )

      assert.strictEqual(yield* callsUntilOpen(breaker, "ss"), 2)
      yield* TestClock.adjust("10 seconds")
      yield* breaker.protect(works)
      assert.strictEqual(yield* callsUntilOpen(breaker, "ss"), 2)

      assert.deepStrictEqual(askedAt, [0, 0, 0, 0])
    })
  )

  it.scoped("R3.2.1 a policy of one's own decides after each call, also if its state is the same", () =>
    Effect.gen(function* () {
      const failingFor = (millis: number) =>
        TripPolicy.make({
          initial: NaN,
          record: (since: number, { at, outcome }) =>
            outcome._tag === "Success" ? NaN : Number.isNaN(since) ? at : since,
          trips: (since, now) => now - since >= millis
        })
      const policies = {
        alone: failingFor(10_000),
        combined: TripPolicy.allOf(failingFor(10_000), TripPolicy.anyOf(failingFor(5_000)))
      }
      for (const policy of Object.values(policies)) {
        const breaker = yield* under(policy)
        const fail = Effect.exit(breaker.protect(fails))

        yield* fail
        yield* TestClock.adjust("9999 millis")
        yield* fail
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* fail
        assert.strictEqual(yield* tagOf(breaker), "Open")
      }
    })
  )

  for (const [name, policy] of Object.entries({
    record: TripPolicy.make({
      initial: 0,
      record: () => {
        throw new Error("the policy's own fault")
      },
      trips: () => false
    }),
    trips: TripPolicy.make({
      initial: 0,
      record: (calls) => calls + 1,
      trips: () => {
        throw new Error("the policy's own fault")
      }
    })
  })) {
    it.scoped(
      `R3.1.5 a policy whose ${name} throws: exits reach the caller, calls are in the totals, the defect is logged once`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* under(policy)
          const lines = yield* recordLogs

          assert.strictEqual(yield* breaker.protect(works), "worked")
          assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")

          const { state, totals, window } = yield* breaker.snapshot()
          assert.deepStrictEqual([state._tag, window.calls], ["Closed", 0])
          assert.deepStrictEqual(totals, { succeeded: 1, failed: 1, ignored: 0, rejected: 0 })
          assert.strictEqual(lines.length, 1)
          assert.include(Cause.pretty(lines[0]!.cause), "the policy's own fault")
        })
    )
  }
})

describe("R3.2.1 counting", () => {
  it.scoped("R3.2.1 a value may be judged a failure, with itself as the cause", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ classify: () => Outcome.failure() })

      assert.strictEqual(yield* breaker.protect(works), "worked")

      assert.strictEqual(yield* tagOf(breaker), "Open")
      const { lastFailure } = yield* breaker.snapshot()
      assert.deepStrictEqual(
        lastFailure._tag === "Some" ? lastFailure.value.cause : undefined,
        Cause.fail("worked")
      )
    })
  )

  it.scoped("R3.2.1 calls in flight do not count in a rate", () =>
    Effect.gen(function* () {
      const breaker = yield* under(TripPolicy.failureRate({ threshold: 0.5, calls: 2 }))
      const running = yield* Effect.replicateEffect(startCall(breaker.protect), 20)

      assert.deepStrictEqual(yield* windowOf(breaker), none)
      assert.strictEqual(yield* callsUntilOpen(breaker, "ff"), 2)

      yield* Effect.forEach(running, (call) => call.interrupt)
      assert.strictEqual((yield* totalsOf(breaker)).failed, 2)
    })
  )
})
