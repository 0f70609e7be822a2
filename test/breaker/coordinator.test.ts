/** A call with a coordinator: what it waits for, and what it decides again after the wait. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { type CircuitBreaker, CircuitOpenError } from "effect-circuit-breaker"
import type { Breaker } from "../../src/internal/breaker/breaker.ts"
import * as Controls from "../../src/internal/breaker/controls.ts"
import type { SlotRequest } from "../../src/internal/fleet/admission.ts"
import type { Decision } from "../../src/internal/core/admission.ts"
import * as Admission from "../../src/internal/core/admission.ts"
import * as Machine from "../../src/internal/core/circuit.ts"
import { counted, fails, settled, works } from "../kit/index.ts"
import { entryOf, makeCoordinated, protect } from "./fixtures.ts"

/** A coordinator whose slots are decided by the test. */
const makeSlots = Effect.map(Deferred.make<Decision | undefined>(), (decision) => {
  const slots = {
    decision,
    asked: 0,
    abandoned: 0,
    requestSlot: (): SlotRequest => {
      slots.asked++
      return {
        decision: Deferred.await(decision),
        abandon: () => {
          slots.abandoned++
        }
      }
    }
  }
  return slots
})

/** A circuit whose open time has passed; from then on its coordinator decides about slots. */
const makeHalfOpen = Effect.gen(function* () {
  const slots = yield* makeSlots
  const breaker = yield* makeCoordinated({
    requestSlot: (entry) => (entry.current._tag === "Closed" ? undefined : slots.requestSlot())
  })
  yield* Effect.exit(protect(breaker, fails))
  yield* TestClock.adjust("10 seconds")
  return { breaker, slots }
})

/** The decision to admit the call, after the slot was taken in the circuit, as a coordinator does. */
const take = (breaker: Breaker): Effect.Effect<Decision> =>
  Effect.map(entryOf(breaker), (entry) => {
    const [decision, next] = Admission.admit(entry.current, breaker.settings.rules, 10_000)
    entry.current = next
    return decision
  })

const stateOf = (breaker: Breaker) => Effect.map(entryOf(breaker), ({ current }) => current._tag)

const rejectionOf = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.filterOrDieMessage(
    Effect.flip(call),
    (error) => error instanceof CircuitOpenError,
    "the call was not rejected"
  )

