import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import { CircuitBreaker, CircuitBreakerLive, Outcome, TripPolicy } from "effect-circuit-breaker"
import {
  type Breaker,
  halfOpen,
  make,
  makeHalfOpen,
  makeOpen,
  recordLogs,
  rejecting,
  rejectionOf,
  tagOf,
  totals,
  totalsOf,
  works
} from "../kit/index.ts"
import { inLongRun } from "../kit/runLength.ts"

// So many take long.
const many = inLongRun(10_000, 1_000)

/** Admits a call in a scope of its own. */
const open = (breaker: Breaker, key?: string) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const { settle } = yield* Scope.extend(breaker.admit(key), scope)
    return { settle, close: (exit: Exit.Exit<unknown, unknown> = Exit.void) => Scope.close(scope, exit) }
  })

describe("R3.1.8 admit", () => {
  for (const [outcome, counts] of [
    [Outcome.success, { succeeded: 1 }],
    [Outcome.failure(), { failed: 1 }],
    [Outcome.ignored, { ignored: 1 }]
  ] as const) {
    it.scoped(`R3.1.8 counts a call by the outcome with which it is settled: ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const breaker = yield* make({ tripPolicy: TripPolicy.consecutive(2) })
        const call = yield* open(breaker)
        assert.deepStrictEqual(yield* totalsOf(breaker), totals({}))

        yield* call.settle(outcome)
        yield* call.close()

        assert.deepStrictEqual(yield* totalsOf(breaker), totals(counts))
      })
    )
  }

  it.scoped("R3.1.8 the first outcome counts", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const call = yield* open(breaker)

      yield* call.settle(Outcome.success)
      yield* call.settle(Outcome.failure())
      yield* call.close()

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ succeeded: 1 }))
    })
  )

  it.scoped("R3.1.8 an outcome after the scope has closed counts nowhere", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const call = yield* open(breaker)

      yield* call.close()
      yield* call.settle(Outcome.failure())

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 1 }))
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  for (const [how, exit] of [
    ["succeeds", Exit.void],
    ["fails", Exit.fail("the program's own")],
    ["is interrupted", Exit.interrupt(FiberId.none)]
  ] as const) {
    it.scoped(`R3.1.8 R3.2.4 a scope that ${how} without a verdict gives the probe's slot back`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const probe = yield* open(breaker)
        yield* rejectionOf(breaker.protect(works))

        yield* probe.close(exit)

        assert.deepStrictEqual(yield* breaker.state(), halfOpen())
        assert.strictEqual((yield* totalsOf(breaker)).ignored, 1)
      })
    )
  }

  it.scoped("R3.1.8 a probe that is settled with a success closes the circuit at once", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const probe = yield* open(breaker)

      yield* probe.settle(Outcome.success)

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      yield* probe.close()
      assert.strictEqual((yield* totalsOf(breaker)).ignored, 0)
    })
  )

  for (const [state, breakerThatRejects] of Object.entries(rejecting)) {
    it.scoped(`R3.1.1 is rejected like a call, ${state}`, () =>
      Effect.gen(function* () {
        const breaker = yield* breakerThatRejects()
        const before = yield* totalsOf(breaker)

        const error = yield* rejectionOf(Effect.scoped(breaker.admit()))

        assert.strictEqual(error.state, state)
        assert.deepStrictEqual(yield* totalsOf(breaker), { ...before, rejected: before.rejected + 1 })
      })
    )
  }

  it.scoped("R3.5 a value that is no outcome is a defect that names it, and the call is Ignored", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      const call = yield* open(breaker)

      const exit = yield* Effect.exit(call.settle("done" as never))
      yield* call.close()

      assert.match(
        Exit.match(exit, { onFailure: Cause.pretty, onSuccess: String }),
        /Admission\.settle.*Outcome.*done/s
      )
      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ ignored: 1 }))
    })
  )

  it.scoped("R3.4 a failure that its owner has settled has no cause", () =>
    Effect.gen(function* () {
      const logs = yield* recordLogs
      const breaker = yield* make()
      const call = yield* open(breaker)

      yield* call.settle(Outcome.failure())

      const { lastFailure } = yield* breaker.snapshot()
      assert.strictEqual(String(lastFailure).includes("Empty"), true)
      assert.match(
        logs[0]!.message,
        /^Circuit opened for 10s \(consecutive: 1 failure in a row, opening 1\)$/
      )
    })
  )

  it.scoped("R3.1.8 mode observe: a call that would have been rejected is admitted, and counts nowhere", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen({ mode: "observe" })
      const call = yield* open(breaker)

      yield* call.settle(Outcome.failure())
      yield* call.close()

      assert.deepStrictEqual(yield* totalsOf(breaker), totals({ failed: 1, rejected: 1 }))
    })
  )

  it.effect("R3.1.8 through the tag", () =>
    Effect.gen(function* () {
      const { settle } = yield* CircuitBreaker.admit("eu")
      yield* settle(Outcome.success)

      assert.strictEqual((yield* CircuitBreaker.snapshot("eu")).totals.succeeded, 1)
    }).pipe(Effect.scoped, Effect.provide(CircuitBreakerLive))
  )

  it.scoped(`R3.1.8 ${many} admissions at once are all settled`, () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: many } })
      const calls = yield* Effect.replicateEffect(open(breaker), many)
      assert.deepInclude(yield* breaker.state(), { probing: many })
      yield* rejectionOf(breaker.protect(works))

      yield* Effect.forEach(calls, (call) => Effect.zipRight(call.settle(Outcome.success), call.close()), {
        discard: true
      })

      assert.strictEqual(yield* tagOf(breaker), "Closed")
      assert.strictEqual((yield* totalsOf(breaker)).succeeded, many)
    })
  )
})
