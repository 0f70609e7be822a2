/** A breaker's reports and questions to its coordinator. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, Outcome, TripPolicy } from "effect-circuit-breaker"
import { awaitReady } from "../../src/internal/breaker/awaitReady.ts"
import type { Breaker } from "../../src/internal/breaker/breaker.ts"
import * as Controls from "../../src/internal/breaker/controls.ts"
import type { Coordinator, Step } from "../../src/internal/breaker/coordinator.ts"
import { circuits, snapshot, state } from "../../src/internal/breaker/reading.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import { fails, settled, works } from "../kit/index.ts"
import { entryOf, makeCoordinated, protect } from "./fixtures.ts"

/** A breaker whose reported steps are recorded. */
const makeNoted = (options?: CircuitBreaker.Options, coordinator?: Partial<Coordinator>) =>
  Effect.gen(function* () {
    const steps: Array<Step> = []
    const breaker = yield* makeCoordinated(
      { after: (_, step) => void steps.push(step), ...coordinator },
      options
    )
    return { breaker, steps }
  })

const namesOf = (steps: ReadonlyArray<Step>): ReadonlyArray<string> =>
  steps.map((step) => (step._tag === "Controlled" ? step.control : step._tag))

/** Begins a hold, and returns the effect that ends it. */
const begin = (hold: Effect.Effect<void, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(hold, scope)
    return Scope.close(scope, Exit.void)
  })

const open = { openings: 1, openMillis: 7_000, openedAt: 0 }

describe("a reported step", () => {
  it.effect("is an outcome, with the circuit before it, and the opening that it leads to", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted()
      const entry = yield* entryOf(breaker)
      entry.needsCoordinator = true
      const before = entry.current
      yield* protect(breaker, works)
      yield* Effect.exit(protect(breaker, fails))
      assert.deepStrictEqual(namesOf(steps), ["Settled", "Opened", "Settled"])
      const [success, opened, failure] = steps
      assert.deepInclude(success, { before, slot: 0, outcome: Outcome.success })
      assert.deepInclude(opened, { reason: "Tripped", now: 0 })
      assert.deepInclude(failure, { slot: 0 })
      assert.strictEqual(entry.current._tag, "Open")
    })
  )

  it.effect("is also a success of a healthy circuit, even if it changes nothing", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted(undefined, { isUncertain: false })
      const entry = yield* entryOf(breaker)
      entry.needsCoordinator = false
      yield* protect(breaker, works)
      assert.deepStrictEqual(namesOf(steps), [])
      entry.needsCoordinator = true
      yield* protect(breaker, works)
      assert.deepStrictEqual(namesOf(steps), ["Settled"])
    })
  )

  it.effect("R3.3 is each control that changes the circuit", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted()
      yield* Controls.trip(breaker, undefined)
      yield* Controls.trip(breaker, undefined)
      yield* Controls.reset(breaker, undefined)
      const release = yield* begin(Controls.isolate(breaker, undefined))
      yield* Controls.trip(breaker, undefined)
      yield* release
      const enable = yield* begin(Controls.disable(breaker, undefined))
      yield* enable
      assert.deepStrictEqual(namesOf(steps), [
        "Opened",
        "Trip",
        "Trip",
        "Reset",
        "Isolate",
        "Release",
        "Disable",
        "Enable"
      ])
    })
  )

  it.effect("R3.3 is not the release of an isolation that a reset has ended", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted()
      const release = yield* begin(Controls.isolate(breaker, undefined))
      yield* Controls.reset(breaker, undefined)
      yield* release
      assert.deepStrictEqual(namesOf(steps), ["Isolate", "Reset"])
    })
  )

  it.effect("R3.3 is the end of a disabling that has ended here, but may still be shared", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted()
      const enable = yield* begin(Controls.disable(breaker, "eu"))
      const entry = yield* entryOf(breaker, "eu")
      entry.current = Machine.initial(breaker.settings.rules.policy)
      yield* enable
      assert.deepStrictEqual(namesOf(steps), ["Disable", "Enable"])
    })
  )

  it.effect("R3.3 is not the end of a disabling whose circuit was dropped", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted({ capacity: 1 })
      const enable = yield* begin(Controls.disable(breaker, "eu"))
      yield* entryOf(breaker, "us")
      yield* enable
      assert.deepStrictEqual(namesOf(steps), ["Disable"])
      assert.deepStrictEqual(
        (yield* circuits(breaker)).map(({ key }) => key),
        ["us"]
      )
    })
  )
})

describe("whether a circuit has to open", () => {
  const tripPolicy = TripPolicy.consecutive(3)

  it.effect("depends on the coordinator's counts of all processes", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeNoted({ tripPolicy })
      const failed = (circuit: Machine.Circuit<unknown>) =>
        Machine.settle(
          circuit,
          breaker.settings.rules,
          { generation: circuit.generation, slot: 0 },
          { outcome: Outcome.failure(), interrupted: false, at: 0, elapsedMillis: 0 }
        )
      breaker.coordinator = {
        ...breaker.coordinator!,
        merged: (_, circuit, caller) => ({ circuit: failed(failed(circuit)), at: breaker.now(caller) })
      }
      yield* Effect.exit(protect(breaker, fails))
      assert.deepInclude(yield* state(breaker, "default"), { _tag: "Open" })
    })
  )

  it.effect("is decided later if every outcome is written through", () =>
    Effect.gen(function* () {
      const { breaker, steps } = yield* makeNoted({}, { writesThrough: true })
      yield* Effect.exit(protect(breaker, fails))
      assert.deepStrictEqual(yield* state(breaker, "default"), { _tag: "Closed" })
      assert.deepStrictEqual(namesOf(steps), ["Settled"])
    })
  )
})

