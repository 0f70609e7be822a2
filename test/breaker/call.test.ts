/** The second step of a call: the effect of its outcome, by the time of the answer and the circuit's state. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { begin } from "../../src/internal/breaker/begin.ts"
import type { Breaker } from "../../src/internal/breaker/breaker.ts"
import type { RunningCall } from "../../src/internal/breaker/call.ts"
import * as Controls from "../../src/internal/breaker/controls.ts"
import type { Step } from "../../src/internal/breaker/coordinator.ts"
import { snapshot } from "../../src/internal/breaker/reading.ts"
import { unsettledCallsOf } from "../../src/internal/breaker/unsettledCalls.ts"
import type { Classify } from "../../src/internal/breaker/classify.ts"
import type * as Machine from "../../src/internal/core/circuit.ts"
import { noSlot } from "../../src/internal/core/circuit.ts"
import { fails, settled, useManualClock, works } from "../kit/index.ts"
import { entryOf, makeBreaker, makeCoordinated, protect, withCaller } from "./fixtures.ts"

const beginCall = (breaker: Breaker, classify: Classify = Outcome.fromExit) =>
  Effect.filterOrDieMessage(
    begin({ breaker, key: undefined, classify }, (call) => Effect.succeed(call)),
    (call) => call !== undefined,
    "there is no call"
  )

const answer = (call: RunningCall, outcome: Outcome.Outcome) =>
  withCaller((caller) => call.answered(outcome, Exit.void, caller))

const settle = (call: RunningCall, outcome: Outcome.Outcome) =>
  withCaller((caller) => call.settle(outcome, Exit.void, caller))

/** Two seconds is slow, two probes close, and two failed ones reopen. */
const makeHalfOpen = (options?: CircuitBreaker.Options) =>
  Effect.gen(function* () {
    const breaker = yield* makeBreaker({
      tripPolicy: TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 10 }),
      halfOpen: { probes: 2, failuresToReopen: 2 },
      ...options
    })
    yield* Controls.trip(breaker, undefined)
    yield* TestClock.adjust("10 seconds")
    return breaker
  })

const halfOpenOf = (breaker: Breaker) =>
  Effect.map(entryOf(breaker), ({ current }) => {
    assert.strictEqual(current._tag, "HalfOpen")
    const { failed, slots, succeeded } = current as Machine.HalfOpen
    return { failed, probing: slots.count, succeeded }
  })

