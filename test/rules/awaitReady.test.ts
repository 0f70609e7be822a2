import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { TripPolicy } from "effect-circuit-breaker"
import { inLongRun } from "../kit/runLength.ts"
import { make, makeHalfOpen, makeOpen, settled, startCall, tagOf, works } from "../kit/index.ts"
import { byProtect } from "../kit/ports.ts"
import { play, playAll } from "../kit/script.ts"

describe("R3.3 awaitReady", () => {
  const options = { tripPolicy: TripPolicy.consecutive(1), openDuration: "10 seconds" } as const
  const lease = { halfOpen: { probeTimeout: "5 seconds" } } as const

  playAll({ protect: byProtect }, options, [
    [
      "R3.3 returns at once where a call would be admitted, and makes no circuit",
      "wait ready a:wait a:ready {} f +10 wait ready"
    ],
    ["R3.3 returns at once in observe mode", "f wait ready", { mode: "observe" }],
    ["R3.3 waits for the end of the open time, to the millisecond", "f wait +9.999 waits +0.001 ready"],
    ["R3.3 takes no slot: another caller may be first", "f +10 wait ready wait ready s"],
    ["R3.3 waits until a probe gives its slot back", "f +10 ( wait waits )x ready"],
    ["R3.3 waits until a probe closes the circuit", "f +10 ( wait waits )s ready"],
    ["R3.3 waits until a probe's lease is over", "f +10 ( wait +4.999 waits +0.001 ready", lease],
    ["R3.3 goes on waiting where a probe has failed", "f +10 ( wait )f waits +9.999 waits +0.001 ready"],
    [
      "R3.3 waits for the last release of an isolation",
      "isolate isolate wait +8640000 release waits release ready"
    ],
    [
      "R3.3 a reset ends the wait, a trip prolongs it",
      "f wait +9 trip +9.999 waits reset ready isolate wait reset ready"
    ],
    [
      // The first call is due at a share of 1, the second at a half.
      "R3.3 while Recovering waits until the next call would be admitted",
      "f +10 s wait waits - waits +34 ready s",
      { recovery: { duration: "100 seconds", from: 0.25 } }
    ],
    ["R3.3 waits for one circuit only", "eu:trip us:trip eu:wait us:wait eu:reset eu:ready us:waits"],
    [
      "R3.3 ends where the circuit it waits for had to be dropped",
      "eu:isolate eu:wait us:trip eu:=Closed eu:ready",
      { capacity: 1 }
    ]
  ])

  it.scoped("R3.3 can wait longer than a timer can, and sets no timer beyond its limit", () =>
    Effect.gen(function* () {
      const port = yield* byProtect({ ...options, openDuration: "60 days" })
      yield* play(port, "f")
      const fiber = yield* Effect.fork(port.breaker.awaitReady())
      yield* settled
      for (const at of yield* TestClock.sleeps()) assert.isAtMost(at, 2 ** 31 - 1)

      yield* TestClock.adjust(Duration.subtract("60 days", 1))
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust(1)

      yield* Fiber.join(fiber)
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

  it.scoped("R3.3 E22 is interrupted when the breaker's scope closes, before the wait or during it", () =>
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

  it.scoped("R3.3 1,000 waiters are woken only by changes that shorten their wait", () =>
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
})
