import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, CircuitBreakerRegistry, TripPolicy } from "effect-circuit-breaker"
import { atOnce, begin, Dependency, isRejected, rejection, stateTag } from "../traps/fixtures.ts"

const options = { tripPolicy: TripPolicy.consecutive(3), openDuration: "3 seconds" } as const
const makeBreaker = CircuitBreaker.make(options)

const failures = (breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.map(breaker.snapshot(), (snapshot) => snapshot.window.failures)

describe("A short_circuit: consecutive(3), open 3 s", () => {
  it.scoped("A1 1,000 successes all run", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const dependency = new Dependency()
      const values = yield* Effect.replicateEffect(breaker.protect(dependency.up), 1_000)
      assert.strictEqual(values.length, 1_000)
      assert.deepStrictEqual(new Set(values), new Set(["up"]))
      assert.strictEqual(dependency.started, 1_000)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
    })
  )

  it.scoped(
    "A2 three failures in a row open it, each caller gets its own error, a fourth call is rejected",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeBreaker
        const dependency = new Dependency()
        for (const error of ["first", "second", "third"]) {
          assert.strictEqual(yield* stateTag(breaker), "Closed")
          const call = breaker.protect(dependency.reached(Effect.fail(error)))
          assert.strictEqual(yield* Effect.flip(call), error)
        }
        assert.strictEqual(yield* stateTag(breaker), "Open")
        const error = yield* rejection(breaker.protect(dependency.up))
        assert.strictEqual(error.state, "Open")
        assert.strictEqual(dependency.started, 3)
      })
  )

  it.scoped("A3 fail, fail, ok, fail, fail: Closed with a count of 2, and one more opens", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      for (const effect of [down, down, up, down, down]) yield* Effect.exit(breaker.protect(effect))
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.strictEqual(yield* failures(breaker), 2)
      yield* Effect.exit(breaker.protect(down))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("A4 rejected at 2.999 s, admitted at 3.0 s", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(down)), 3)
      yield* TestClock.setTime(2_999)
      const error = yield* rejection(breaker.protect(up))
      assert.strictEqual(Duration.toMillis(error.retryAfter), 1)
      yield* TestClock.setTime(3_000)
      assert.strictEqual(yield* breaker.protect(up), "up")
    })
  )

  it.scoped("A4 with no call made at all, the state read after 3 s is HalfOpen", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("down"))), 3)
      yield* TestClock.setTime(2_999)
      assert.strictEqual(yield* stateTag(breaker), "Open")
      yield* TestClock.setTime(3_000)
      assert.deepStrictEqual(yield* breaker.state(), {
        _tag: "HalfOpen",
        probing: 0,
        succeeded: 0,
        openings: 1
      })
    })
  )

  it.scoped("A5 the probe succeeds: Closed, count 0, three new failures are needed", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(down)), 3)
      yield* TestClock.setTime(3_000)
      yield* breaker.protect(up)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      assert.strictEqual(yield* failures(breaker), 0)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(down)), 2)
      assert.strictEqual(yield* stateTag(breaker), "Closed")
      yield* Effect.exit(breaker.protect(down))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("A5 the probe fails: Open at once, next admission a full 3 s after that failure", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(down)), 3)
      yield* TestClock.setTime(3_500)
      const probe = yield* begin(breaker)
      yield* TestClock.setTime(4_250)
      yield* probe.ends(Exit.fail("still down"))
      assert.strictEqual(yield* stateTag(breaker), "Open")
      yield* TestClock.setTime(7_249)
      yield* rejection(breaker.protect(up))
      yield* TestClock.setTime(7_250)
      assert.strictEqual(yield* breaker.protect(up), "up")
    })
  )

  it.scoped(
    "A6 one breaker round two effects: one opens it for both, the other's success closes it for both",
    () =>
      Effect.gen(function* () {
        const breaker = yield* makeBreaker
        let isDown = true
        const first = breaker.protect(
          Effect.suspend(() => (isDown ? Effect.fail("down") : Effect.succeed(1)))
        )
        const second = breaker.protect(Effect.sync(() => "two"))
        yield* Effect.replicateEffect(Effect.exit(first), 3)
        yield* rejection(first)
        yield* rejection(second)
        isDown = false
        yield* TestClock.setTime(3_000)
        assert.strictEqual(yield* second, "two")
        assert.strictEqual(yield* first, 1)
        assert.strictEqual(yield* stateTag(breaker), "Closed")
      })
  )

  it.scoped("A7 100 rejections move neither the count nor the moment of re-admission", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const { down, up } = new Dependency()
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(down)), 3)
      const { window } = yield* breaker.snapshot()
      for (let i = 0; i < 4; i++) {
        yield* TestClock.adjust("700 millis")
        yield* Effect.replicateEffect(rejection(breaker.protect(down)), 25)
      }
      const snapshot = yield* breaker.snapshot()
      assert.deepStrictEqual(snapshot.window, window)
      assert.deepStrictEqual(snapshot.totals, { succeeded: 0, failed: 3, ignored: 0, rejected: 100 })
      yield* TestClock.setTime(3_000)
      assert.strictEqual(yield* breaker.protect(up), "up")
      assert.strictEqual(yield* failures(breaker), 0)
    })
  )

  it.scoped("A8 HalfOpen, 10 calls at once: 1 runs, 9 are rejected", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const dependency = new Dependency()
      yield* breaker.trip()
      yield* TestClock.setTime(3_000)
      const exits = yield* atOnce(10, breaker.protect(Effect.zipLeft(dependency.up, Effect.yieldNow())))
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual(exits.filter(isRejected).length, 9)
      assert.strictEqual(dependency.started, 1)
    })
  )

  it.scoped("A9 a call begun while Closed that succeeds after the trip does not close it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const early = yield* begin(breaker)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("down"))), 3)
      yield* early.ends(Exit.succeed("late"))
      assert.deepStrictEqual(yield* early.exit, Option.some(Exit.succeed("late")))
      assert.strictEqual(yield* stateTag(breaker), "Open")
    })
  )

  it.scoped("A9 a call begun while Closed that fails after the trip does not prolong it", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const early = yield* begin(breaker)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("down"))), 3)
      yield* TestClock.setTime(2_000)
      yield* early.ends(Exit.fail("late"))
      assert.deepStrictEqual(yield* early.exit, Option.some(Exit.fail("late")))
      yield* TestClock.setTime(3_000)
      assert.strictEqual(yield* stateTag(breaker), "HalfOpen")
      assert.strictEqual(yield* breaker.protect(Effect.succeed("up")), "up")
    })
  )

  it.scoped("A10 breakers are registered, found by name and listed until their scope closes", () =>
    Effect.gen(function* () {
      const listed = Effect.map(CircuitBreakerRegistry.breakers, (breakers) =>
        breakers.map(({ name }) => name).filter((name) => name.startsWith("A10 "))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const mail = yield* CircuitBreaker.make({ ...options, name: "A10 mail" })
          yield* CircuitBreaker.make({ ...options, name: "A10 payments" })
          assert.deepStrictEqual(yield* listed, ["A10 mail", "A10 payments"])
          assert.strictEqual(Option.getOrThrow(yield* CircuitBreakerRegistry.get("A10 mail")), mail)
        })
      )
      assert.deepStrictEqual(yield* listed, [])
      assert.isTrue(Option.isNone(yield* CircuitBreakerRegistry.get("A10 mail")))
    })
  )

  it.scoped("A10 statistics are readable", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      yield* breaker.protect(Effect.succeed("up"))
      yield* TestClock.setTime(1_000)
      yield* Effect.replicateEffect(Effect.exit(breaker.protect(Effect.fail("down"))), 3)
      yield* rejection(breaker.protect(Effect.succeed("up")))
      const { lastFailure, state, totals } = yield* breaker.snapshot()
      assert.strictEqual(state._tag, "Open")
      assert.deepStrictEqual(totals, { succeeded: 1, failed: 3, ignored: 0, rejected: 1 })
      assert.strictEqual(Option.getOrThrow(lastFailure).at, 1_000)
    })
  )

  it.scoped("A10 trip, reset and isolate by hand", () =>
    Effect.gen(function* () {
      const breaker = yield* makeBreaker
      const call = breaker.protect(Effect.succeed("up"))
      yield* breaker.trip()
      assert.strictEqual((yield* rejection(call)).state, "Open")
      yield* breaker.reset()
      assert.strictEqual(yield* call, "up")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* breaker.isolate()
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* rejection(call)).state, "Isolated")
        })
      )
      assert.strictEqual(yield* call, "up")
    })
  )

  it.effect("A10 one shared breaker serves a whole program", () =>
    Effect.gen(function* () {
      const charge = CircuitBreaker.protect(Effect.fail("down"))
      const refund = Effect.succeed("refunded").pipe(CircuitBreaker.protect)
      assert.strictEqual(yield* refund, "refunded")
      yield* Effect.replicateEffect(Effect.exit(charge), 3)
      yield* rejection(refund)
    }).pipe(Effect.provide(CircuitBreaker.layer(options)))
  )
})