describe("R3.1.8 a probe that continues after its dependency has answered", () => {
  it.effect("R3.1.8 counts as one success, whatever succeeds later", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const call = yield* beginCall(breaker)
      yield* answer(call, Outcome.success)
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 0, probing: 0, succeeded: 1 })
      yield* answer(call, Outcome.success)
      yield* settle(call, Outcome.success)
      yield* settle(call, Outcome.ignored)
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 0, probing: 0, succeeded: 1 })
    })
  )

  it.effect("R3.1.8 can still fail", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const call = yield* beginCall(breaker)
      yield* TestClock.adjust("1999 millis")
      yield* answer(call, Outcome.success)
      yield* settle(call, Outcome.failure())
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 1, probing: 0, succeeded: 1 })
    })
  )

  it.effect("R3.2.11 fails once if the answer was slow", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const call = yield* beginCall(breaker)
      yield* TestClock.adjust("2 seconds")
      yield* answer(call, Outcome.success)
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 1, probing: 0, succeeded: 0 })
      yield* settle(call, Outcome.failure())
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 1, probing: 0, succeeded: 0 })
    })
  )

  for (const outcome of [Outcome.failure(), Outcome.ignored]) {
    it.effect(`R3.1.8 has ended if the answer was no success: ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen()
        const call = yield* beginCall(breaker)
        yield* answer(call, outcome)
        const after = { failed: outcome._tag === "Failure" ? 1 : 0, probing: 0, succeeded: 0 }
        assert.deepStrictEqual(yield* halfOpenOf(breaker), after)
        yield* settle(call, Outcome.failure())
        assert.deepStrictEqual(yield* halfOpenOf(breaker), after)
      })
    )
  }

  it.effect("R3.2.5 has ended if the answer came after its slot was lost", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({
        tripPolicy: TripPolicy.consecutive(1),
        halfOpen: { probes: 2, failuresToReopen: 2, probeTimeout: "1 minute" }
      })
      const call = yield* beginCall(breaker)
      yield* TestClock.adjust("1 minute")
      yield* answer(call, Outcome.success)
      yield* settle(call, Outcome.failure())
      assert.deepInclude(yield* halfOpenOf(breaker), { failed: 0, succeeded: 0 })
    })
  )

  it.effect("R3.2.4 is no longer a probe once it is settled, whatever follows", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const call = yield* beginCall(breaker)
      yield* settle(call, Outcome.ignored)
      yield* answer(call, Outcome.success)
      assert.isUndefined(call.answeredAt)
      assert.deepStrictEqual(yield* halfOpenOf(breaker), { failed: 0, probing: 0, succeeded: 0 })
    })
  )

  it.effect("R3.1.8 ran until its first answer, not until its last", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.slowCallRate({ slowerThan: "2 seconds", threshold: 1, calls: 1 })
      const breaker = yield* makeBreaker({ tripPolicy })
      const call = yield* beginCall(breaker)
      yield* answer(call, Outcome.success)
      yield* TestClock.adjust("5 seconds")
      yield* answer(call, Outcome.success)
      yield* settle(call, Outcome.success)
      assert.deepInclude((yield* snapshot(breaker, "default")).window, { calls: 1, slow: 0 })
    })
  )
})

describe("R3.1.4 an Ignored outcome", () => {
  it.effect("R3.1.4 does not open a circuit, even if its policy would trip now", () =>
    Effect.gen(function* () {
      const tripPolicy = TripPolicy.make({
        initial: 0,
        record: (count: number) => count + 1,
        trips: (_, now) => now >= 0
      })
      const breaker = yield* makeBreaker({ tripPolicy })
      const call = yield* beginCall(breaker, () => Outcome.ignored)
      yield* settle(call, Outcome.ignored)
      assert.strictEqual((yield* entryOf(breaker)).current._tag, "Closed")
      yield* protect(breaker, works)
      assert.strictEqual((yield* entryOf(breaker)).current._tag, "Open")
    })
  )
})

describe("a success under a policy that does not depend on time", () => {
  const tripPolicy = TripPolicy.failureRate({ threshold: 0.5, calls: 4 })

  it.scoped("needs no clock, even if it is classified by the program's own code", () =>
    Effect.gen(function* () {
      const clock = yield* useManualClock
      const breaker = yield* makeBreaker({ tripPolicy })
      const call = yield* beginCall(breaker, () => Outcome.success)
      const { reads } = clock
      yield* settle(call, Outcome.success)
      assert.strictEqual(clock.reads, reads)
      assert.deepInclude((yield* snapshot(breaker, "default")).window, { calls: 1 })
    })
  )

  it.effect("E1 is counted after the unsettled calls of its circuit, which came before it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker({ tripPolicy })
      const entry = yield* entryOf(breaker)
      const countedBefore: Array<number> = []
      unsettledCallsOf(breaker).add({
        call: { generation: entry.current.generation, slot: noSlot, entry },
        settle: () => void countedBefore.push(entry.succeeded)
      })
      yield* protect(breaker, works)
      assert.deepStrictEqual(countedBefore, [0])
      assert.strictEqual(entry.succeeded, 1)
    })
  )

  it.effect("restores its circuit if that was dropped, and restarts its idle time", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker({ tripPolicy, capacity: 1, idleTimeToLive: "1 minute" })
      const gate = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(protect(breaker, Deferred.await(gate), "eu"))
      yield* settled
      yield* entryOf(breaker, "us")
      yield* TestClock.adjust("30 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(fiber)
      const isHeld = withCaller((caller) => breaker.circuits.find("eu", breaker.now(caller)) !== undefined)
      yield* TestClock.adjust("59999 millis")
      assert.isTrue(yield* isHeld)
      yield* TestClock.adjust("1 millis")
      assert.isFalse(yield* isHeld)
    })
  )

  it.effect("is reported to the coordinator if it changes the window, even if the circuit is healthy", () =>
    Effect.gen(function* () {
      const steps: Array<Step> = []
      const breaker = yield* makeCoordinated(
        { isUncertain: false, after: (_, step) => void steps.push(step) },
        { tripPolicy }
      )
      yield* protect(breaker, works)
      assert.deepStrictEqual(
        steps.map(({ _tag }) => _tag),
        ["Settled"]
      )
    })
  )

  it.scoped("R3.3 is only counted while its circuit is Disabled", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker({ tripPolicy })
      yield* Controls.disable(breaker, undefined)
      const { current: before } = yield* entryOf(breaker)
      assert.strictEqual(yield* protect(breaker, works), "worked")
      const { current, totals } = yield* entryOf(breaker)
      assert.strictEqual(current, before)
      assert.strictEqual(totals.succeeded, 1)
    })
  )

  it.effect("opens its circuit if it completes the rate", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker({ tripPolicy })
      for (const call of [fails, fails, works]) yield* Effect.exit(protect(breaker, call))
      assert.strictEqual((yield* entryOf(breaker)).current._tag, "Closed")
      yield* protect(breaker, works)
      assert.strictEqual((yield* entryOf(breaker)).current._tag, "Open")
    })
  )
})