describe("R3.1.7 a slot that other processes have to grant", () => {
  it.effect("R3.1.7 runs the call when it is granted, and is given back by its outcome", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      const call = counted(works)
      const fiber = yield* Effect.fork(protect(breaker, call.effect))
      yield* settled
      assert.strictEqual(call.runs, 0)
      yield* Deferred.succeed(slots.decision, yield* take(breaker))
      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.strictEqual(yield* stateOf(breaker), "Closed")
      assert.deepInclude(slots, { asked: 1, abandoned: 0 })
    })
  )

  it.effect("R3.1.7 rejects the call for as long as the decision says", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      yield* Deferred.succeed(slots.decision, { _tag: "Rejected", retryAfterMillis: 1_500 })
      const error = yield* rejectionOf(protect(breaker, works))
      assert.strictEqual(Duration.toMillis(error.retryAfter), 1_500)
      assert.strictEqual(slots.abandoned, 1)
    })
  )

  const admitting = {
    closed: (breaker: Breaker) => Controls.reset(breaker, undefined),
    "been disabled": (breaker: Breaker) => Controls.disable(breaker, undefined)
  }

  for (const [change, by] of Object.entries(admitting)) {
    it.scoped(`R3.1.7 is no longer needed if the circuit has ${change} during the wait`, () =>
      Effect.gen(function* () {
        const { breaker, slots } = yield* makeHalfOpen
        const fiber = yield* Effect.fork(protect(breaker, works))
        yield* settled
        yield* by(breaker)
        yield* Deferred.succeed(slots.decision, { _tag: "Rejected", retryAfterMillis: 1_500 })
        assert.strictEqual(yield* Fiber.join(fiber), "worked")
        assert.deepInclude((yield* entryOf(breaker)).totals, { succeeded: 1, rejected: 0 })
      })
    )
  }

  it.effect("R3.1.7 is decided by this process if the breaker's scope closes first", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      const fiber = yield* Effect.fork(protect(breaker, works))
      yield* settled
      breaker.coordinator = undefined
      yield* Deferred.succeed(slots.decision, undefined)
      assert.strictEqual(yield* Fiber.join(fiber), "worked")
    })
  )

  it.effect("R3.1.7 that was granted for an earlier opening is given back, and the call decides again", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      const fiber = yield* Effect.fork(protect(breaker, works))
      yield* settled
      const granted = yield* take(breaker)
      yield* Controls.reset(breaker, undefined)
      yield* Deferred.succeed(slots.decision, granted)
      assert.strictEqual(yield* Fiber.join(fiber), "worked")
      assert.strictEqual(slots.abandoned, 1)
      assert.deepInclude((yield* entryOf(breaker)).totals, { succeeded: 1, rejected: 0 })
    })
  )

  it.effect(
    "R3.1.7 that was granted before the circuit opened again is given back, and the call is rejected",
    () =>
      Effect.gen(function* () {
        const { breaker, slots } = yield* makeHalfOpen
        const call = counted(works)
        const fiber = yield* Effect.fork(protect(breaker, call.effect))
        yield* settled
        const granted = yield* take(breaker)
        yield* Controls.trip(breaker, undefined)
        yield* Deferred.succeed(slots.decision, granted)
        const error = yield* rejectionOf(Fiber.join(fiber))
        assert.strictEqual(error.state, "Open")
        assert.strictEqual(Duration.toSeconds(error.retryAfter), 10)
        assert.deepInclude(slots, { asked: 1, abandoned: 1 })
        assert.strictEqual(call.runs, 0)
      })
  )

  it.effect(
    "R3.1.7 of an opening is no slot of the next one: the call is rejected, and takes none here",
    () =>
      Effect.gen(function* () {
        const { breaker, slots } = yield* makeHalfOpen
        const call = counted(works)
        const fiber = yield* Effect.fork(protect(breaker, call.effect))
        yield* settled
        const granted = yield* take(breaker)
        yield* Controls.trip(breaker, undefined)
        yield* TestClock.adjust("10 seconds")
        yield* Deferred.succeed(slots.decision, granted)
        const error = yield* rejectionOf(Fiber.join(fiber))
        assert.strictEqual(Duration.toMillis(error.retryAfter), 0)
        assert.strictEqual(call.runs, 0)
        assert.strictEqual((yield* entryOf(breaker)).totals.rejected, 1)
      })
  )

  it.effect("R3.1.7 is decided by this process if the store could not be asked", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      yield* Deferred.succeed(slots.decision, undefined)
      assert.strictEqual(yield* protect(breaker, works), "worked")
      assert.strictEqual(yield* stateOf(breaker), "Closed")
    })
  )

  it.effect("R3.2.4 is given back if its call is interrupted meanwhile", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      const call = counted(works)
      const fiber = yield* Effect.fork(protect(breaker, call.effect))
      yield* settled
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepInclude(slots, { asked: 1, abandoned: 1 })
      assert.strictEqual(call.runs, 0)
    })
  )

  it.effect("R3.1.2 passes on a defect of the coordinator, and gives the slot back", () =>
    Effect.gen(function* () {
      const { breaker, slots } = yield* makeHalfOpen
      yield* Deferred.die(slots.decision, "broken")
      assert.deepStrictEqual(yield* Effect.exit(protect(breaker, works)), Exit.die("broken"))
      assert.strictEqual(slots.abandoned, 1)
    })
  )
})

describe("R3.1.7 a circuit whose shared state is not known yet", () => {
  /** A breaker whose calls wait for the gate first. */
  const makeGated = (options?: CircuitBreaker.Options) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let isKnown = false
      const breaker = yield* makeCoordinated(
        { ready: () => (isKnown ? undefined : Deferred.await(gate)) },
        options
      )
      const open = Effect.suspend(() => {
        isKnown = true
        return Deferred.succeed(gate, undefined)
      })
      return { breaker, open }
    })

  it.effect("R3.1.7 makes the call wait before it decides", () =>
    Effect.gen(function* () {
      const { breaker, open } = yield* makeGated()
      const call = counted(works)
      const fiber = yield* Effect.fork(protect(breaker, call.effect))
      yield* settled
      assert.strictEqual(call.runs, 0)
      const entry = yield* entryOf(breaker)
      const { generation } = entry.current
      entry.current = Machine.open(entry.current, generation, { openings: 1, openMillis: 7_000, openedAt: 0 })
      yield* open
      const error = yield* rejectionOf(Fiber.join(fiber))
      assert.strictEqual(Duration.toMillis(error.retryAfter), 7_000)
      assert.strictEqual(call.runs, 0)
    })
  )

  it.effect("R3.1.7 can be interrupted while it waits, and then runs nothing", () =>
    Effect.gen(function* () {
      const { breaker } = yield* makeGated()
      const call = counted(works)
      const fiber = yield* Effect.fork(protect(breaker, call.effect))
      yield* settled
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      assert.strictEqual(call.runs, 0)
    })
  )

  it.effect("R3.1.7 is looked up again after the wait, because it may have been dropped", () =>
    Effect.gen(function* () {
      const { breaker, open } = yield* makeGated({ capacity: 1 })
      const fiber = yield* Effect.fork(protect(breaker, works, "eu"))
      yield* settled
      const before = yield* entryOf(breaker, "eu")
      yield* entryOf(breaker, "us")
      yield* open
      yield* Fiber.join(fiber)
      assert.strictEqual(before.totals.succeeded, 0)
      assert.strictEqual((yield* entryOf(breaker, "eu")).totals.succeeded, 1)
    })
  )

  it.effect("R3.3 makes a control wait before it decides", () =>
    Effect.gen(function* () {
      const { breaker, open } = yield* makeGated()
      const fiber = yield* Effect.fork(Controls.trip(breaker, undefined))
      yield* settled
      assert.strictEqual(yield* stateOf(breaker), "Closed")
      yield* open
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* stateOf(breaker), "Open")
    })
  )

  it.effect("R3.1.7 lets a call wait once, even if it could wait again", () =>
    Effect.gen(function* () {
      let waits = 0
      const breaker = yield* makeCoordinated({
        ready: () => (++waits > 1 ? Effect.dieMessage("it waits again") : Effect.void)
      })
      assert.strictEqual(yield* protect(breaker, works), "worked")
      assert.strictEqual(waits, 1)
    })
  )
})

