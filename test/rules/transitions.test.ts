import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import {
  emptyWindow,
  fails,
  make,
  settled,
  startCall,
  tagOf,
  transitionsOf,
  watch,
  windowOf,
  works
} from "../kit/index.ts"
import { everyWay } from "../kit/ports.ts"
import { playAll } from "../kit/script.ts"

describe("R3.2.1 Closed to Open", () => {
  playAll(everyWay, {}, [
    [
      "R3.2.1 when the policy says so: by default on the fifth failure in a row, for 30 seconds",
      "4f =Closed f ~30 /1"
    ]
  ])

  for (const [name, openDuration, again] of [
    ["a duration", "10 seconds", 10],
    ["a schedule", Schedule.exponential("10 seconds"), 20]
  ] as const) {
    it.scoped(
      `R3.2.1 once: 50 concurrent failures are one transition and one backoff step, as are those of probes, ${name} (Polly#223, rezilience)`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* make({ openDuration, halfOpen: { probes: 50 } })
          for (const [path, state] of [
            ["Closed > Open", { _tag: "Open", retryAfter: Duration.seconds(10), openings: 1 }],
            ["HalfOpen > Open", { _tag: "Open", retryAfter: Duration.seconds(again), openings: 2 }]
          ] as const) {
            const calls = yield* Effect.replicateEffect(startCall(breaker.protect), 50)

            const transitions = yield* transitionsOf(
              breaker,
              Effect.forEach(calls, (call) => call.end(Exit.fail("unavailable")), {
                concurrency: "unbounded"
              })
            )

            assert.deepStrictEqual(transitions, [path])
            assert.deepStrictEqual(yield* breaker.state(), state)
            yield* TestClock.adjust("10 seconds")
          }
        })
    )
  }

  it.scoped("R3.2.1 is published with all its properties", () =>
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

  it.scoped("R3.2.1 has its reason: the policy, a failed probe or a control", () =>
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
    it.scoped(`R3.2.10 drops every expired bucket at once, ${name} (cockatiel#64)`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy })
        const slowFailure = Effect.gen(function* () {
          const call = yield* startCall(breaker.protect)
          yield* TestClock.adjust("1 second")
          yield* call.end(Exit.fail("unavailable"))
        })
        for (const gap of ["10 seconds", "10001 millis", "19999 millis", "365 days"] as const) {
          yield* Effect.repeatN(slowFailure, 3)
          assert.strictEqual((yield* windowOf(breaker)).calls, 4)

          yield* TestClock.adjust(gap)

          assert.deepStrictEqual(yield* windowOf(breaker), emptyWindow, gap)
          assert.strictEqual(yield* tagOf(breaker), "Closed")
        }
      })
    )
  }

  it.scoped("R3.2.10 shorter than the window drops the expired buckets and no other", () =>
    Effect.gen(function* () {
      const breaker = yield* make({
        tripPolicy: TripPolicy.failureRate({ threshold: 1, within: "60 seconds", minimumCalls: 1_000 })
      })
      for (let second = 0; second < 60; second += 6) {
        yield* TestClock.setTime(second * 1_000)
        yield* Effect.flip(breaker.protect(fails))
      }
      for (const [second, failures] of [
        [54, 10],
        [90, 4],
        [108, 1],
        [114, 0]
      ] as const) {
        yield* TestClock.setTime(second * 1_000)
        assert.strictEqual((yield* windowOf(breaker)).failures, failures)
      }
    })
  )

  playAll(everyWay, { tripPolicy: TripPolicy.consecutive(1) }, [
    [
      "R3.2.10 of any length leaves an open circuit half-open, with one probe to give",
      "f +31536000 =HalfOpen ( -"
    ]
  ])
})
