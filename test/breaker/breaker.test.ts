/** The shell around the machine: its clock, the waiters that a change wakes, and its reports. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import * as Controls from "../../src/internal/breaker/controls.ts"
import { unsettledCallsOf } from "../../src/internal/breaker/unsettledCalls.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import { recordLogs } from "../kit/index.ts"
import { entryOf, makeBreaker, withCaller } from "./fixtures.ts"

describe("a breaker", () => {
  it.effect("R3.2.2 counts time from its own creation", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 minute")
      const breaker = yield* makeBreaker()
      assert.strictEqual(yield* withCaller(breaker.now), 0)
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(yield* withCaller(breaker.now), 1_500)
    })
  )

  it.effect("makes circuits that need no coordinator, unless it shares them", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker()
      assert.isFalse((yield* entryOf(breaker)).needsCoordinator)
      assert.isFalse((yield* entryOf(breaker, "eu")).needsCoordinator)
    })
  )

  it.effect("leaves a dropped circuit dropped if its value does not change", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker({ capacity: 1 })
      const eu = yield* entryOf(breaker, "eu")
      const us = yield* entryOf(breaker, "us")
      assert.isUndefined(breaker.replace(eu, eu.current, 0))
      assert.isFalse(breaker.circuits.holds(eu))
      assert.isTrue(breaker.circuits.holds(us))
    })
  )

  it.effect("R3.4 gives the figures of the policy that trips a circuit, also a recovering one", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.failureCount({ failures: 1, within: "1 minute" })
      const breaker = yield* makeBreaker({ tripPolicy, recovery: { duration: "10 seconds" } })
      const { current } = yield* entryOf(breaker)
      const failed = Machine.settle(
        current,
        breaker.settings.rules,
        { generation: current.generation, slot: 0 },
        { outcome: { _tag: "Failure" }, interrupted: false, at: 0, elapsedMillis: 0 }
      )
      assert.isTrue(failed._tag === "Closed")
      const { window } = failed as Machine.Closed<unknown>
      const recovering: Machine.Circuit<unknown> = {
        _tag: "Recovering",
        generation: 0,
        openings: 1,
        openMillis: 10,
        startedAt: 0,
        arrivals: 1,
        admitted: 1,
        window
      }
      for (const circuit of [failed, recovering])
        assert.deepStrictEqual(breaker.tripOf(circuit, 0), {
          reason: "Tripped",
          figures: breaker.policy.describe(window, 0)
        })
    })
  )
})

describe("a waiter", () => {
  it.effect("is woken by a change that brings its circuit nearer to admitting a call, and by no other", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker()
      yield* Controls.trip(breaker, "eu")
      const signal = breaker.waiters.add("eu", FiberId.none)
      yield* TestClock.adjust("1 second")
      yield* Controls.trip(breaker, "eu")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Controls.isolate(breaker, "eu")
          yield* Controls.isolate(breaker, "eu")
          assert.isFalse(yield* Deferred.isDone(signal))
        })
      )
      assert.isTrue(yield* Deferred.isDone(signal))
      breaker.waiters.forget("eu", signal)
    })
  )
})

describe("R3.1.5 code that throws while unsettled calls are settled", () => {
  it.scoped("R3.1.5 is logged once, with the breaker and the key", () =>
    Effect.gen(function* () {
      const lines = yield* recordLogs
      const breaker = yield* makeBreaker({ name: "payments" })
      const entry = yield* entryOf(breaker, "eu")
      for (const _ of [1, 2])
        unsettledCallsOf(breaker).add({
          call: { generation: 0, slot: 0, entry },
          settle: () => {
            throw new Error("broken")
          }
        })
      unsettledCallsOf(breaker).settleAll(entry)
      assert.strictEqual(lines.length, 1)
      assert.include(Object.values(lines[0]!.annotations), "payments")
      assert.include(Object.values(lines[0]!.annotations), "eu")
    })
  )
})
