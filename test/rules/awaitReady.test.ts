import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { inLongRun } from "../kit/runLength.ts"
import {
  type Breaker,
  make,
  makeHalfOpen,
  makeIsolated,
  makeOpen,
  makeRecovering,
  rejectionOf,
  type Running,
  settled,
  startCall,
  tagOf,
  works
} from "../kit/index.ts"

/** Waits in a fiber of its own; gives whether it is still waiting. */
const waiting = (breaker: Breaker, key?: string) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(breaker.awaitReady(key))
    yield* settled
    return Effect.zipRight(
      settled,
      Effect.sync(() => fiber.unsafePoll() === null)
    )
  })

describe("R3.3 awaitReady", () => {
  it.scoped("R3.3 returns at once where a call would be admitted", () =>
    Effect.gen(function* () {
      const closed = yield* make()
      const halfOpen = yield* makeHalfOpen()
      const observing = yield* makeOpen({ mode: "observe" })

      yield* closed.awaitReady()
      yield* closed.awaitReady("never called")
      yield* halfOpen.awaitReady()
      yield* observing.awaitReady()

      assert.deepStrictEqual(yield* closed.circuits, [])
    })
  )

  for (const openDuration of ["10 seconds", "60 days"] as const) {
    it.scoped(`R3.3 waits for the end of an open time of ${openDuration}, to the millisecond`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeOpen({ openDuration })
        const stillWaits = yield* waiting(breaker)
        // No timer is asked for more than it can hold.
        for (const at of yield* TestClock.sleeps()) assert.isAtMost(at, 2 ** 31 - 1)

        yield* TestClock.adjust(Duration.subtract(openDuration, 1))
        assert.isTrue(yield* stillWaits)
        yield* TestClock.adjust(1)

        assert.isFalse(yield* stillWaits)
      })
    )
  }

  it.scoped("R3.3 takes no slot: another caller may be first", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      yield* breaker.awaitReady()
      yield* breaker.awaitReady()

      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  const ends: Record<string, (probe: Running) => Effect.Effect<unknown>> = {
    "gives its slot back": (probe) => probe.interrupt,
    "closes the circuit": (probe) => probe.end(Exit.succeed("well")),
    "loses its slot": () => TestClock.adjust("1 millis"),
    "has failed, and the open time is over": (probe) =>
      Effect.zipRight(probe.end(Exit.fail("unavailable")), TestClock.adjust("10 seconds"))
  }

  for (const [what, end] of Object.entries(ends)) {
    it.scoped(`R3.3 waits until a probe ${what}`, () =>
      Effect.gen(function* () {
        const breaker = yield* makeHalfOpen({ halfOpen: { probeTimeout: "5 seconds" } })
        const probe = yield* startCall(breaker.protect)
        const stillWaits = yield* waiting(breaker)
        yield* TestClock.adjust("4999 millis")
        assert.isTrue(yield* stillWaits)

        yield* end(probe)

        assert.isFalse(yield* stillWaits)
      })
    )
  }

  it.scoped("R3.3 goes on waiting where a probe has failed", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen()
      const probe = yield* startCall(breaker.protect)
      const stillWaits = yield* waiting(breaker)

      yield* probe.end(Exit.fail("unavailable"))

      assert.isTrue(yield* stillWaits)
    })
  )

  it.scoped("R3.3 waits for the last release of an isolation", () =>
    Effect.gen(function* () {
      const breaker = yield* makeIsolated()
      const scope = yield* Scope.make()
      yield* Scope.extend(breaker.isolate(), scope)
      const stillWaits = yield* waiting(breaker)

      yield* TestClock.adjust("100 days")
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* stillWaits)
      yield* breaker.reset()

      assert.isFalse(yield* stillWaits)
    })
  )

  it.scoped("R3.3 a reset ends the wait, a trip prolongs it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const stillWaits = yield* waiting(breaker)
      yield* TestClock.adjust("9 seconds")
      yield* breaker.trip()
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(yield* stillWaits)

      yield* breaker.reset()

      assert.isFalse(yield* stillWaits)
    })
  )

  it.scoped("R3.3 while Recovering waits until the next call would be admitted", () =>
    Effect.gen(function* () {
      const breaker = yield* makeRecovering()
      const stillWaits = yield* waiting(breaker)
      // the first call is due at a share of 1, the second at a half
      assert.isTrue(yield* stillWaits)
      yield* rejectionOf(breaker.protect(works))
      assert.isTrue(yield* stillWaits)

      yield* TestClock.adjust("34 seconds")

      assert.isFalse(yield* stillWaits)
      assert.strictEqual(yield* breaker.protect(works), "worked")
    })
  )

  it.scoped("R3.3 waits for one circuit only", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.trip("eu")
      yield* breaker.trip("us")
      const eu = yield* waiting(breaker, "eu")
      const us = yield* waiting(breaker, "us")

      yield* breaker.reset("eu")

      assert.isFalse(yield* eu)
      assert.isTrue(yield* us)
    })
  )

  it.scoped("R3.3 can be interrupted", () =>
    Effect.gen(function* () {
      const breaker = yield* makeOpen()
      const fiber = yield* Effect.fork(breaker.awaitReady())
      yield* settled

      const exit = yield* Fiber.interrupt(fiber)

      assert.isTrue(Exit.isInterrupted(exit))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.scoped("R3.3 E22 is interrupted when the breaker's scope closes, before it or meanwhile", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const breaker = yield* Scope.extend(make(), scope)
      yield* breaker.isolate()
      const waiters = yield* Effect.replicateEffect(
        Effect.fork(breaker.awaitReady()),
        inLongRun(10_000, 1_000)
      )
      yield* settled

      yield* Scope.close(scope, Exit.void)
      const late = yield* Effect.fork(breaker.awaitReady())

      for (const waiter of [...waiters, late]) {
        assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiter)))
      }
      yield* breaker.awaitReady("another key")
    })
  )

  it.scoped("R3.3 1,000 waiters are woken only by what brings them nearer", () =>
    Effect.gen(function* () {
      const breaker = yield* makeHalfOpen({ halfOpen: { probes: 2 } })
      const probes = yield* Effect.replicateEffect(startCall(breaker.protect), 2)
      const clock = yield* Effect.clock
      let wakeUps = 0
      const waiting = Effect.withClock(breaker.awaitReady(), {
        ...clock,
        [Clock.ClockTypeId]: Clock.ClockTypeId,
        unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => {
          wakeUps++
          return clock.unsafeCurrentTimeNanos()
        },
        sleep: (duration) => clock.sleep(duration)
      })
      const waiters = yield* Effect.replicateEffect(Effect.fork(waiting), 1_000)
      yield* settled
      const asked = wakeUps
      yield* Effect.replicateEffect(Effect.flip(breaker.protect(works)), 100)
      yield* settled
      assert.strictEqual(wakeUps, asked)

      yield* probes[0]!.interrupt

      yield* Effect.forEach(waiters, Fiber.join, { discard: true })
      assert.isAtMost(wakeUps, 2 * asked)
    })
  )

  it.scoped("R3.3 ends where the circuit it waits for had to be dropped", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ capacity: 1 })
      yield* breaker.isolate("eu")
      const stillWaits = yield* waiting(breaker, "eu")

      yield* breaker.trip("us")

      assert.strictEqual(yield* tagOf(breaker, "eu"), "Closed")
      assert.isFalse(yield* stillWaits)
    })
  )
})
