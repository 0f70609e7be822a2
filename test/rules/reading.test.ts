import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/TestClock"
import { CircuitBreakerRegistry, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  emptyWindow,
  fails,
  leavesAsItWas,
  make,
  makeHalfOpen,
  makeOpen,
  makeRecovering,
  rejecting,
  rejectionOf,
  startCall,
  tagOf,
  totals,
  totalsOf,
  transitionsOf,
  works
} from "../kit/index.ts"

describe("R3.4 reading", () => {
  const readAll = (breaker: Breaker) =>
    Effect.all(
      [
        breaker.state(),
        breaker.snapshot(),
        breaker.state("never called"),
        breaker.snapshot("never called"),
        breaker.circuits,
        CircuitBreakerRegistry.breakers,
        CircuitBreakerRegistry.get(breaker.name)
      ],
      { discard: true }
    ).pipe(Effect.repeatN(9))

  for (const [state, breakerIn] of Object.entries({
    Closed: make(),
    Open: makeOpen(),
    HalfOpen: makeHalfOpen(),
    "HalfOpen with a probe": Effect.tap(makeHalfOpen(), (breaker) => startCall(breaker.protect)),
    Recovering: makeRecovering(),
    "Recovering and over": Effect.zipLeft(makeRecovering(), TestClock.adjust("100 seconds")),
    Isolated: rejecting.Isolated()
  })) {
    it.scoped(`R3.4 never moves a circuit that is ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerIn

        yield* leavesAsItWas(breaker, readAll(breaker))
      })
    )
  }

  it.scoped("R3.4 takes no probe's slot (resilience4j#858, Hystrix#1541)", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()

      yield* Effect.zipRight(readAll(breaker), breaker.awaitReady())

      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.4 a key that was never called reads as Closed and empty, and creates no circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ name: "payments" })

      assert.deepStrictEqual(yield* breaker.state("eu"), { _tag: "Closed" })
      assert.deepStrictEqual(yield* breaker.snapshot("eu"), {
        breaker: "payments",
        key: "eu",
        state: { _tag: "Closed" },
        window: emptyWindow,
        totals: totals({}),
        lastFailure: Option.none()
      })
      assert.deepStrictEqual(yield* breaker.circuits, [])
    })
  )

  it.scoped("R3.4 shows window, totals and the last failure", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000)
      const breaker = yield* make({ tripPolicy: TripPolicy.failureRate({ threshold: 1, calls: 10 }) })
      yield* Effect.flip(breaker.protect(fails))
      yield* TestClock.adjust("1 second")
      yield* Effect.exit(breaker.protect(Effect.die("a defect")))
      yield* breaker.protect(works)
      yield* Effect.exit(breaker.protect(Effect.interrupt))
      yield* breaker.trip()
      yield* rejectionOf(breaker.protect(works))
      assert.deepStrictEqual((yield* breaker.snapshot()).window, emptyWindow)
      yield* breaker.reset()
      yield* breaker.protect(works)

      const closed = yield* breaker.snapshot()

      assert.deepStrictEqual(closed.window, { calls: 1, failures: 0, slow: 0 })
      assert.deepStrictEqual(closed.totals, totals({ succeeded: 2, failed: 2, ignored: 1, rejected: 1 }))
      assert.deepStrictEqual(
        closed.lastFailure,
        Option.some({ at: 1_700_000_001_000, cause: Cause.die("a defect") })
      )
    })
  )
})

describe("mode observe", () => {
  for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
    it.scoped(
      `mode: a call that would have been rejected runs, and is counted in rejected only, ${state}`,
      () =>
        Effect.gen(function* () {
          const breaker = yield* breakerThatRejects({ mode: "observe" })
          const before = yield* breaker.snapshot()

          assert.strictEqual(yield* breaker.protect(works), "worked")
          assert.strictEqual(yield* Effect.flip(breaker.protect(fails)), "unavailable")

          const rejected = before.totals.rejected + 2
          assert.deepStrictEqual(yield* breaker.snapshot(), {
            ...before,
            totals: { ...before.totals, rejected }
          })
        })
    )
  }

  it.scoped("mode: everything else is as when it enforces: it opens, probes and closes", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ mode: "observe" })

      const transitions = yield* transitionsOf(
        breaker,
        Effect.gen(function* () {
          yield* Effect.flip(breaker.protect(fails))
          assert.deepStrictEqual(yield* breaker.state(), {
            _tag: "Open",
            retryAfter: Duration.seconds(10),
            openings: 1
          })
          yield* TestClock.adjust("10 seconds")
          yield* breaker.protect(works)
        })
      )

      assert.deepStrictEqual(transitions, ["Closed > Open", "Open > HalfOpen", "HalfOpen > Closed"])
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1, failed: 1 }))
    })
  )
})

describe("R3.4 what a reader or an observer gets", () => {
  /** Changes every number and tag of a value that it can, as a consumer written in JavaScript might. */
  const spoil = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    for (const [key, own] of Object.entries(value)) {
      if (typeof own === "object") spoil(own)
      else Reflect.set(value, key, "spoilt")
    }
  }

  for (const [what, making, tag] of [
    ["Closed", make(), "Closed"],
    ["Open", Effect.tap(make(), (breaker) => breaker.trip()), "Open"],
    ["Isolated", Effect.tap(make(), (breaker) => breaker.isolate()), "Isolated"],
    ["Disabled", Effect.tap(make(), (breaker) => breaker.disable()), "Disabled"]
  ] as const) {
    it.scoped(`R3.4 a consumer that changes it changes it for nobody else: ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* making
        const before = JSON.stringify([yield* breaker.snapshot(), yield* breaker.state("never called")])

        spoil([yield* breaker.state(), yield* breaker.snapshot(), yield* breaker.circuits])
        spoil(yield* breaker.snapshot("never called"))

        assert.strictEqual(
          JSON.stringify([yield* breaker.snapshot(), yield* breaker.state("never called")]),
          before
        )
        assert.strictEqual(yield* tagOf(breaker), tag)
      })
    )
  }

  it.scoped("R3.4 an observer that changes a transition changes it for no other observer", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const [first, second] = yield* Effect.all([breaker.subscribe, breaker.subscribe])
      yield* breaker.trip()

      spoil(yield* Queue.take(first))

      assert.deepInclude(yield* Queue.take(second), { from: "Closed", to: "Open", generation: 1 })
    })
  )

  it("R3.4 outcomes cannot be changed", () => {
    for (const outcome of [Outcome.success, Outcome.ignored, Outcome.failure()]) spoil(outcome)

    assert.deepStrictEqual(
      [Outcome.success, Outcome.ignored, Outcome.failure()],
      [{ _tag: "Success" }, { _tag: "Ignored" }, { _tag: "Failure" }]
    )
  })
})