describe("R3.4 F10 a reader", () => {
  const read = (breaker: Breaker) => Effect.all([state(breaker, "eu"), snapshot(breaker, "eu")])

  it.effect("R3.4 F10 finds a circuit that only other processes hold, and creates none", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const initial = Machine.initial(TripPolicy.consecutive(1) as never)
      const { breaker } = yield* makeNoted(undefined, {
        peek: (key) =>
          Effect.sync(() => void asked.push(key)).pipe(
            Effect.as({ circuit: Machine.open(initial, 0, open), at: 0 })
          )
      })
      yield* TestClock.adjust("3 seconds")
      const [seen, { lastFailure, totals, window, ...rest }] = yield* read(breaker)
      assert.deepInclude(seen, { _tag: "Open", openings: 1 })
      assert.strictEqual(seen._tag === "Open" && Duration.toMillis(seen.retryAfter), 4_000)
      assert.deepStrictEqual(rest, { breaker: "default", key: "eu", state: seen })
      assert.deepStrictEqual(totals, { succeeded: 0, failed: 0, ignored: 0, rejected: 0 })
      assert.deepInclude(window, { calls: 0, failures: 0, slow: 0 })
      assert.strictEqual(lastFailure._tag, "None")
      assert.deepStrictEqual(asked, ["eu", "eu"])
      assert.deepStrictEqual(yield* circuits(breaker), [])
    })
  )

  it.effect("R3.4 F10 reads the window of a Recovering circuit at the time of the store", () =>
    Effect.gen(function* () {
      const hour = 3_600_000
      const { breaker } = yield* makeNoted({
        tripPolicy: TripPolicy.failureCount({ failures: 5, within: "1 minute" }),
        recovery: { duration: "1 minute" }
      })
      const { policy } = breaker.settings.rules
      const failure = {
        outcome: { _tag: "Failure" },
        interrupted: false,
        at: hour,
        elapsedMillis: 0
      } as const
      const circuit = {
        _tag: "Recovering",
        generation: 3,
        openings: 1,
        openMillis: 7_000,
        startedAt: 0,
        arrivals: 1,
        admitted: 1,
        window: policy.record(policy.initial, failure)
      } as const
      breaker.coordinator = { ...breaker.coordinator!, peek: () => Effect.succeed({ circuit, at: hour }) }

      const { state, window } = yield* snapshot(breaker, "eu")

      assert.deepStrictEqual([state._tag, window.failures], ["Recovering", 1])
    })
  )

  it.effect(
    "R3.4 F10 uses this process's circuit if the store does not answer, as it is after the wait",
    () =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const { breaker } = yield* makeNoted(undefined, {
          peek: () => Effect.as(Deferred.await(gate), undefined)
        })
        const fiber = yield* Effect.fork(state(breaker, "eu"))
        yield* settled
        const entry = yield* entryOf(breaker, "eu")
        entry.current = Machine.open(entry.current, 0, open)
        yield* Deferred.succeed(gate, undefined)
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "Open" })
      })
  )

  it.effect("R3.4 F10 does not ask about a circuit that is held here", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeNoted(undefined, { peek: () => Effect.die("asked") })
      yield* entryOf(breaker, "eu")
      assert.deepStrictEqual(yield* state(breaker, "eu"), { _tag: "Closed" })
    })
  )
})

describe("awaitReady", () => {
  it.effect("waits until the shared state is known, and then for the circuit", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let isKnown = false
      const { breaker } = yield* makeNoted(undefined, {
        ready: () => (isKnown ? undefined : Deferred.await(gate))
      })
      const fiber = yield* Effect.fork(awaitReady(breaker, "eu"))
      yield* settled
      assert.isNull(fiber.unsafePoll())
      const entry = yield* entryOf(breaker, "eu")
      entry.current = Machine.open(entry.current, 0, open)
      isKnown = true
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("6999 millis")
      assert.isNull(fiber.unsafePoll())
      assert.isTrue(breaker.waiters.has("eu"))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(fiber.unsafePoll(), Exit.void)
      assert.isFalse(breaker.waiters.has("eu"))
    })
  )

  it.effect("can be interrupted while it waits for the shared state", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeNoted(undefined, { ready: () => Effect.never })
      const fiber = yield* Effect.fork(awaitReady(breaker, "eu"))
      yield* settled
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    })
  )

  it.effect(
    "waits for the end of an outage in which calls are rejected, or for the circuit, whichever is longer",
    () =>
      Effect.gen(function* () {
        for (const [outageMillis, waits] of [
          [9_000, 9_000],
          [2_000, 7_000]
        ] as const) {
          const { breaker } = yield* makeNoted(undefined, { outageMillis })
          const entry = yield* entryOf(breaker, "eu")
          const openedAt = yield* Effect.withFiberRuntime<number>((caller) =>
            Effect.succeed(breaker.now(caller))
          )
          entry.current = Machine.open(entry.current, 0, { ...open, openedAt })
          const fiber = yield* Effect.fork(awaitReady(breaker, "eu"))
          yield* settled
          breaker.coordinator = { ...breaker.coordinator!, outageMillis: undefined }
          yield* TestClock.adjust(waits - 1)
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(fiber.unsafePoll(), Exit.void)
        }
      })
  )

  it.effect("of a dry run asks no store, and does not wait", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeNoted({ mode: "observe" }, { ready: () => Effect.never })
      const entry = yield* entryOf(breaker, "eu")
      entry.current = Machine.open(entry.current, 0, open)
      yield* awaitReady(breaker, "eu")
    })
  )
})