describe("a healthy circuit", () => {
  it.effect("asks its coordinator nothing while that receives notifications", () =>
    Effect.gen(function* () {
      let asked = 0
      const breaker = yield* makeCoordinated({
        isUncertain: false,
        outageMillis: 1_000,
        ready: () => {
          asked++
          return undefined
        }
      })
      const entry = yield* entryOf(breaker)
      assert.strictEqual(yield* protect(breaker, works), "worked")
      assert.strictEqual(asked, 0)
      entry.needsCoordinator = true
      yield* rejectionOf(protect(breaker, works))
      assert.strictEqual(asked, 1)
    })
  )
})

describe("an outage in which calls are rejected", () => {
  it.effect("rejects a call of a Closed circuit until the store is tried again", () =>
    Effect.gen(function* () {
      const breaker = yield* makeCoordinated({ outageMillis: 2_500 })
      const call = counted(works)
      const error = yield* rejectionOf(protect(breaker, call.effect))
      assert.strictEqual(error.state, "Open")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 2_500)
      assert.strictEqual(call.runs, 0)
      assert.strictEqual((yield* entryOf(breaker)).totals.rejected, 1)
    })
  )

  it.effect("rejects a call that has requested a slot when the outage begins", () =>
    Effect.gen(function* () {
      const slots = yield* makeSlots
      const breaker = yield* makeCoordinated({ requestSlot: slots.requestSlot })
      yield* Controls.trip(breaker, undefined)
      yield* TestClock.adjust("10 seconds")
      const fiber = yield* Effect.fork(protect(breaker, works))
      yield* settled
      breaker.coordinator = { ...breaker.coordinator!, outageMillis: 2_500 }
      yield* Deferred.succeed(slots.decision, undefined)
      const error = yield* rejectionOf(Fiber.join(fiber))
      assert.strictEqual(error.state, "Open")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 2_500)
    })
  )

  it.effect("rejects a call whose breaker closes while it waits, without a waiting time", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const breaker = yield* makeCoordinated({
        outageMillis: 2_500,
        ready: () => Deferred.await(gate)
      })
      const fiber = yield* Effect.fork(protect(breaker, works))
      yield* settled
      breaker.coordinator = undefined
      yield* Deferred.succeed(gate, undefined)
      const error = yield* rejectionOf(Fiber.join(fiber))
      assert.strictEqual(Duration.toMillis(error.retryAfter), 0)
    })
  )

  it.effect("runs a call of a dry run, and counts it as rejected only", () =>
    Effect.gen(function* () {
      const breaker = yield* makeCoordinated({ outageMillis: 2_500 }, { mode: "observe" })
      assert.strictEqual(yield* protect(breaker, works), "worked")
      assert.deepStrictEqual((yield* entryOf(breaker)).totals, {
        succeeded: 0,
        failed: 0,
        ignored: 0,
        rejected: 1
      })
    })
  )
})

describe("an outcome that is written to the store before its call returns", () => {
  for (const [name, effect, exit] of [
    ["success", works, Exit.succeed("worked")],
    ["failure", fails, Exit.fail("unavailable")]
  ] as const) {
    it.effect(`R3.1.2 delays a ${name}, and leaves it unchanged`, () =>
      Effect.gen(function* () {
        const written = yield* Deferred.make<void>()
        const breaker = yield* makeCoordinated({ writesThrough: true, after: () => Deferred.await(written) })
        const fiber = yield* Effect.fork(Effect.exit(protect(breaker, effect)))
        yield* settled
        assert.isNull(fiber.unsafePoll())
        yield* Deferred.succeed(written, undefined)
        assert.deepStrictEqual(yield* Fiber.join(fiber), exit)
      })
    )
  }

  it.effect("R3.3 delays a control", () =>
    Effect.gen(function* () {
      const written = yield* Deferred.make<void>()
      const breaker = yield* makeCoordinated({ after: () => Deferred.await(written) })
      const fiber = yield* Effect.fork(Controls.trip(breaker, undefined))
      yield* settled
      assert.isNull(fiber.unsafePoll())
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(fiber)
    })
  )
})
