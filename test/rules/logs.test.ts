import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  fails,
  type LogLine,
  make,
  makeHalfOpen,
  recordLogs,
  rejectionOf,
  runFor,
  settled,
  watch,
  works
} from "../kit/index.ts"

const levelsOf = (lines: ReadonlyArray<LogLine>) => lines.map(({ level }) => level)

describe("R3.4 logs", () => {
  it.scoped(
    "R3.4 one line for each transition: opening Warning, half-open Debug, closing Info, with breaker and key",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ name: "payments" })
        const protect = breaker.protectWith({ key: "eu" })
        const lines = yield* recordLogs

        yield* Effect.flip(protect(fails))
        yield* rejectionOf(protect(works))
        yield* TestClock.adjust("10 seconds")
        yield* breaker.state("eu")
        yield* Effect.repeatN(protect(works), 1)

        assert.deepStrictEqual(levelsOf(lines), ["Warning", "Debug", "Info"])
        for (const { annotations } of lines) {
          assert.deepStrictEqual(annotations, { breaker: "payments", key: "eu" })
        }
      })
  )

  it.scoped("R3.4 an opening is logged with the last failure's cause", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const lines = yield* recordLogs

      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.exit(breaker.protect(Effect.die("a defect")))

      assert.deepStrictEqual(
        lines.flatMap(({ cause, level }) => (level === "Warning" ? [cause] : [])),
        [Cause.fail("unavailable"), Cause.die("a defect")]
      )
    })
  )

  it.scoped(
    "R3.4 R3.1.2 an opening of any finite length has a line and a message, and its call keeps its own error",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({ openDuration: Number.MAX_VALUE })
        const lines = yield* recordLogs

        const exit = yield* Effect.exit(breaker.protect(fails))
        const { message } = yield* rejectionOf(breaker.protect(works))

        assert.deepStrictEqual(exit, Exit.fail("unavailable"))
        assert.deepStrictEqual(
          lines.map(({ message }) => message),
          [`Circuit opened for ${Number.MAX_VALUE}ms (consecutive: 1 failure in a row, opening 1)`]
        )
        assert.include(message, `is open, retry after ${Number.MAX_VALUE}ms`)
      })
  )

  const { anyOf, allOf, consecutive, failureCount, failureRate, slowCallRate } = TripPolicy
  const slow = slowCallRate({ slowerThan: "500 millis", threshold: 1, within: "15 minutes", minimumCalls: 1 })
  const own = TripPolicy.make({ initial: 0, record: (n: number) => n + 1, trips: (n) => n > 0 })

  const figures: ReadonlyArray<readonly [policy: TripPolicy.TripPolicy, calls: string, says: string]> = [
    [consecutive(3), "fff", "consecutive: 3 failures in a row"],
    [failureCount({ failures: 2, within: "1 minute" }), "ff", "failureCount: 2 failures in 60 s"],
    [
      failureCount({ failures: 2, within: Infinity }),
      "fsf",
      "failureCount: 2 failures since the circuit last closed"
    ],
    [
      failureRate({ threshold: 0.6, within: "30 seconds" }),
      "ssssffffff",
      "failureRate: 6 of 10 calls in 30 s"
    ],
    [failureRate({ threshold: 0.5, calls: 4 }), "ssff", "failureRate: 2 of 4 calls"],
    [slow, "w", "slowCallRate: 1 of 1 calls in 15 min took 500 ms or longer"],
    [anyOf(consecutive(9), failureRate({ threshold: 0.5, calls: 2 })), "sf", "failureRate: 1 of 2 calls"],
    [
      allOf(consecutive(2), failureCount({ failures: 2, within: "3 hours" })),
      "ff",
      "consecutive: 2 failures in a row and failureCount: 2 failures in 3 h"
    ],
    [own, "f", "a policy of the program's own"]
  ]

  for (const [tripPolicy, calls, says] of figures) {
    it.scoped(`R3.4 E19 the line of an opening says which policy tripped, and its figures: ${says}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const lines = yield* recordLogs
        for (const call of calls) {
          if (call === "w") yield* runFor(breaker, "500 millis", Exit.succeed("late"))
          else yield* Effect.exit(breaker.protect(call === "f" ? fails : works))
        }

        assert.strictEqual(lines[0]?.message, `Circuit opened for 10s (${says}, opening 1)`)
      })
    )
  }

  it.scoped(
    "R3.4 the line of a reopening says that a probe failed, and that of a trip that it was by hand",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const lines = yield* recordLogs
        yield* Effect.flip(breaker.protect(fails))
        yield* breaker.reset()
        yield* Effect.repeatN(breaker.trip(), 1)

        assert.deepStrictEqual(
          lines.map(({ message }) => message),
          [
            "Circuit half-open: probing",
            "Circuit opened for 10s (a probe failed, opening 2)",
            "Circuit closed",
            "Circuit opened for 10s (tripped by hand, opening 1)",
            "Circuit stays open for another 10s (tripped by hand)"
          ]
        )
      })
  )

  it.scoped("R3.4 a line below the minimum level, or without a logger, is not built", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const lines = yield* recordLogs
      const messages = Effect.zipRight(breaker.trip(), breaker.reset())
      yield* Logger.withMinimumLogLevel(messages, LogLevel.None)
      yield* Logger.withMinimumLogLevel(messages, LogLevel.Warning)
      yield* Effect.locally(messages, FiberRef.currentLoggers, HashSet.empty())

      assert.deepStrictEqual(levelsOf(lines), ["Warning"])
    })
  )

  it.scoped("R3.4 a value that was judged a failure is not logged, because it may be confidential", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ classify: () => Outcome.failure() })
      const lines = yield* recordLogs

      yield* breaker.protect(Effect.succeed({ card: "4111" }))

      assert.deepStrictEqual(
        lines.map(({ cause }) => cause),
        [Cause.empty]
      )
      assert.deepStrictEqual(
        Option.map((yield* breaker.snapshot()).lastFailure, ({ cause }) => cause),
        Option.some(Cause.fail({ card: "4111" }))
      )
    })
  )

  it.scoped(
    "R3.4 one line for every transition, including controls and recoveries, and none for any other call",
    () =>
      Effect.gen(function* () {
        const breaker = yield* make({
          recovery: { duration: "1 minute" },
          tripPolicy: TripPolicy.consecutive(3)
        })
        const lines = yield* recordLogs
        const seen = yield* watch(breaker.transitions)
        yield* breaker.protect(works)
        yield* Effect.flip(breaker.protect(fails))
        yield* Effect.exit(breaker.protect(Effect.interrupt))
        assert.deepStrictEqual(lines, [])

        yield* Effect.repeatN(breaker.trip(), 1)
        yield* TestClock.adjust("10 seconds")
        yield* breaker.protect(works)
        yield* TestClock.adjust("1 minute")
        yield* breaker.protect(works)
        yield* Effect.scoped(Effect.zipRight(breaker.isolate(), breaker.isolate()))
        yield* breaker.reset()
        yield* settled

        assert.strictEqual(seen.length, 8)
        assert.strictEqual(lines.length, seen.length)
        assert.deepStrictEqual(
          lines.flatMap(({ level }, i) => (seen[i]?.to === "Open" ? [level] : [])),
          ["Warning", "Warning"]
        )
      })
  )

  it.scoped("R3.4 carry the annotations of the call that led to them", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })
      const lines = yield* recordLogs

      yield* Effect.annotateLogs(Effect.flip(breaker.protect(fails)), "request", "42")

      assert.deepStrictEqual(lines[0]?.annotations, { breaker: "payments", key: "default", request: "42" })
    })
  )
})
